"""What readers of the marts are told after each run, good or bad."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import LiteralString

import duckdb
import psycopg
import pytest

from txn_platform.services import EmbeddedPostgres
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import txn_platform

SMALL = PROJECT_ROOT / "data" / "transactions.csv"
PUBLISHED = "SELECT materialization_id, materialized_at FROM transactions_mart.materialization"
NEVER_AGAIN = "ALTER TABLE check_results ADD CONSTRAINT never CHECK (false) NOT VALID"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("loaded") / "home"
    outcome = txn_platform("run", "--input", SMALL, "--home", home)
    assert outcome.status == 0, outcome.stderr
    return home


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Path:
    """A state directory of its own with the small file loaded."""
    return Path(shutil.copytree(loaded, tmp_path / "home"))


@contextmanager
def database(home: Path) -> Iterator[psycopg.Connection]:
    with (
        EmbeddedPostgres(home, ["mydb", "dagster"]).lease() as address,
        psycopg.connect(address.url("mydb")) as connection,
    ):
        yield connection


def query(home: Path, statement: LiteralString) -> list[tuple[object, ...]]:
    with database(home) as connection:
        return connection.execute(statement).fetchall()


def versions(home: Path) -> dict[str, tuple[str, datetime, int]]:
    """Id, time and number of rows of each mart, as PostgreSQL tells them."""
    with database(home) as connection:
        rows = connection.execute("SELECT * FROM mart_versions").fetchall()
    return {mart: (id_, at, count) for mart, id_, at, count in rows}


def published(home: Path) -> tuple[str, datetime]:
    """Id and time that the published file gives of itself."""
    path = str(home / "warehouse" / "published.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        (row,) = connection.sql(PUBLISHED).to_arrow_table().to_pylist()
    return row["materialization_id"], row["materialized_at"]


def failed_checks(home: Path) -> set[tuple[object, ...]]:
    return set(query(home, "SELECT asset, name FROM check_results WHERE NOT passed"))


def test_the_file_and_the_marker_name_the_same_materialization(loaded: Path) -> None:
    told = versions(loaded)
    assert told.keys() == {"summary_sales", "pg_sales"}
    assert published(loaded) == told["summary_sales"][:2]
    assert told["summary_sales"][2] == told["pg_sales"][2] == 3
    assert told["summary_sales"][0] != told["pg_sales"][0]


def test_everything_that_a_run_did_is_told(loaded: Path) -> None:
    assets = query(loaded, "SELECT asset FROM asset_materializations ORDER BY asset")
    assert [name for (name,) in assets] == [
        "fact_sales",
        "lake_transactions",
        "pg_sales",
        "raw_transactions",
        "stg_transactions",
        "summary_sales",
        "summary_sales_daily",
        "summary_sales_export",
    ]
    landed = query(loaded, "SELECT outcome, row_count FROM landed_rows ORDER BY outcome")
    assert landed == [("accepted", 4), ("missing_product", 1)]
    ((checks, blocking),) = query(
        loaded, "SELECT count(*), count(*) FILTER (WHERE blocking) FROM check_results"
    )
    assert checks == blocking == 31
    assert failed_checks(loaded) == set()


def test_a_run_of_the_same_data_is_a_new_materialization(home: Path) -> None:
    before = versions(home)
    assert txn_platform("run", "--input", SMALL, "--home", home).status == 0
    after = versions(home)
    for mart in ("summary_sales", "pg_sales"):
        assert after[mart][0] != before[mart][0]
        assert after[mart][1] > before[mart][1]
        assert after[mart][2] == before[mart][2]
    assert published(home) == after["summary_sales"][:2]


def test_a_check_that_fails_is_told_and_the_published_marts_stay(
    home: Path, tmp_path: Path
) -> None:
    before = versions(home)["summary_sales"]
    config = tmp_path / "config.yaml"
    config.write_text("data_mart: {expected_rows: {transactions.csv: 4}}\n")

    outcome = txn_platform("run", "--config", config, "--input", SMALL, "--home", home)
    assert outcome.status == 1
    assert failed_checks(home) == {
        ("fact_sales", "expected_row_count"),
        ("pg_sales", "expected_row_count"),
    }
    assert versions(home)["summary_sales"] == before
    assert published(home) == before[:2]

    assert txn_platform("run", "--input", SMALL, "--home", home).status == 0
    assert failed_checks(home) == set()
    assert versions(home)["summary_sales"][0] != before[0]


def test_days_that_failed_a_check_hold_back_what_later_runs_of_other_days_bring(
    tmp_path: Path,
) -> None:
    home, config = tmp_path / "home", tmp_path / "config.yaml"
    bad, good = one_sale(tmp_path, "bad.csv", "2023-12-05"), one_sale(tmp_path, "good.csv")
    assert txn_platform("run", "--input", SMALL, "--home", home).status == 0
    before = versions(home)["summary_sales"]
    config.write_text("data_mart: {expected_rows: {bad.csv: 2}}\n")
    assert txn_platform("run", "--config", config, "--input", bad, "--home", home).status == 1

    outcome = txn_platform("run", "--config", config, "--input", good, "--home", home)

    assert outcome.status == 1
    assert versions(home)["summary_sales"] == before
    assert published(home) == before[:2]
    assert ("fact_sales", "expected_row_count") in failed_checks(home)

    assert txn_platform("run", "--input", good, "--home", home).status == 0
    assert failed_checks(home) == set()
    assert versions(home)["summary_sales"][2] == before[2] + 2


def test_an_operational_mart_that_can_not_be_built_holds_back_the_publication(home: Path) -> None:
    before = versions(home)["summary_sales"]
    with database(home) as connection:
        connection.execute(
            "ALTER TABLE pg_sales ADD CONSTRAINT never CHECK (quantity < 0) NOT VALID"
        )
    assert txn_platform("run", "--input", SMALL, "--home", home).status == 1
    assert versions(home)["summary_sales"] == before
    with database(home) as connection:
        connection.execute("ALTER TABLE pg_sales DROP CONSTRAINT never")
    assert txn_platform("run", "--input", SMALL, "--home", home).status == 0
    assert versions(home)["summary_sales"][0] != before[0]


def one_sale(folder: Path, name: str, day: str = "2023-10-20") -> Path:
    path = folder / name
    path.write_text(
        "transaction_id,product,price,quantity,date\n"
        f"{name},Halal {name.removesuffix('.csv')},20.00,1,{day}\n"
    )
    return path


def test_results_that_can_not_be_told_fail_the_run(home: Path) -> None:
    with database(home) as connection:
        connection.execute(NEVER_AGAIN)
    before = versions(home)["summary_sales"]

    outcome = txn_platform("run", "--input", SMALL, "--home", home)

    assert outcome.status == 1
    assert "record the results of a run" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert versions(home)["summary_sales"] == before
