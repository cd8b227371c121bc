"""The last defence: what must never be logged is taken out of a line, whoever logged it."""

import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import cast

REDACTED = "[redacted]"
SENSITIVE_KEYS = frozenset(
    {
        "access_token",
        "authorization",
        "cookie",
        "jwt",
        "password",
        "query",
        "query_string",
        "refresh_token",
        "secret",
        "set-cookie",
        "token",
        "transaction_id",
    }
)
# Hashed identifiers, and JSON Web Tokens (whose header always begins with `{"`).
_SENSITIVE = re.compile(
    r"[0-9a-fA-F]{64}|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?"
)
_SHORTEST_HEX = 64
_TOKEN_MARK = "eyJ"  # noqa: S105 - how each begins
_HARMLESS = frozenset({int, float, bool, type(None)})
_MOST_FRAMES = 20
_MOST_CAUSES = 5
_ROOT = Path(__file__).resolve().parents[2]

EventDict = MutableMapping[str, object]


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace tokens and hashed identifiers in all values, and all that sensitive keys hold."""
    if not SENSITIVE_KEYS.isdisjoint(event):
        for key in SENSITIVE_KEYS & event.keys():
            event[key] = REDACTED
    for key, value in event.items():
        if type(value) is str:
            # Most values can't match. Seeing that first saves 2 microseconds for a request id.
            if len(value) >= _SHORTEST_HEX or _TOKEN_MARK in value:
                event[key] = _SENSITIVE.sub(REDACTED, value)
        elif type(value) not in _HARMLESS:
            event[key] = _redacted(value)
    return event


def describe_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the types and frames of an exception, as `exception`.

    Messages and variables may hold values of the data, so neither is logged.
    """
    exception = event.pop("exc_info", None)
    if exception is True:
        exception = sys.exception()
    elif isinstance(exception, tuple):
        exception = cast("tuple[object, ...]", exception)[1]
    if isinstance(exception, BaseException):
        event["exception"] = description(exception)
    return event


def description(exception: BaseException, *, causes: int = _MOST_CAUSES) -> dict[str, object]:
    """Type, innermost frames and cause of an exception."""
    kind = type(exception)
    found: dict[str, object] = {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "frames": _frames(exception.__traceback__),
    }
    cause = exception.__cause__ or (
        None if exception.__suppress_context__ else exception.__context__
    )
    if cause is not None and causes:
        found["cause"] = description(cause, causes=causes - 1)
    if isinstance(exception, BaseExceptionGroup) and causes:
        members = cast("BaseExceptionGroup[BaseException]", exception).exceptions
        found["members"] = [description(member, causes=0) for member in members[:_MOST_CAUSES]]
    return found


def _frames(trace: TracebackType | None) -> list[str]:
    frames = [
        f"{_relative(frame.f_code.co_filename)}:{line} {frame.f_code.co_qualname}"
        for frame, line in walk_tb(trace)
    ]
    return frames[-_MOST_FRAMES:]


def _relative(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else filename


def _redacted(value: object) -> object:
    match value:
        case str():
            return _SENSITIVE.sub(REDACTED, value)
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return {
                _redacted(key): REDACTED if key in SENSITIVE_KEYS else _redacted(item)
                for key, item in items
            }
        case Sequence() if not isinstance(value, bytes | bytearray):
            return [_redacted(item) for item in cast("Sequence[object]", value)]
        case _:
            return value
