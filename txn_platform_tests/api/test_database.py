from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, QueryCanceled, ReadOnlySqlTransaction

from api.database import MAX_READERS, ApiDatabase
from api.problems import StoreAwayError

pytestmark = pytest.mark.anyio

_TABLE = "CREATE TABLE api.notes (note text)"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def database(api_url: str) -> AsyncIterator[ApiDatabase]:
    opened = ApiDatabase(api_url, statement_timeout=0.3)
    await opened.open()
    yield opened
    await opened.close()


async def test_what_is_written_is_committed_at_the_end(database: ApiDatabase) -> None:
    async with database.writing() as connection:
        await connection.execute(_TABLE)
        await connection.execute("INSERT INTO api.notes VALUES ('kept')")
    async with database.reading() as connection:
        cursor = await connection.execute("SELECT note FROM api.notes")
        assert await cursor.fetchall() == [("kept",)]


async def test_nothing_is_written_when_something_fails(database: ApiDatabase) -> None:
    async with database.writing() as connection:
        await connection.execute(_TABLE)

    async def fail_half_way() -> None:
        async with database.writing() as connection:
            await connection.execute("INSERT INTO api.notes VALUES ('lost')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    async with database.reading() as connection:
        cursor = await connection.execute("SELECT note FROM api.notes")
        assert await cursor.fetchall() == []


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO api.notes VALUES ('x')", "DELETE FROM api.notes", "CREATE TABLE api.more ()"],
)
async def test_a_reader_can_not_write_even_what_the_api_owns(
    database: ApiDatabase, statement: str
) -> None:
    async with database.writing() as connection:
        await connection.execute(_TABLE)
    for connected in (database.reading, database.watching):
        with pytest.raises(ReadOnlySqlTransaction):
            async with connected() as connection:
                await connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM public.transactions",
        "SELECT * FROM public.loaded_batches",
        "INSERT INTO public.mart_versions VALUES ('pg_sales', 'x', now(), 1)",
        "CREATE TABLE public.notes (note text)",
    ],
)
async def test_the_role_reads_the_marts_and_what_it_owns_only(
    database: ApiDatabase, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        async with database.writing() as connection:
            await connection.execute(statement.encode())
    async with database.reading() as connection:
        await connection.execute("SELECT * FROM public.mart_versions")


async def test_a_statement_that_takes_too_long_is_a_store_away(database: ApiDatabase) -> None:
    for connected in (database.reading, database.writing):
        with pytest.raises(StoreAwayError):
            async with connected() as connection:
                await connection.execute("SELECT pg_sleep(20)")
    with pytest.raises(QueryCanceled):
        async with database.watching() as connection:
            await connection.execute("SELECT pg_sleep(20)")


async def test_a_server_that_can_not_be_reached_is_a_store_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.database.WAIT_SECONDS", 0.2)
    database = ApiDatabase("postgresql://nobody@127.0.0.1:1/none", statement_timeout=1)
    await database.open()
    try:
        for connected in (database.reading, database.writing):
            with pytest.raises(StoreAwayError) as caught:
                async with connected():
                    pass
            assert caught.value.store == "postgres"
        with pytest.raises(psycopg.OperationalError):
            async with database.watching():
                pass
    finally:
        await database.close()


async def test_the_pools_count_their_connections(database: ApiDatabase) -> None:
    async with database.reading():
        figures = database.statistics()
    assert figures["readers"]["pool_max"] == MAX_READERS
    assert figures["readers"]["requests_num"] == 1
    assert set(figures) == {"readers", "writers"}
