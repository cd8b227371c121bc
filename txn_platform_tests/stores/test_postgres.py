"""What the PostgreSQL adapter promises beyond the contract of every operational database."""

import logging
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import polars as pl
import psycopg
import pytest

from txn_platform.errors import ConfigurationError, StoreError, TransientStoreError
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.ports import LakeFile
from txn_platform.stores.postgres import PostgresDatabase
from txn_platform.stores.status import Publication
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, contents, land, stored
from txn_platform_tests.stores.killing import kill_when_it_reads

LOAD_A_PIPE = """
import sys
from dataclasses import replace
from pathlib import Path
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.postgres import PostgresDatabase
from txn_platform_tests.stores.batches import ALL_DAYS

url, root, pipe = sys.argv[1:]
lake = LocalLake(Path(root), "raw/transactions")
first, second = lake.files(ALL_DAYS)
PostgresDatabase(url).replace_partitions(lake, [first, replace(second, uri=pipe)], ALL_DAYS)
"""

CREATE_READERS = """
DO $$ BEGIN CREATE ROLE mart_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$
"""
READABLE = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND has_table_privilege('mart_reader', oid, 'SELECT')
"""
KEY = "SELECT count(*) FROM pg_indexes WHERE indexname = 'transactions_key'"
TAKE_THE_LOCK = "SELECT pg_advisory_lock(hashtextextended('txn_platform.transactions', 0))"
END_OTHER_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class InterruptingLake(LocalLake):
    """Its first reads run a statement on another connection."""

    def __init__(self, root: Path, url: str, statement: str, times: int) -> None:
        super().__init__(root, "raw/transactions")
        self._url, self._statement, self.times_left = url, statement, times

    def open(self, file: LakeFile) -> BinaryIO:
        if self.times_left:
            self.times_left -= 1
            with psycopg.connect(self._url) as connection:
                connection.execute(self._statement.encode())
        return super().open(file)


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake", "raw/transactions")


@pytest.fixture
def database(postgres_url: str) -> PostgresDatabase:
    database = PostgresDatabase(postgres_url)
    database.ensure_schema()
    return database


def load(database: PostgresDatabase, lake: LocalLake, window: DateWindow = ALL_DAYS) -> int:
    return database.replace_partitions(lake, lake.files(window), window).rows


def test_a_process_killed_in_the_middle_of_a_load_leaves_the_previous_state(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str, tmp_path: Path
) -> None:
    kept = land(lake, "a.csv", Row("1"))
    load(database, lake)
    later = land(lake, "b.csv", Row("2", DAYS[1]))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kill_when_it_reads(pipe, LOAD_A_PIPE, postgres_url, tmp_path / "lake", pipe)
    assert contents(database.preview("transactions", ALL_DAYS, 9)) == stored(kept, Row("1"))
    assert load(database, lake) == 2
    rows = contents(database.preview("transactions", ALL_DAYS, 9))
    assert rows == stored(kept, Row("1")) | stored(later, Row("2", DAYS[1]))


@pytest.mark.usefixtures("no_retry_waits")
def test_a_load_whose_connection_is_lost_is_done_again(
    database: PostgresDatabase,
    lake: LocalLake,
    postgres_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = land(lake, "a.csv", Row("1"))
    interrupting = InterruptingLake(tmp_path / "lake", postgres_url, END_OTHER_CONNECTIONS, 2)
    with caplog.at_level(logging.WARNING):
        assert load(database, interrupting) == 1
    assert interrupting.times_left == 0
    assert [record.message.split(" (")[1][:14] for record in caplog.records] == [
        "attempt 1 of 4",
        "attempt 2 of 4",
    ]
    rows = contents(database.preview("transactions", ALL_DAYS, 9))
    assert rows == stored(batch, Row("1"))


@pytest.mark.usefixtures("no_retry_waits")
def test_a_connection_that_is_lost_every_time_is_an_error_that_a_later_run_may_cure(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str, tmp_path: Path
) -> None:
    land(lake, "a.csv", Row("1"))
    interrupting = InterruptingLake(tmp_path / "lake", postgres_url, END_OTHER_CONNECTIONS, 99)
    with pytest.raises(TransientStoreError):
        load(database, interrupting)
    assert interrupting.times_left == 95
    assert database.row_count("transactions") == 0


@pytest.mark.usefixtures("no_retry_waits")
def test_another_writer_is_not_waited_for_without_end(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str
) -> None:
    impatient = PostgresDatabase(postgres_url, lock_timeout=0.05)
    with psycopg.connect(postgres_url) as other:
        other.execute(TAKE_THE_LOCK)
        with pytest.raises(TransientStoreError, match="LockNotAvailable"):
            load(impatient, lake)
    assert load(database, lake) == 0


def test_a_statement_that_takes_too_long_is_given_up_once(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str
) -> None:
    impatient = PostgresDatabase(postgres_url, statement_timeout=0.05)
    with psycopg.connect(postgres_url) as other:
        other.execute(TAKE_THE_LOCK)
        with pytest.raises(StoreError, match="QueryCanceled") as caught:
            load(impatient, lake)
    assert not caught.value.transient
    assert load(database, lake) == 0


@pytest.mark.usefixtures("no_retry_waits")
def test_a_server_that_is_not_there_is_an_error_that_a_later_run_may_cure() -> None:
    database = PostgresDatabase("postgresql://someone:topsecret@127.0.0.1:1/db")
    with pytest.raises(TransientStoreError, match=r"127\.0\.0\.1:1/db") as caught:
        database.row_count("transactions")
    assert "topsecret" not in str(caught.value)


def test_a_database_that_does_not_exist_is_an_error_for_good(postgres_url: str) -> None:
    database = PostgresDatabase(f"{postgres_url}_not")
    with pytest.raises(StoreError, match=r"does not exist.*\n.*POSTGRES_USER") as caught:
        database.row_count("transactions")
    assert not caught.value.transient


def test_a_connection_string_that_is_none_is_a_configuration_error() -> None:
    url = "postgresql://someone:topsecret@[nowhere/db"
    with pytest.raises(ConfigurationError) as caught:
        PostgresDatabase(url)
    assert "topsecret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([Row("secret", clear=True)] * 2, "UniqueViolation 23505 (transactions, transactions_key)"),
        ([Row("secret\x00", clear=True)], "CharacterNotInRepertoire 22021"),
    ],
)
def test_no_error_and_no_traceback_shows_a_value(
    database: PostgresDatabase, lake: LocalLake, rows: list[Row], reason: str
) -> None:
    land(lake, "a.csv", *rows)
    with pytest.raises(StoreError) as caught:
        load(database, lake)
    assert reason in str(caught.value)
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert database.row_count("transactions") == 0


def test_a_file_that_is_no_parquet_is_an_error_that_names_it(
    database: PostgresDatabase, lake: LocalLake
) -> None:
    land(lake, "a.csv", Row("1"))
    files = lake.files(ALL_DAYS)
    Path(files[0].uri).write_bytes(b"not Parquet at all")
    with pytest.raises(StoreError, match=f"{files[0].uri}.*\n.*land the same input again"):
        database.replace_partitions(lake, files, ALL_DAYS)


def test_loading_before_the_schema_is_there_is_an_error(postgres_url: str, lake: LocalLake) -> None:
    with pytest.raises(StoreError, match="UndefinedTable"):
        load(PostgresDatabase(postgres_url), lake)
    assert PostgresDatabase(postgres_url).row_count("transactions") == 0
    assert PostgresDatabase(postgres_url).finished_batches() == {}


def test_the_key_is_there_after_every_kind_of_load(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str
) -> None:
    land(lake, "a.csv", *(Row(str(n), DAYS[n % 3]) for n in range(9)))
    for window in (ALL_DAYS, ALL_DAYS, DateWindow.of_day(DAYS[1])):
        load(database, lake, window)
        with psycopg.connect(postgres_url) as connection:
            assert connection.execute(KEY).fetchone() == (1,)


def test_the_size_of_the_batches_does_not_matter(
    database: PostgresDatabase, lake: LocalLake, postgres_url: str
) -> None:
    rows = [Row(str(n), DAYS[n % 2]) for n in range(25)]
    batch = land(lake, "a.csv", *rows)
    for size in (1, 7, 1000):
        assert load(PostgresDatabase(postgres_url, batch_size=size), lake) == 25
        assert contents(database.preview("transactions", ALL_DAYS, 99)) == stored(batch, *rows)


def test_columns_are_matched_by_name_whatever_wrote_the_file(
    database: PostgresDatabase, lake: LocalLake
) -> None:
    """Polars writes its strings as large ones, and perhaps in another order."""
    batch = land(lake, "a.csv", Row("1"))
    (file,) = lake.files(ALL_DAYS)
    frame = pl.read_parquet(file.uri)
    frame.select(sorted(frame.columns)).write_parquet(file.uri)
    load(database, lake)
    assert contents(database.preview("transactions", ALL_DAYS, 9)) == stored(batch, Row("1"))


def test_a_file_without_a_column_is_an_error(database: PostgresDatabase, lake: LocalLake) -> None:
    land(lake, "a.csv", Row("1"))
    (file,) = lake.files(ALL_DAYS)
    pl.read_parquet(file.uri).drop("price").write_parquet(file.uri)
    with pytest.raises(StoreError, match="can't be read as Parquet"):
        database.replace_partitions(lake, [file], ALL_DAYS)


def test_the_readers_role_may_read_the_mart_and_what_the_platform_tells_and_nothing_else(
    database: PostgresDatabase, postgres_url: str
) -> None:
    told = {"mart_versions", "asset_materializations", "check_results", "landed_rows"}
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        def readable() -> set[str]:
            return {name for (name,) in connection.execute(READABLE).fetchall()}

        connection.execute(CREATE_READERS)
        assert readable() == set()
        database.ensure_schema()
        assert readable() == told
        connection.execute("CREATE TABLE pg_sales (sale_date date)")
        published = Publication("first", datetime.now(UTC), summary_rows=0, landed_rows={})
        database.finish("", published)
        assert readable() == {*told, "pg_sales"}
