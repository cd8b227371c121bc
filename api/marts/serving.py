"""How a query becomes an answer: from the cache, from the store, or from the cache though stale."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.marts.cache import Answer, Header, Query, ResultCache
from api.marts.conditional import is_unchanged
from api.marts.encoding import SERVING_HEADERS, content_headers, encode
from api.marts.filters import SalesFilters
from api.problems import ProblemError
from api.watch import Watch
from txn_platform.stores.published import MartPage

PATIENCE_SECONDS = 2.0
"""How long a client waits for a newer answer when an older one could stand in."""

CacheState = Literal["hit", "miss", "stale", "revalidated"]

_STALE_HEADERS: tuple[Header, ...] = (
    (b"x-data-stale", b"true"),
    (b"warning", b'110 - "Response is Stale"'),
)


class RawResponse(Response):
    """A response whose headers are encoded already."""

    def __init__(self, status: int, headers: Iterable[Header], body: bytes) -> None:
        self.status_code = status
        # A list of its own: what stands around the application may add to it.
        self.raw_headers = [*headers]
        self.body = body
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to HEAD without the body."""
        if scope["method"] == "HEAD":
            self.body = b""
        await super().__call__(scope, receive, send)


def respond(scope: Scope, answer: Answer, state: CacheState) -> Response:
    """200 with an answer, or 304 where the client has it already.

    Args:
        scope: Of the request; its state says afterwards what was done, for log and metrics.
        answer: What to send.
        state: Where it came from.
    """
    told = scope.setdefault("state", {})
    told["result_count"] = answer.count
    told["bytes_processed"] = answer.bytes_processed if state == "miss" else 0
    told["cache"] = state
    headers = answer.headers if state != "stale" else (*answer.headers, *_STALE_HEADERS)
    if is_unchanged(scope["headers"], answer.etag, answer.last_modified):
        if state == "hit":
            told["cache"] = "revalidated"
        return RawResponse(304, headers, b"")
    return RawResponse(200, (*answer.content_headers, *headers), answer.body)


def nothing_yet(scope: Scope) -> Response:
    """200 without rows: the pipeline has not materialized the mart yet."""
    scope.setdefault("state", {})["result_count"] = 0
    body = b"[]"
    headers = (*content_headers(body), *SERVING_HEADERS, (b"x-total-count", b"0"))
    return RawResponse(200, headers, body)


@dataclass(frozen=True)
class Asked:
    """A query of one mart.

    Attributes:
        mart: As in `PipelineStatus.versions`.
        route: Name of the route.
        path: Path of the route, for links.
    """

    mart: str
    route: str
    path: str
    filters: SalesFilters


class MartReader:
    """Answers queries of one application.

    Args:
        results: Keeps the answers.
        watch: Knows what the marts hold.
    """

    def __init__(self, results: ResultCache, watch: Watch) -> None:
        self._results = results
        self._watch = watch

    def remembered(self, route: str, scope: Scope) -> Response | None:
        """The answer to a query string that was answered before, while it may be given."""
        answer = self._results.find_spelled(route, scope["query_string"])
        if answer is None:
            return None
        state = self._state(answer)
        return None if state is None else respond(scope, answer, state)

    async def answer(
        self, request: Request, asked: Asked, read: Callable[[], MartPage | Awaitable[MartPage]]
    ) -> Response:
        """The answer to a query, read from the store where it must be.

        Args:
            request: Whose conditions decide between 200 and 304.
            asked: The query.
            read: Reads the page, at once or awaited.

        Raises:
            ProblemError: 503 when the store is away and no older answer is there.
        """
        query = Query(asked.route, f"{asked.filters.canonical}&offset={asked.filters.offset}")
        version = self._watch.status.versions.get(asked.mart)
        if version is None and self._watch.reachable:
            return nothing_yet(request.scope)
        held = self._results.find(query)
        state = None if held is None else self._state(held)
        known = version.materialization_id if version else ""
        load = partial(self._results.load, query, known, partial(_load, asked, read))
        if held is None:
            held, state = await load(), "miss"
        elif state is None:
            held, state = await self._newer(held, load())
        self._results.remember_spelling(request.scope["query_string"], query)
        return respond(request.scope, held, state)

    async def _newer(self, held: Answer, load: Awaitable[Answer]) -> tuple[Answer, CacheState]:
        """What the store has now; the older answer where it doesn't answer, or not soon."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await load, "miss"
        except (ProblemError, TimeoutError):
            self._results.note_away(held.mart)
            return held, "stale"

    def _state(self, answer: Answer) -> CacheState | None:
        """Under which name a kept answer may be given; None when it must be read again."""
        if not self._watch.reachable:
            # Nobody knows whether there is a later materialization.
            return "stale"
        version = self._watch.status.versions.get(answer.mart)
        if answer.shows(version, self._watch.polled_at):
            return "hit"
        return "stale" if self._results.is_away(answer.mart) else None


def _load(
    asked: Asked, read: Callable[[], MartPage | Awaitable[MartPage]]
) -> Answer | Awaitable[Answer]:
    read_at = time.monotonic()
    page = read()
    if isinstance(page, MartPage):
        return _encoded(asked, page, read_at)

    async def later() -> Answer:
        return _encoded(asked, await page, read_at)

    return later()


def _encoded(asked: Asked, page: MartPage, read_at: float) -> Answer:
    return encode(page, mart=asked.mart, path=asked.path, filters=asked.filters, read_at=read_at)
