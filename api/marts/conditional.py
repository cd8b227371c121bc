"""Conditional requests (RFC 9110, section 13): has the client the present answer already?"""

import re
from collections.abc import Iterable
from email.utils import mktime_tz, parsedate_tz

_ENTITY_TAG = re.compile(rb'(?:W/)?("[^"]*")')


def is_unchanged(headers: Iterable[tuple[bytes, bytes]], etag: bytes, last_modified: int) -> bool:
    """Whether 304 is the answer to a GET or HEAD with these headers.

    Args:
        headers: Of the request, names in lower case.
        etag: Of the present answer, in quotes.
        last_modified: Unix time in whole seconds.
    """
    tags: list[bytes] = []
    since: bytes | None = None
    for name, value in headers:
        if name == b"if-none-match":
            tags.append(value)
        elif name == b"if-modified-since":
            since = value
    if tags:
        # If-Modified-Since doesn't count beside it. Weak comparison: `W/` makes no difference.
        return any(_holds(value, etag) for value in tags)
    return since is not None and _is_since(since, last_modified)


def _holds(tags: bytes, etag: bytes) -> bool:
    stripped = tags.strip()
    return stripped in (etag, b"*") or etag in _ENTITY_TAG.findall(stripped)


def _is_since(value: bytes, last_modified: int) -> bool:
    """A date that can't be read is ignored."""
    try:
        parsed = parsedate_tz(value.decode("latin-1"))
        return parsed is not None and mktime_tz(parsed) >= last_modified
    except (ValueError, OverflowError, TypeError, IndexError):
        return False
