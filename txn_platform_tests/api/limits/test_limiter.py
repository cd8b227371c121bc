"""Rate limits: exactly as many as configured, whoever counts."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import psycopg
import pytest

from api.database import WAIT_SECONDS, ApiDatabase
from api.limits import limiter as limiter_module
from api.limits.limiter import RateLimiter
from api.limits.storage import PostgresStorage
from api.problems import ProblemError
from txn_platform.config import RateLimitsSection

AWAY = "postgresql://txn_api:x@127.0.0.1:1/nowhere"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ApiDatabase]:
    database = ApiDatabase(url, statement_timeout=5)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


def limits(**rates: str | None) -> RateLimitsSection:
    none = {"healthz": None, "token": None, "ingest": None, "reads": None}
    return RateLimitsSection.model_validate(none | rates)


async def passes(limiter: RateLimiter, client: str = "address:192.0.2.1") -> bool:
    """Whether one more request of the client is let through."""
    try:
        await limiter.check("reads", client)
    except ProblemError as problem:
        refused = problem
    else:
        return True
    assert refused.status == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400
    return False


async def passed(limiters: list[RateLimiter], requests: int) -> int:
    """How many of so many requests at once are let through."""
    outcomes: Counter[bool] = Counter()

    async def ask(limiter: RateLimiter) -> None:
        outcomes[await passes(limiter)] += 1

    async with anyio.create_task_group() as group:
        for number in range(requests):
            group.start_soon(ask, limiters[number % len(limiters)])
    return outcomes[True]


@pytest.mark.parametrize(("rate", "amount"), [("30/minute", 30), ("1/hour", 1), ("300/day", 300)])
def test_of_many_at_once_exactly_as_many_pass_as_all_processes_allow_together(
    database_url: str, rate: str, amount: int
) -> None:
    async def scenario() -> int:
        async with opened(database_url) as one, opened(database_url) as other:
            both = [RateLimiter(database, limits(reads=rate)) for database in (one, other)]
            return await passed(both, amount * 3)

    assert anyio.run(scenario) == amount


def test_what_is_fetched_in_blocks_never_adds_up_to_more(database_url: str) -> None:
    async def scenario() -> tuple[int, int]:
        async with opened(database_url) as one, opened(database_url) as other:
            both = [RateLimiter(each, limits(reads="2000/minute")) for each in (one, other)]
            return await passed(both, 1500), await passed(both, 1500)

    first, then = anyio.run(scenario)
    assert first == 1500
    assert 500 - 2 * 10 <= then <= 500


def test_one_process_lets_all_of_a_large_limit_through(database_url: str) -> None:
    async def scenario() -> int:
        async with opened(database_url) as database:
            return await passed([RateLimiter(database, limits(reads="1250/minute"))], 1400)

    assert anyio.run(scenario) == 1250


def test_clients_and_limits_are_counted_apart(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            limiter = RateLimiter(database, limits(reads="1/minute", token="1/minute"))
            assert await passes(limiter, "user:a")
            assert await passes(limiter, "user:b")
            assert not await passes(limiter, "user:a")
            await limiter.check("token", "user:a")

    anyio.run(scenario)


def test_without_a_limit_nothing_is_counted() -> None:
    async def scenario() -> None:
        limiter = RateLimiter(ApiDatabase(AWAY, 1), limits())
        assert not limiter.has("reads")
        assert all([await passes(limiter) for _ in range(100)])

    anyio.run(scenario)


def test_after_the_window_the_client_may_ask_again(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            limiter = RateLimiter(database, limits(reads="2/second"))
            assert not all([await passes(limiter) for _ in range(20)])
            for _ in range(200):
                if await passes(limiter):
                    return
                await anyio.sleep(0.02)
            pytest.fail("the window did not end")

    anyio.run(scenario)


def test_a_client_that_is_refused_costs_no_statement_until_its_window_ends(
    database_url: str,
) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            limiter = RateLimiter(database, limits(reads="1/minute"))
            await passed([limiter], 5)
        # The database is closed now: asking it would make the process count for itself.
        assert await passed([limiter], 1000) == 0

    anyio.run(scenario)


def test_with_postgres_away_each_process_counts_for_itself() -> None:
    async def scenario() -> None:
        async with opened(AWAY) as database:
            limiter = RateLimiter(database, limits(reads="30/minute"))
            started = time.monotonic()
            assert await passed([limiter], 90) == 30
            # The first one waits to learn it, and not even that one until the pool gives up.
            assert time.monotonic() - started < WAIT_SECONDS - 1

    anyio.run(scenario)


def test_with_its_table_missing_each_process_counts_for_itself(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("DROP TABLE api.rate_counters")

    async def scenario() -> int:
        async with opened(database_url) as database:
            return await passed([RateLimiter(database, limits(reads="30/minute"))], 90)

    assert anyio.run(scenario) == 30


def test_when_postgres_comes_back_it_counts_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter_module, "RETRY_SECONDS", 0.05)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE api.rate_counters RENAME TO gone")

    async def scenario() -> None:
        async with opened(database_url) as database:
            limiter = RateLimiter(database, limits(reads="1000/minute"))
            assert await passes(limiter, "first")
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("ALTER TABLE api.gone RENAME TO rate_counters")
                for number in range(1000):
                    assert await passes(limiter, f"client {number}")
                    counted = connection.execute("SELECT count(*) FROM api.rate_counters")
                    if counted.fetchone() != (0,):
                        return
                    await anyio.sleep(0.01)
            pytest.fail("the counters were not used again")

    anyio.run(scenario)


def test_windows_that_are_over_are_cleared_away(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO api.rate_counters (key, expires_at, hits)"
            " SELECT 'old ' || n, now() - interval '1 second', 1 FROM generate_series(1, 5000) n"
        )

    async def scenario() -> None:
        async with opened(database_url) as database:
            await PostgresStorage(database).incr("new", 60)

    anyio.run(scenario)
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT key, hits FROM api.rate_counters").fetchall()
    assert kept == [("new", 1)]


def test_the_storage_counts_reads_and_forgets_as_the_library_expects(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            storage, other = PostgresStorage(database), PostgresStorage(database)
            assert await storage.check()
            assert await storage.get("key") == 0
            assert [await storage.incr("key", 60), await other.incr("key", 60, 5)] == [1, 6]
            assert await storage.get("key") == 6
            for ends in (await storage.get_expiry("key"), await other.get_expiry("key")):
                assert 55 < ends - time.time() <= 60
            unaware = PostgresStorage(database)
            assert 55 < await unaware.get_expiry("key") - time.time() <= 60
            assert await unaware.get_expiry("nothing") <= time.time()
            await storage.clear("key")
            assert await other.incr("key", 60) == 1
            assert await storage.reset() == 1
            assert await other.get("key") == 0

    anyio.run(scenario)


def test_a_storage_whose_database_is_away_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.database.WAIT_SECONDS", 0.1)

    async def scenario() -> None:
        async with opened(AWAY) as database:
            assert not await PostgresStorage(database).check()

    anyio.run(scenario)


def test_a_limit_outlives_the_process_that_counted(database_url: str) -> None:
    async def scenario() -> list[bool]:
        async with opened(database_url) as database:
            limiter = RateLimiter(database, limits(reads="2/minute"))
            return [await passes(limiter) for _ in range(2)]

    assert anyio.run(scenario) == [True, True]
    assert anyio.run(scenario) == [False, False]
