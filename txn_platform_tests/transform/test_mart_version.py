"""The version of pg_sales changes exactly when its rows may have, in one transaction with them."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import psycopg
import pytest

from txn_platform.stores.postgres import PostgresDatabase
from txn_platform_tests.transform.marts import Mart, Row

VERSION = "select materialization_id, materialized_at, row_count from mart_versions"
ROWS_AND_VERSION = "select row_count, count(*) from mart_versions, pg_sales group by row_count"
SOMEONE_WAITS = "select 1 from pg_locks where not granted"
HOLD_THE_VERSION = "select 1 from mart_versions for update"
DEFINITION = """
    select column_name || ' ' || data_type || ' ' || is_nullable
    from information_schema.columns where table_name = 'mart_versions'
    union all
    select indexdef from pg_indexes where tablename = 'mart_versions'
"""
PATIENCE = 30


class Version(NamedTuple):
    materialization_id: str
    materialized_at: datetime
    row_count: int


def version(database: Mart) -> Version:
    ((*columns,),) = database.query(VERSION)
    return Version(*columns)


@pytest.fixture
def mart_reader(postgres_url: str) -> Iterator[str]:
    """The role of those who only read the marts, for as long as the test runs."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create role mart_reader")
        yield "mart_reader"
        connection.execute("drop owned by mart_reader")
        connection.execute("drop role mart_reader")


def test_a_build_records_a_version_where_only_dbt_has_ever_worked(database: Mart) -> None:
    database.land(Row("A"), Row("B"))
    database.must_build()
    assert version(database).row_count == 2


def test_building_the_same_rows_again_gives_a_new_version(database: Mart) -> None:
    database.land(Row("A"))
    database.must_build()
    first = version(database)
    database.must_build()
    second = version(database)
    assert second.materialization_id != first.materialization_id
    assert second.materialized_at > first.materialized_at
    assert second.row_count == first.row_count


def test_a_reader_sees_the_new_rows_and_their_version_together_or_neither(
    database: Mart, postgres_url: str
) -> None:
    database.land(Row("A"))
    database.must_build()
    before = version(database)
    database.land(Row("A"), Row("B"))
    build = threading.Thread(target=database.must_build)
    with psycopg.connect(postgres_url) as holder:
        holder.execute(HOLD_THE_VERSION)
        build.start()
        # The rows are replaced by now, the version is not: it is held.
        wait_for_a_waiting_transaction(database)
        assert version(database) == before
        assert database.query(ROWS_AND_VERSION) == [(1, 1)]
    build.join(PATIENCE)
    assert version(database).materialization_id != before.materialization_id
    assert database.query(ROWS_AND_VERSION) == [(2, 2)]


def wait_for_a_waiting_transaction(database: Mart) -> None:
    deadline = time.monotonic() + PATIENCE
    while not database.query(SOMEONE_WAITS):
        assert time.monotonic() < deadline, "waited in vain"


def test_a_build_that_fails_leaves_the_version_as_it_was(database: Mart) -> None:
    database.land(Row("A"))
    database.must_build()
    before = version(database)
    database.land(Row("B"), Row("B", price="20.00"))
    assert not database.build().success
    assert version(database) == before


def test_the_readers_role_may_read_the_mart_though_it_is_made_anew(
    database: Mart, postgres_url: str, mart_reader: str
) -> None:
    for anew in ("truncate {mart}", "drop table {mart}", "truncate {mart}"):
        database.must_build()
        with psycopg.connect(postgres_url) as reader:
            reader.execute(f"set role {mart_reader}".encode())
            assert reader.execute("select count(*) from pg_sales").fetchone() == (0,)
        database.query(anew)


def test_dbt_and_the_platform_create_the_same_table_of_versions(
    database: Mart, postgres_url: str
) -> None:
    database.must_build()
    by_dbt = database.query(DEFINITION)
    database.query("drop table mart_versions")
    PostgresDatabase(postgres_url).ensure_schema()
    assert sorted(database.query(DEFINITION)) == sorted(by_dbt)
    assert len(by_dbt) == 5
