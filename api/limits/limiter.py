"""How often a client may ask, counted across all workers and replicas."""

import math
import time
from dataclasses import dataclass, field
from typing import Literal, cast

import psycopg
from anyio import Lock, fail_after
from cachetools import LRUCache
from limits import RateLimitItem, parse
from limits.aio.strategies import FixedWindowRateLimiter

from api.database import ApiDatabase
from api.limits.storage import PostgresStorage
from api.observability.logs import logger
from api.problems import StoreAwayError, too_many
from txn_platform.config import RateLimitsSection

LimitName = Literal["healthz", "token", "ingest", "reads"]

FETCHES = 200
"""About as often PostgreSQL is asked for the requests of one window: of a limit of 60,000 a minute
a process fetches 300 at a time. What it then does not use, other processes can't grant; more than
the limit never pass."""
PATIENCE_SECONDS = 1.0
RETRY_SECONDS = 5.0
REMEMBERED_CLIENTS = 10_000


@dataclass
class _Allowance:
    """What this process knows of one client's window.

    Attributes:
        permits: Requests that were fetched and not used.
        exhausted: There are no more to fetch before the window ends.
        ends: When that is, on the monotonic clock.
        fetching: Held by the one request that fetches for all that wait.
    """

    permits: int = 0
    exhausted: bool = False
    ends: float = 0.0
    fetching: Lock = field(default_factory=Lock)

    def use(self) -> bool:
        """Use a permit; False when one must be fetched first.

        Raises:
            ProblemError: 429 when there are none.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            return False
        if self.permits:
            self.permits -= 1
            return True
        if self.exhausted:
            raise too_many(math.ceil(left))
        return False


class RateLimiter:
    """Fixed windows that begin with a client's first request.

    They are counted in PostgreSQL; while that is away, in each process by itself.

    Args:
        database: Of the API.
        limits: Requests that one client may make, by name of the limit.
    """

    def __init__(self, database: ApiDatabase, limits: RateLimitsSection) -> None:
        rates = cast("dict[LimitName, str | None]", limits.model_dump())
        self._items = {name: parse(rate) for name, rate in rates.items() if rate}
        self._blocks = {name: _block(item.amount) for name, item in self._items.items()}
        self._shared = FixedWindowRateLimiter(PostgresStorage(database))
        self._allowances: LRUCache[tuple[str, str], _Allowance] = LRUCache(REMEMBERED_CLIENTS)
        self._away = False
        self._shared_again_at = 0.0

    def has(self, name: LimitName) -> bool:
        """Whether there is such a limit."""
        return name in self._items

    async def check(self, name: LimitName, client: str) -> None:
        """Count one request.

        Raises:
            ProblemError: 429 when the client has made as many as it may.
        """
        item = self._items.get(name)
        if item is None:
            return
        allowance = self._allowances.get((name, client))
        if allowance is None:
            allowance = self._allowances[name, client] = _Allowance()
        if allowance.use():
            return
        async with allowance.fetching:
            while not allowance.use():
                await self._fetch(item, name, client, allowance)

    async def _fetch(
        self, item: RateLimitItem, name: LimitName, client: str, allowance: _Allowance
    ) -> None:
        block = self._blocks[name]
        granted = await self._hit(item, name, client, block)
        if granted is None:
            # As if all of the window had been fetched: this process is limited by itself.
            allowance.permits, allowance.exhausted = item.amount, True
            allowance.ends = time.monotonic() + item.get_expiry()
        else:
            allowance.permits, allowance.exhausted = (block, False) if granted else (0, True)
            ends = await self._shared.storage.get_expiry(item.key_for(name, client))
            allowance.ends = time.monotonic() + ends - time.time()

    async def _hit(
        self, item: RateLimitItem, name: LimitName, client: str, block: int
    ) -> bool | None:
        """Whether PostgreSQL grants so many requests; None while it is away."""
        now = time.monotonic()
        if now < self._shared_again_at:
            return None
        if self._away:
            # This request finds out whether it is back; the others don't wait for it.
            self._shared_again_at = now + RETRY_SECONDS
        try:
            with fail_after(PATIENCE_SECONDS):
                granted = await self._shared.hit(item, name, client, cost=block)
        except (StoreAwayError, psycopg.Error, TimeoutError) as error:
            self._lose(error)
            return None
        self._regain()
        return granted

    def _lose(self, error: Exception) -> None:
        self._shared_again_at = time.monotonic() + RETRY_SECONDS
        if not self._away:
            self._away = True
            logger().warning("rate limits count in each process", reason=type(error).__name__)

    def _regain(self) -> None:
        self._shared_again_at = 0.0
        if self._away:
            self._away = False
            logger().info("rate limits count in PostgreSQL again")


def _block(amount: int) -> int:
    """How many requests are fetched together: an amount that leaves no remainder."""
    return next(size for size in range(max(1, amount // FETCHES), 0, -1) if amount % size == 0)
