"""Encoded answers, kept until the mart that they show is materialized again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache

from api.watch import MartVersion
from txn_platform.stores.published import Materialization

AWAY_SECONDS = 5.0
"""How long a store that failed is not asked for what an older answer can stand in for."""

# What an entry takes besides its body and headers: keys and the objects around them, as measured.
ENTRY_OVERHEAD_BYTES = 3072

# How clients spell queries and the totals of selections are remembered, too. Neither takes more
# than 2 kB, so one for each 32 kB of the bound takes another sixteenth of it at most.
_BYTES_FOR_EACH_REMEMBERED = 32 * 1024
_MAX_SPELLING_BYTES = 1024

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of a mart, ready to be sent.

    Attributes:
        mart: As in `PipelineStatus.versions`.
        body: A JSON array.
        etag: Strong, in quotes.
        last_modified: Unix time of the materialization, in whole seconds.
        headers: Those of 304, but for what says how fresh it is.
        content_headers: What 200 has besides.
        materialization: What all of its rows are from.
        count: Rows on the page.
        bytes_processed: What the warehouse read for it.
        read_at: Time on the monotonic clock before the store was asked.
    """

    mart: str
    body: bytes
    etag: bytes
    last_modified: int
    headers: tuple[Header, ...]
    content_headers: tuple[Header, ...]
    materialization: Materialization
    count: int
    bytes_processed: int
    read_at: float

    def shows(self, version: MartVersion | None, known_at: float) -> bool:
        """Whether it is at least as new as what the pipeline says that the mart holds.

        No times of materializations are compared: the clocks of two runs may differ.

        Args:
            version: What the mart holds.
            known_at: When that was read, on the monotonic clock.
        """
        return version is not None and (
            self.materialization.materialization_id == version.materialization_id
            or self.read_at >= known_at
        )


class Query(NamedTuple):
    """What an answer answers.

    Attributes:
        route: Name of the route.
        text: The query string in its canonical form.
    """

    route: str
    text: str


Read = Callable[[], Answer | Awaitable[Answer]]


class ResultCache:
    """Answers by query, the least recently used dropped first; bounded by bytes.

    Args:
        max_bytes: What all answers may take together; 0 for none.
    """

    def __init__(self, max_bytes: int) -> None:
        self._answers: LRUCache[Query, Answer] = LRUCache(max_bytes, getsizeof=_size)
        remembered = max_bytes // _BYTES_FOR_EACH_REMEMBERED
        self._spellings: LRUCache[tuple[str, bytes], Query] = LRUCache(remembered)
        self._totals: LRUCache[str, tuple[str, int]] = LRUCache(remembered)
        self._away_until: dict[str, float] = {}
        self._flights: dict[tuple[Query, str], asyncio.Task[Answer]] = {}

    @property
    def size_bytes(self) -> int:
        """What the answers take at present."""
        return int(self._answers.currsize)

    def find(self, query: Query) -> Answer | None:
        """The answer to a query, of whatever materialization."""
        return self._answers.get(query)

    def find_spelled(self, route: str, raw: bytes) -> Answer | None:
        """The answer to a query string that was answered before, byte for byte the same."""
        query = self._spellings.get((route, raw))
        return None if query is None else self._answers.get(query)

    def remember_spelling(self, raw: bytes, query: Query) -> None:
        """Let `find_spelled` find the answer to this query."""
        if len(raw) <= _MAX_SPELLING_BYTES and self._spellings.maxsize:
            self._spellings[query.route, raw] = query

    def total(self, selection: str) -> tuple[str, int] | None:
        """How many rows were selected, and of which materialization that is true."""
        return self._totals.get(selection)

    def remember_total(self, selection: str, materialization_id: str, rows: int) -> None:
        """Spare the other pages of a selection from counting all of its rows again."""
        if self._totals.maxsize:
            self._totals[selection] = (materialization_id, rows)

    def is_away(self, mart: str) -> bool:
        """Whether the mart's store lately failed to answer, and is given some time."""
        return time.monotonic() < self._away_until.get(mart, 0.0)

    def note_away(self, mart: str) -> None:
        """Remember that the mart's store does not answer."""
        self._away_until[mart] = time.monotonic() + AWAY_SECONDS

    async def load(self, query: Query, version: str, read: Read) -> Answer:
        """Read an answer and keep it; callers at the same time share one reading.

        Args:
            query: What is asked.
            version: The materialization that the caller knows of. One who knows of a later one
                than those who are waiting doesn't join them: they may get an older answer.
            read: Asks the store. What it has at once, nobody can ask for meanwhile.
        """
        key = (query, version)
        flight = self._flights.get(key)
        if flight is None:
            begun = read()
            if isinstance(begun, Answer):
                return self._keep(query, begun)
            # A task of its own: that the client who came first goes away must not fail the others.
            flight = asyncio.create_task(self._land(query, begun))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    def _landed(self, key: tuple[Query, str], flight: asyncio.Task[Answer]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # seen, should nobody be waiting any more

    async def _land(self, query: Query, begun: Awaitable[Answer]) -> Answer:
        return self._keep(query, await begun)

    def _keep(self, query: Query, answer: Answer) -> Answer:
        held = self._answers.get(query)
        newest = held is None or held.read_at <= answer.read_at
        if newest and _size(answer) <= self._answers.maxsize:
            self._answers[query] = answer
        return answer


def _size(answer: Answer) -> int:
    sent = len(answer.body) + sum(len(value) for _, value in answer.headers)
    return sent + ENTRY_OVERHEAD_BYTES
