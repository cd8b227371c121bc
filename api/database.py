"""PostgreSQL under the API's own role: one pool for reading marts, one for its own tables."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.problems import StoreAwayError

# Readers beyond this wait: more connections than cores only make each of them slower.
MAX_READERS = 8
MAX_WRITERS = 4
WAIT_SECONDS = 5.0
CONNECT_SECONDS = 5
LOST_MILLISECONDS = 5_000


class ApiDatabase:
    """The two pools.

    Args:
        url: Address of the operational database, with the credentials of the API's role.
        statement_timeout: Seconds that one statement may take.
    """

    def __init__(self, url: str, statement_timeout: float) -> None:
        timeout = f"-c statement_timeout={int(statement_timeout * 1000)}"
        self._read_only = _conninfo(url, f"{timeout} -c default_transaction_read_only=on")
        self._readers = _pool(self._read_only, MAX_READERS, autocommit=True)
        self._writers = _pool(_conninfo(url, timeout), MAX_WRITERS, autocommit=False)

    async def open(self) -> None:
        """Start connecting; what can't be reached yet is tried again in the background."""
        await self._readers.open(wait=False)
        await self._writers.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._readers.close()
        await self._writers.close()

    def statistics(self) -> Mapping[str, Mapping[str, int]]:
        """Figures of psycopg's pools, by `readers` and `writers`."""
        return {"readers": self._readers.get_stats(), "writers": self._writers.get_stats()}

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection on which every statement is a READ ONLY transaction of its own.

        Raises:
            StoreAwayError: when PostgreSQL does not answer in time.
        """
        async with _borrowed(self._readers) as connection:
            yield connection

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[AsyncConnection]:
        """As `reading`, but a connection of its own, for as long as it is needed.

        Raises:
            psycopg.Error: when PostgreSQL does not answer in time.
        """
        async with await AsyncConnection.connect(self._read_only, autocommit=True) as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A connection in a transaction, committed at the end.

        Raises:
            StoreAwayError: when PostgreSQL does not answer in time.
        """
        async with _borrowed(self._writers) as connection:
            yield connection


@asynccontextmanager
async def _borrowed(pool: AsyncConnectionPool) -> AsyncGenerator[AsyncConnection]:
    try:
        async with pool.connection(timeout=WAIT_SECONDS) as connection:
            yield connection
    except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError):
        # Lost connections, timeouts of statements and a server that is away: all may pass.
        raise StoreAwayError("postgres") from None


def _conninfo(url: str, options: str) -> str:
    """The address with time limits: a server whose machine is gone is noticed within seconds."""
    return make_conninfo(
        url, options=options, connect_timeout=CONNECT_SECONDS, tcp_user_timeout=LOST_MILLISECONDS
    )


def _pool(conninfo: str, most: int, *, autocommit: bool) -> AsyncConnectionPool:
    return AsyncConnectionPool(
        conninfo,
        min_size=1,
        max_size=most,
        timeout=WAIT_SECONDS,
        reconnect_timeout=30,
        open=False,
        kwargs={"autocommit": autocommit},
    )
