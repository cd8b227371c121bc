"""From a page of a mart to an answer: entity tag, materialization, links to other pages."""

from collections.abc import Iterator
from datetime import UTC
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b

from api.marts.cache import Answer, Header
from api.marts.filters import SalesFilters
from txn_platform.stores.published import MartPage, Materialization

SERVING_HEADERS: tuple[Header, ...] = (
    # To be kept by the one user only, and asked about with its entity tag each time.
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization"),
)


def encode(
    page: MartPage, *, mart: str, path: str, filters: SalesFilters, read_at: float
) -> Answer:
    """The answer that shows a page.

    Args:
        page: What to show.
        mart: Which mart it is of.
        path: Path of the route, for the links.
        filters: What was asked for.
        read_at: As in `Answer`.
    """
    etag = _entity_tag(page)
    headers = (
        *SERVING_HEADERS,
        *_materialization_headers(page.materialization),
        (b"etag", etag),
        (b"x-total-count", str(page.total).encode()),
        (b"link", ", ".join(_links(page, path, filters)).encode()),
    )
    return Answer(
        mart=mart,
        body=page.rows,
        etag=etag,
        last_modified=int(page.materialization.materialized_at.timestamp()),
        headers=headers,
        content_headers=content_headers(page.rows),
        materialization=page.materialization,
        count=page.count,
        bytes_processed=page.bytes_processed,
        read_at=read_at,
    )


@lru_cache(maxsize=16)  # a few marts, and most of their answers are of the same one
def _materialization_headers(shown: Materialization) -> tuple[Header, ...]:
    at = shown.materialized_at.astimezone(UTC)
    return (
        (b"last-modified", format_datetime(at, usegmt=True).encode()),
        (b"x-materialization-id", shown.materialization_id.encode()),
        (b"x-materialized-at", at.isoformat().replace("+00:00", "Z").encode()),
    )


def content_headers(body: bytes) -> tuple[Header, ...]:
    """What the headers say about a body."""
    length = str(len(body)).encode()
    return ((b"content-type", b"application/json"), (b"content-length", length))


def _entity_tag(page: MartPage) -> bytes:
    digest = blake2b(page.rows, digest_size=16)
    digest.update(page.materialization.materialization_id.encode())
    return f'"{digest.hexdigest()}"'.encode()


def _links(page: MartPage, path: str, filters: SalesFilters) -> Iterator[str]:
    """RFC 8288. Pages lie where stepping from the present one by `limit` leads."""
    limit, offset = filters.limit, filters.offset

    def link(start: int, relation: str) -> str:
        return f'<{path}?{filters.canonical}&offset={start}>; rel="{relation}"'

    before = offset % limit
    last = before + (page.total - 1 - before) // limit * limit if before < page.total else 0
    yield link(0, "first")
    if offset:
        yield link(min(max(0, offset - limit), last), "prev")
    if offset + limit < page.total:
        yield link(offset + limit, "next")
    yield link(last, "last")
