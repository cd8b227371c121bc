"""Which stores answer."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from anyio import CapacityLimiter, Lock, to_thread

from api.marts import summary
from api.marts.filters import TrendFilters
from api.problems import ProblemError
from api.watch import Watch
from txn_platform.errors import StoreError
from txn_platform.stores.ports import Lake
from txn_platform.stores.published import MartPage, PublishedMarts

DependencyName = Literal["postgres", "warehouse", "lake"]
DependencyState = Literal["ok", "empty", "away"]

PROBE_SECONDS = 5.0
"""How old what is told about the warehouse and the lake may be."""
PATIENCE_SECONDS = 3.0
"""How long a store may take to answer before it counts as away."""

_NO_BATCH = "0" * 64


@dataclass(frozen=True)
class Dependency:
    """A store, and whether it answers.

    Attributes:
        state: `ok`; `empty` when it answers but holds nothing yet; `away`.
        since: When this process first saw it in this state, in UTC.
    """

    name: DependencyName
    state: DependencyState
    since: datetime


class Dependencies:
    """Asks the stores, however many ask us, at most once every `PROBE_SECONDS`.

    Args:
        watch: Knows about PostgreSQL without asking, and what should be there.
        marts: The published marts of the warehouse.
        lake: The data lake.
    """

    def __init__(self, watch: Watch, marts: PublishedMarts, lake: Lake) -> None:
        self._watch = watch
        self._marts = marts
        self._lake = lake
        self._asking = Lock()
        self._threads = CapacityLimiter(1)
        self._asked_at = float("-inf")
        self._seen: dict[DependencyName, Dependency] = {}
        self._probes: dict[DependencyName, asyncio.Task[DependencyState]] = {}

    async def states(self) -> list[Dependency]:
        """PostgreSQL, the warehouse and the lake."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= PROBE_SECONDS:
                await asyncio.gather(
                    self._probe("warehouse", self._warehouse), self._probe("lake", self._lake_state)
                )
                self._asked_at = time.monotonic()
        return [self._postgres(), self._seen["warehouse"], self._seen["lake"]]

    def _postgres(self) -> Dependency:
        if not self._watch.reachable:
            return Dependency("postgres", "away", self._watch.changed_at)
        state = "ok" if "pg_sales" in self._watch.status.versions else "empty"
        return Dependency("postgres", state, self._watch.changed_at)

    async def _probe(
        self, name: DependencyName, ask: Callable[[], Coroutine[Any, Any, DependencyState]]
    ) -> None:
        task = self._probes.get(name)
        if task is None or task.done():
            task = self._probes[name] = asyncio.create_task(ask())
        # One that hangs is waited for again next time: a thread can't be stopped.
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        state: DependencyState = task.result() if done else "away"
        seen = self._seen.get(name)
        if seen is None or seen.state != state:
            self._seen[name] = Dependency(name, state, datetime.now(UTC))

    async def _warehouse(self) -> DependencyState:
        try:
            found = summary.read_page(self._marts, TrendFilters(limit=1))
            page = found if isinstance(found, MartPage) else await found
        except ProblemError:
            unpublished = "summary_sales" not in self._watch.status.versions
            return "empty" if unpublished and self._watch.reachable else "away"
        return "ok" if page.total else "empty"

    async def _lake_state(self) -> DependencyState:
        try:
            # The cheapest question: is there a batch that can't be there?
            await to_thread.run_sync(self._lake.manifest, _NO_BATCH, limiter=self._threads)
        except StoreError:
            return "away"
        status = self._watch.status
        return "ok" if status.accepted_rows or status.rejected_rows else "empty"
