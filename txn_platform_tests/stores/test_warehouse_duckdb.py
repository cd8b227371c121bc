"""What the DuckDB warehouse promises beyond the contract of every warehouse."""

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.warehouse_duckdb import DuckDBWarehouse
from txn_platform_tests.stores.adapters import duckdb_warehouse
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, land, stored
from txn_platform_tests.stores.cases import WarehouseCase
from txn_platform_tests.stores.killing import kill_when_it_reads

PUBLISHED_AT = datetime(2026, 11, 21, tzinfo=UTC)
SALES = "SELECT count(*) FROM transactions_mart.fact_sales"

LOAD_A_PIPE = """
import sys
from dataclasses import replace
from pathlib import Path
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.warehouse_duckdb import DuckDBWarehouse
from txn_platform_tests.stores.batches import ALL_DAYS

home, pipe = map(Path, sys.argv[1:])
warehouse = DuckDBWarehouse(
    home / "warehouse" / "warehouse.duckdb",
    home / "warehouse" / "published.duckdb",
    dataset="transactions_warehouse",
    table="raw_transactions",
    mart_dataset="transactions_mart",
)
first, second = LocalLake(home / "lake", "raw/transactions").files(ALL_DAYS)
warehouse.replace_partitions([first, replace(second, uri=str(pipe))], ALL_DAYS)
"""

HOLD_THE_DATABASE = """
import sys, duckdb
with duckdb.connect(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""

COUNT_PUBLISHED_SALES = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    print(connection.execute(sys.argv[2]).fetchone()[0])
"""


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[WarehouseCase]:
    with duckdb_warehouse(request) as case:
        yield case


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "warehouse"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def published_sales(folder: Path) -> int:
    """Counted by another process, as the API is one."""
    command = [sys.executable, "-c", COUNT_PUBLISHED_SALES, str(folder / "published.duckdb"), SALES]
    return int(subprocess.check_output(command))


def test_nothing_but_the_database_and_its_lock_lies_in_the_folder(
    case: WarehouseCase, folder: Path
) -> None:
    land(case.lake, "a.csv", Row("1"))
    case.raw.load(ALL_DAYS)
    assert names(folder) == {"warehouse.duckdb", "warehouse.duckdb.lock"}


def test_a_process_killed_in_the_middle_of_a_load_leaves_the_previous_state(
    case: WarehouseCase, tmp_path: Path
) -> None:
    kept = land(case.lake, "a.csv", Row("1"))
    case.raw.load(ALL_DAYS)
    later = land(case.lake, "b.csv", Row("2"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    kill_when_it_reads(pipe, LOAD_A_PIPE, tmp_path, pipe)
    assert case.raw.contents() == stored(kept, Row("1"))
    case.raw.load(ALL_DAYS)
    assert case.raw.contents() == stored(kept, Row("1")) | stored(later, Row("2"))
    assert names(tmp_path / "warehouse") == {"warehouse.duckdb", "warehouse.duckdb.lock"}


def test_publishing_under_a_reader_leaves_the_reader_what_it_has(
    case: WarehouseCase, folder: Path
) -> None:
    land(case.lake, "a.csv", Row("1"))
    case.raw.load(ALL_DAYS)
    case.build_marts()
    case.warehouse.publish("an-id", PUBLISHED_AT)
    with duckdb.connect(folder / "published.duckdb", read_only=True) as reader:
        land(case.lake, "b.csv", Row("2"), Row("3"))
        case.raw.load(ALL_DAYS)
        case.build_marts()
        case.warehouse.publish("an-id", PUBLISHED_AT)
        assert reader.execute(SALES).fetchall() == [(1,)]
        assert published_sales(folder) == 3


def test_the_published_file_holds_the_marts_as_tables_and_nothing_else(
    case: WarehouseCase, folder: Path
) -> None:
    land(case.lake, "a.csv", Row("1", DAYS[2]), Row("2", DAYS[0]), Row("3", DAYS[1]))
    case.raw.load(ALL_DAYS)
    case.build_marts()
    case.warehouse.publish("an-id", PUBLISHED_AT)
    with duckdb.connect(folder / "published.duckdb", read_only=True) as reader:
        tables = reader.execute(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables"
        )
        assert set(tables.fetchall()) == {
            ("transactions_mart", "fact_sales", "BASE TABLE"),
            ("transactions_mart", "materialization", "BASE TABLE"),
            ("transactions_mart", "summary_sales", "BASE TABLE"),
            ("transactions_mart", "summary_sales_daily", "BASE TABLE"),
        }
        days = reader.execute("SELECT sale_date FROM transactions_mart.fact_sales").fetchall()
        assert days == [(DAYS[0],), (DAYS[1],), (DAYS[2],)]


def test_a_draft_that_a_killed_process_left_is_replaced(case: WarehouseCase, folder: Path) -> None:
    case.build_marts()
    for name in ("published.duckdb.new", "published.duckdb.new.wal"):
        (folder / name).write_bytes(b"half a draft")
    case.warehouse.publish("an-id", PUBLISHED_AT)
    assert names(folder) == {"warehouse.duckdb", "warehouse.duckdb.lock", "published.duckdb"}


def test_what_was_published_stays_when_publishing_fails(case: WarehouseCase, folder: Path) -> None:
    case.build_marts()
    case.warehouse.publish("an-id", PUBLISHED_AT)
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        connection.execute("DROP VIEW transactions_mart.summary_sales")
        connection.execute(
            "CREATE VIEW transactions_mart.summary_sales AS SELECT error('x') AS product"
        )
    with pytest.raises(StoreError):
        case.warehouse.publish("an-id", PUBLISHED_AT)
    assert published_sales(folder) == 0


@pytest.mark.usefixtures("no_retry_waits")
def test_a_database_that_another_program_has_open_is_an_error_with_its_process(
    case: WarehouseCase, folder: Path
) -> None:
    command = [sys.executable, "-c", HOLD_THE_DATABASE, str(folder / "warehouse.duckdb")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        with pytest.raises(TransientStoreError, match=rf"PID {process.pid}.*\n.*Close"):
            case.warehouse.row_count("raw_transactions")
        process.kill()
    assert case.warehouse.row_count("raw_transactions") == 0


@pytest.mark.parametrize("damage", ["text", "truncated", "flipped", "other version"])
def test_a_database_that_can_not_be_used_is_an_error_with_the_remedy(
    case: WarehouseCase, folder: Path, damage: str
) -> None:
    path = folder / "warehouse.duckdb"
    content = path.read_bytes()
    path.write_bytes(
        {
            "text": b"not a database " * 1000,
            "truncated": content[:5000],
            "flipped": content[:4096] + bytes(byte ^ 0xFF for byte in content[4096:]),
            "other version": content[:12] + b"\xff" + content[13:],
        }[damage]
    )
    with pytest.raises(StoreError, match=rf"{path}.*\n.*rebuilt from the lake"):
        case.warehouse.row_count("raw_transactions")


def test_a_home_in_which_nothing_can_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    warehouse = DuckDBWarehouse(
        tmp_path / "file" / "warehouse.duckdb",
        tmp_path / "file" / "published.duckdb",
        dataset="a",
        table="b",
        mart_dataset="c",
    )
    with pytest.raises(StoreError, match="writer's lock"):
        warehouse.ensure_schema()


def test_no_error_and_no_traceback_shows_a_value(case: WarehouseCase, tmp_path: Path) -> None:
    land(case.lake, "a.csv", Row("1"))
    (file,) = case.lake.files(ALL_DAYS)
    table = pq.read_table(file.uri)
    secret = pa.array(["12,345 secret"])
    broken = table.set_column(table.column_names.index("price"), "price", secret)
    pq.write_table(broken, tmp_path / "broken.parquet")
    with pytest.raises(StoreError) as caught:
        case.raw.replace([replace(file, uri=str(tmp_path / "broken.parquet"))], ALL_DAYS)
    shown = "".join(traceback.format_exception(caught.value))
    assert "ConversionException" in shown
    assert "secret" not in shown


def test_a_dataset_may_be_called_like_the_file(tmp_path: Path) -> None:
    """DuckDB finds `warehouse.raw_transactions` ambiguous when the file is warehouse.duckdb."""
    warehouse = DuckDBWarehouse(
        tmp_path / "warehouse.duckdb",
        tmp_path / "published.duckdb",
        dataset="warehouse",
        table="raw_transactions",
        mart_dataset="draft",
    )
    warehouse.ensure_schema()
    assert warehouse.replace_partitions([], ALL_DAYS).rows == 0
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("CREATE TABLE draft.fact_sales (sale_date DATE, product TEXT)")
        connection.execute("CREATE TABLE draft.summary_sales (sale_month DATE, product TEXT)")
        connection.execute("CREATE TABLE draft.summary_sales_daily (sale_date DATE, product TEXT)")
    warehouse.publish("an-id", PUBLISHED_AT)
    with duckdb.connect(tmp_path / "published.duckdb", read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM published.draft.fact_sales").fetchone() == (0,)
