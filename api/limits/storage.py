"""Counters of requests in PostgreSQL: one statement counts, for all workers and replicas."""

import time
from collections.abc import Mapping
from typing import Any, LiteralString, cast

from cachetools import LRUCache
from limits.aio.storage import Storage
from psycopg.rows import TupleRow

from api.database import ApiDatabase
from api.problems import StoreAwayError
from api.statements import statement

SWEEP_SECONDS = 60
REMEMBERED_WINDOWS = 10_000


class PostgresStorage(Storage):
    """The table `api.rate_counters`, as the strategies of `limits` use it.

    The database's clock decides when a window ends, so the clocks of the replicas don't matter.

    Args:
        database: Of the API.
    """

    STORAGE_SCHEME = ["async+txn-postgres"]  # noqa: RUF012 - as the base class declares it

    def __init__(self, database: ApiDatabase) -> None:
        super().__init__()
        self._database = database
        self._ends: LRUCache[str, float] = LRUCache(REMEMBERED_WINDOWS)
        self._next_sweep = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a database that is away raises."""
        return StoreAwayError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count hits in the key's window; the first of them opens it for `expiry` seconds.

        Returns:
            All hits of the window so far.
        """
        values = {"key": key, "seconds": expiry, "hits": amount}
        async with self._database.writing() as connection:
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + SWEEP_SECONDS
                await connection.execute(_sql("clear_expired"))
            cursor = await connection.execute(_sql("count_hits"), values)
            hits, seconds_left = cast("tuple[int, float]", await cursor.fetchone())
        self._ends[key] = time.time() + seconds_left
        return hits

    async def get(self, key: str) -> int:
        """Hits of the key's window so far."""
        row = await self._read(key)
        return row[0] if row else 0

    async def get_expiry(self, key: str) -> float:
        """When the window ends in which this process counted last, in seconds since 1970."""
        if key not in self._ends:
            row = await self._read(key)
            return time.time() + (row[1] if row else 0)
        return self._ends[key]

    async def check(self) -> bool:
        """Whether the counters can be read."""
        try:
            await self.get("")
        except StoreAwayError:
            return False
        return True

    async def reset(self) -> int:
        """Forget every window; returns how many there were."""
        return await self._clear("clear_counters", {})

    async def clear(self, key: str) -> None:
        """Forget the key's window."""
        await self._clear("clear_counter", {"key": key})

    async def _read(self, key: str) -> TupleRow | None:
        async with self._database.reading() as connection:
            cursor = await connection.execute(_sql("read_counter"), {"key": key})
            return await cursor.fetchone()

    async def _clear(self, name: str, values: Mapping[str, Any]) -> int:
        async with self._database.writing() as connection:
            cursor = await connection.execute(_sql(name), values)
        self._ends.clear()
        return cursor.rowcount


def _sql(name: str) -> LiteralString:
    return statement("api.limits", name)
