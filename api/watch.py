"""What the pipeline last materialized, known within a second, in every replica alike."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable
from pydantic import TypeAdapter

from api.database import ApiDatabase
from api.observability.logs import logger
from api.statements import statement
from txn_platform.stores.status import AssetRecord, CheckRecord

POLL_SECONDS = 0.5
POLL_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class MartVersion:
    """The materialization that a mart holds.

    Attributes:
        materialization_id: Changes exactly when the mart's rows may have changed.
        materialized_at: When that was, in UTC.
        row_count: Rows of the mart then.
    """

    materialization_id: str
    materialized_at: datetime
    row_count: int


@dataclass(frozen=True)
class PipelineStatus:
    """Everything that the pipeline wrote down about itself.

    Attributes:
        versions: By mart: `summary_sales` (with the daily summary) and `pg_sales`.
        assets: Latest materializations.
        checks: Latest results.
        accepted_rows: Rows that all landed batches hold.
        rejected_rows: Rows that were rejected, by reason.
    """

    versions: Mapping[str, MartVersion] = field(default_factory=dict[str, MartVersion])
    assets: Sequence[AssetRecord] = ()
    checks: Sequence[CheckRecord] = ()
    accepted_rows: int = 0
    rejected_rows: Mapping[str, int] = field(default_factory=dict[str, int])


PollCallback = Callable[[AsyncConnection], Awaitable[None]]

_STATUS = TypeAdapter(PipelineStatus)


class Watch:
    """Keeps `status` up to date from PostgreSQL, and says whether PostgreSQL answers.

    It polls on a connection of its own, so that readers who wait for the pool never make the
    status old. Whatever happens to the server, polling goes on.

    Args:
        database: PostgreSQL under the API's role.
        interval: Seconds between two polls.
        patience: Seconds after which a poll without an answer counts as failed.

    Attributes:
        status: What the pipeline wrote down, as of `last_seen`.
        reachable: Whether the latest poll was answered.
        last_seen: When a poll was last answered, in UTC; None before the first.
        polled_at: When `status` was read, on the monotonic clock: what anyone reads from then on
            is at least as new.
        changed_at: When `reachable` last changed, in UTC.
    """

    def __init__(
        self,
        database: ApiDatabase,
        *,
        interval: float = POLL_SECONDS,
        patience: float = POLL_TIMEOUT_SECONDS,
    ) -> None:
        self.status = PipelineStatus()
        self.reachable = False
        self.last_seen: datetime | None = None
        self.polled_at = float("-inf")
        self.changed_at = datetime.now(UTC)
        self._database = database
        self._interval = interval
        self._patience = patience
        self._callbacks: list[PollCallback] = []
        self._failing: set[PollCallback] = set()
        self._seen = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._text: str = ""
        self._told: bool | None = None

    def on_poll(self, callback: PollCallback) -> None:
        """Have a function read something of its own with every poll, on the watch's connection."""
        self._callbacks.append(callback)

    def start(self) -> None:
        """Begin polling in the background of the running event loop."""
        self._task = asyncio.create_task(self._run(), name="watch")

    async def stop(self) -> None:
        """Stop polling and close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def wait_for_first(self, timeout: float) -> bool:  # noqa: ASYNC109 - a start waits so long
        """Wait for the first answer; False when there was none within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._seen.wait()
        except TimeoutError:
            return False
        return True

    async def _run(self) -> None:
        while True:
            try:
                await self._poll_until_lost()
            except Exception as error:  # noqa: BLE001 - nothing may end the watch
                self._answered(reachable=False, reason=type(error).__name__)
            await asyncio.sleep(self._interval)

    async def _poll_until_lost(self) -> None:
        async with self._database.watching() as connection:
            while True:
                async with asyncio.timeout(self._patience):
                    await self._refresh(connection)
                    await self._call_back(connection)
                self._answered(reachable=True)
                await asyncio.sleep(self._interval)

    async def _refresh(self, connection: AsyncConnection) -> None:
        try:
            cursor = await connection.execute(statement("api", "pipeline_status"))
            row = await cursor.fetchone()
        except UndefinedTable:
            # Nothing was ever materialized: the pipeline creates its tables with the first run.
            row = None
        text: str = row[0] if row else "{}"
        if text != self._text:
            self.status, self._text = _STATUS.validate_json(text), text
        self.polled_at = time.monotonic()

    async def _call_back(self, connection: AsyncConnection) -> None:
        for callback in self._callbacks:
            try:
                await callback(connection)
            except (psycopg.OperationalError, TimeoutError):
                raise
            except Exception:  # noqa: BLE001 - as its comment says
                # One part's fault must not blind all others; told once, not twice a second.
                if callback not in self._failing:
                    self._failing.add(callback)
                    logger().exception("a follower of the watch failed")
            else:
                self._failing.discard(callback)

    def _answered(self, *, reachable: bool, reason: str = "") -> None:
        now = datetime.now(UTC)
        if reachable:
            self.last_seen = now
            self._seen.set()
        if reachable != self.reachable:
            self.reachable, self.changed_at = reachable, now
        if reachable == self._told:
            return
        self._told = reachable
        if reachable:
            logger().info("postgres answers")
        else:
            logger().warning("postgres does not answer", reason=reason)
