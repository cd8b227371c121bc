import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import AsyncConnection
from structlog.testing import capture_logs

from api.database import ApiDatabase
from api.watch import PipelineStatus, Watch

pytestmark = pytest.mark.anyio

AT = datetime(2024, 2, 1, 12, 30, 15, 123456, UTC)
DEADLINE_SECONDS = 20


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not check():  # noqa: ASYNC110 - nothing tells when another process is done
            await asyncio.sleep(0.01)


class CountedDatabase(ApiDatabase):
    """Counts how often it is connected to."""

    attempts = 0

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[AsyncConnection]:
        self.attempts += 1
        async with super().watching() as connection:
            yield connection


def watching(url: str, *, patience: float = 2) -> AbstractAsyncContextManager[Watch]:
    database = ApiDatabase(url, statement_timeout=5)
    return running(Watch(database, interval=0.02, patience=patience))


@asynccontextmanager
async def running(watch: Watch) -> AsyncIterator[Watch]:
    watch.start()
    try:
        yield watch
    finally:
        await watch.stop()


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode(), values)


def publish(url: str, mart: str, materialization_id: str, row_count: int) -> None:
    execute(
        url,
        "INSERT INTO mart_versions VALUES (%s, %s, %s, %s) ON CONFLICT (mart) DO UPDATE SET "
        "materialization_id = excluded.materialization_id, row_count = excluded.row_count",
        mart,
        materialization_id,
        AT,
        row_count,
    )


@contextmanager
def role_shut_out(owner_url: str) -> Generator[None]:
    """The server lets the API's role in no more, and ends what it has open."""
    execute(owner_url, "ALTER ROLE txn_api NOLOGIN")
    execute(
        owner_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = 'txn_api' AND datname = current_database()",
    )
    try:
        yield
    finally:
        execute(owner_url, "ALTER ROLE txn_api LOGIN")


async def test_everything_that_the_pipeline_wrote_down_is_known(
    api_url: str, owner_url: str
) -> None:
    publish(owner_url, "summary_sales", "one", 60)
    execute(owner_url, "INSERT INTO asset_materializations VALUES ('fact_sales', 'run', %s)", AT)
    execute(
        owner_url,
        "INSERT INTO check_results VALUES ('fact_sales', 'pii', true, 'ERROR', true, 'run', %s), "
        "('fact_sales', 'age', false, 'WARN', false, 'run', %s)",
        AT,
        AT + timedelta(hours=1),
    )
    execute(
        owner_url,
        "INSERT INTO landed_rows VALUES ('accepted', 9), ('invalid_date', 2), ('invalid_price', 1)",
    )
    async with watching(api_url) as watch:
        assert await watch.wait_for_first(DEADLINE_SECONDS)
        status = watch.status
        assert watch.reachable
        assert watch.last_seen is not None
    [(mart, version)] = status.versions.items()
    assert (mart, version.materialization_id, version.row_count) == ("summary_sales", "one", 60)
    assert version.materialized_at == AT
    assert version.materialized_at.utcoffset() == timedelta()
    [asset] = status.assets
    assert (asset.asset, asset.run_id, asset.materialized_at) == ("fact_sales", "run", AT)
    assert [(check.name, check.passed, check.severity) for check in status.checks] == [
        ("age", False, "WARN"),
        ("pii", True, "ERROR"),
    ]
    assert status.checks[1].blocking
    assert status.accepted_rows == 9
    assert status.rejected_rows == {"invalid_date": 2, "invalid_price": 1}


async def test_a_new_materialization_is_known_with_the_next_poll(
    api_url: str, owner_url: str
) -> None:
    async with watching(api_url) as watch:
        await watch.wait_for_first(DEADLINE_SECONDS)
        assert not watch.status.versions
        publish(owner_url, "pg_sales", "one", 1)
        await eventually(lambda: "pg_sales" in watch.status.versions)
        publish(owner_url, "pg_sales", "two", 2)
        await eventually(lambda: watch.status.versions["pg_sales"].materialization_id == "two")
        assert watch.status.versions["pg_sales"].row_count == 2


async def test_before_the_first_run_postgres_is_reachable_and_there_is_nothing(
    unused_url: str,
) -> None:
    async with watching(unused_url) as watch:
        assert await watch.wait_for_first(DEADLINE_SECONDS)
        assert watch.reachable
        assert watch.status == PipelineStatus()


async def test_a_server_that_is_away_is_noticed_and_told_once_each_way(
    api_url: str, owner_url: str
) -> None:
    publish(owner_url, "pg_sales", "one", 1)
    database = CountedDatabase(api_url, statement_timeout=5)
    with capture_logs() as told:
        async with running(Watch(database, interval=0.02)) as watch:
            await eventually(lambda: "pg_sales" in watch.status.versions)
            with role_shut_out(owner_url):
                await eventually(lambda: not watch.reachable)
                lost_at, seen = watch.changed_at, watch.last_seen
                attempts = database.attempts
                await eventually(lambda: database.attempts > attempts + 3)
                assert watch.changed_at == lost_at
                assert watch.last_seen == seen
                assert watch.status.versions["pg_sales"].materialization_id == "one"
            await eventually(lambda: watch.reachable)
            assert watch.changed_at > lost_at
    assert [event["event"] for event in told] == [
        "postgres answers",
        "postgres does not answer",
        "postgres answers",
    ]


async def test_a_server_that_was_never_there_is_waited_for(api_url: str, owner_url: str) -> None:
    with role_shut_out(owner_url):
        async with watching(api_url) as watch:
            assert not await watch.wait_for_first(0.1)
            assert watch.last_seen is None
            execute(owner_url, "ALTER ROLE txn_api LOGIN")
            assert await watch.wait_for_first(DEADLINE_SECONDS)


async def test_a_poll_without_an_answer_counts_as_away(api_url: str, owner_url: str) -> None:
    async with watching(api_url, patience=0.3) as watch:
        await watch.wait_for_first(DEADLINE_SECONDS)
        with psycopg.connect(owner_url) as writer:
            writer.execute("LOCK TABLE mart_versions IN ACCESS EXCLUSIVE MODE")
            await eventually(lambda: not watch.reachable)
        await eventually(lambda: watch.reachable)


async def test_followers_read_with_every_poll_on_the_read_only_connection(api_url: str) -> None:
    found: list[str] = []

    async def follower(connection: AsyncConnection) -> None:
        cursor = await connection.execute("SHOW default_transaction_read_only")
        found.extend(row[0] for row in await cursor.fetchall())

    async with watching(api_url) as watch:
        watch.on_poll(follower)
        await eventually(lambda: len(found) > 2)
    assert set(found) == {"on"}


async def test_a_follower_that_fails_stops_nobody_else_and_is_told_once(
    api_url: str, owner_url: str
) -> None:
    calls = {"bad": 0, "good": 0}

    async def bad(_connection: AsyncConnection) -> None:
        calls["bad"] += 1
        raise ValueError("a defect")

    async def good(_connection: AsyncConnection) -> None:
        calls["good"] += 1

    with capture_logs() as told:
        async with watching(api_url) as watch:
            watch.on_poll(bad)
            watch.on_poll(good)
            await eventually(lambda: min(calls.values()) > 3)
            publish(owner_url, "pg_sales", "one", 1)
            await eventually(lambda: "pg_sales" in watch.status.versions)
            assert watch.reachable
    assert [event["event"] for event in told].count("a follower of the watch failed") == 1


async def test_a_status_that_can_not_be_understood_does_not_end_the_watch(
    api_url: str, owner_url: str
) -> None:
    async with watching(api_url) as watch:
        await watch.wait_for_first(DEADLINE_SECONDS)
        execute(owner_url, "ALTER TABLE mart_versions RENAME COLUMN row_count TO something_else")
        execute(owner_url, "INSERT INTO mart_versions VALUES ('pg_sales', 'one', now(), 1)")
        await eventually(lambda: not watch.reachable)
        execute(owner_url, "ALTER TABLE mart_versions RENAME COLUMN something_else TO row_count")
        await eventually(lambda: "pg_sales" in watch.status.versions and watch.reachable)


async def test_a_stopped_watch_leaves_no_connection(api_url: str, owner_url: str) -> None:
    async with watching(api_url) as watch:
        await watch.wait_for_first(DEADLINE_SECONDS)

    def connections() -> int:
        with psycopg.connect(owner_url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE usename = 'txn_api' AND datname = current_database()"
            ).fetchone()
        assert found is not None
        return found[0]

    await eventually(lambda: connections() == 0)
