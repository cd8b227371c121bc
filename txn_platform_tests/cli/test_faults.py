"""What breaks while the platform runs, and what a person is told."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import psycopg
import pytest

from txn_platform.services import EmbeddedPostgres
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import (
    COMMAND,
    Outcome,
    command_environment,
    lake_files,
    table_digests,
    txn_platform,
)

SMALL = PROJECT_ROOT / "data" / "transactions.csv"
DATABASES = ["mydb", "dagster"]
PATIENCE = 60
STARTS_OF_LOADING = (
    "SELECT count(*) FROM event_logs "
    "WHERE dagster_event_type = 'STEP_START' AND step_key = 'raw_transactions'"
)


def run_small(home: Path) -> Outcome:
    return txn_platform("run", "--input", SMALL, "--home", home, "--json")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("loaded") / "home"
    outcome = run_small(home)
    assert outcome.status == 0, outcome.stderr
    return home


@pytest.fixture
def home(loaded: Path, tmp_path: Path) -> Path:
    """A state directory of its own with the small file loaded."""
    return Path(shutil.copytree(loaded, tmp_path / "home"))


def in_warehouse(home: Path, *statements: str) -> None:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def has_begun(url: str, step: str) -> bool:
    """Whether a run has begun the step; False while the tables of Dagster aren't there."""
    with psycopg.connect(url) as database, suppress(psycopg.errors.UndefinedTable):
        found = database.execute(
            "SELECT 1 FROM event_logs WHERE dagster_event_type = 'STEP_START' AND step_key = %s",
            [step],
        ).fetchone()
        return found is not None
    return False


def failed_checks(outcome: Outcome) -> set[tuple[str, str]]:
    checks = outcome.document["checks"]
    return {(check["asset"], check["name"]) for check in checks if not check["passed"]}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_model_that_fails_ends_the_run_with_its_name_and_leaves_the_exports(home: Path) -> None:
    exports = home / "exports" / "summary_sales.csv"
    before = exports.read_bytes()
    in_warehouse(
        home,
        "DROP TABLE transactions_mart.fact_sales",
        "CREATE TABLE transactions_mart.fact_sales (surprise INTEGER, sale_date DATE)",
    )

    outcome = run_small(home)

    assert outcome.status == 1
    assert outcome.document["status"] == "failure"
    assert "fact_sales" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert exports.read_bytes() == before


def test_unhashed_identifiers_fail_the_blocking_check_and_stop_what_is_downstream(
    home: Path,
) -> None:
    exports = home / "exports" / "summary_sales.csv"
    exports.unlink()
    lake = home / "lake" / "raw" / "transactions" / "data" / "2023-10-02"
    (data,) = lake.iterdir()
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * REPLACE ('RAWID-2' AS transaction_id) FROM read_parquet($1)) "
            "TO $2 (FORMAT parquet)",
            [str(data), str(tmp := data.with_suffix(".tmp"))],
        )
    tmp.replace(data)

    outcome = run_small(home)

    assert outcome.status == 1
    assert failed_checks(outcome) == {("raw_transactions", "pii_hashed")}
    assert "raw_transactions: check pii_hashed failed" in outcome.stderr
    assert "2023-10-02: 1 rows" in outcome.stderr
    assert outcome.document["errors"]
    assert not exports.exists()
    assert "RAWID" not in outcome.stdout + outcome.stderr


def test_a_run_killed_inside_a_step_neither_blocks_the_next_nor_stays_unfinished(
    loaded: Path, home: Path
) -> None:
    with EmbeddedPostgres(home, DATABASES).lease() as address:
        with psycopg.connect(address.url("dagster"), autocommit=True) as database:
            (before,) = database.execute(STARTS_OF_LOADING).fetchone() or (0,)
            process = subprocess.Popen(
                [COMMAND, "run", "--input", str(SMALL), "--home", str(home)],
                env=command_environment(),
                cwd=PROJECT_ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            wait_for(lambda: database.execute(STARTS_OF_LOADING).fetchone() != (before,))
            process.kill()
            process.wait()

        outcome = run_small(home)

        assert outcome.status == 0, outcome.stderr
        with psycopg.connect(address.url("dagster")) as database:
            statuses = database.execute("SELECT status, count(*) FROM runs GROUP BY 1").fetchall()
    assert dict(statuses).keys() == {"SUCCESS", "FAILURE"}
    assert dict(statuses)["FAILURE"] == 1
    assert table_digests(home) == table_digests(loaded)


def test_what_a_killed_run_had_not_finished_is_completed_by_a_run_of_another_file(
    tmp_path: Path,
) -> None:
    home, november = tmp_path / "home", tmp_path / "november.csv"
    november.write_text(
        "transaction_id,product,price,quantity,date\n"
        "N1,Halal Lamp,20.00,1,2023-11-01\n"
        "N2,Halal Lamp,20.00,2,2023-11-02\n"
    )
    with EmbeddedPostgres(home, DATABASES).lease() as address:
        process = subprocess.Popen(
            [COMMAND, "run", "--input", str(november), "--home", str(home)],
            env=command_environment(),
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: has_begun(address.url("dagster"), "operational_mart"))
        process.kill()
        process.wait()

        outcome = run_small(home)

    assert outcome.status == 0, outcome.stderr
    assert outcome.document["rows"] == {
        "raw_transactions": 6,
        "fact_sales": 5,
        "pg_sales": 5,
        "summary_sales": 4,
    }


def test_a_lost_warehouse_file_is_rebuilt_from_the_lake_whatever_comes_next(
    home: Path, tmp_path: Path
) -> None:
    before = table_digests(home)
    (home / "warehouse" / "warehouse.duckdb").unlink()
    empty = tmp_path / "empty.csv"
    empty.touch()

    outcome = txn_platform("run", "--input", empty, "--home", home)

    assert outcome.status == 0, outcome.stderr
    assert table_digests(home) == before


def test_another_hash_key_on_the_same_lake_is_refused(home: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.csv"
    again.write_bytes(SMALL.read_bytes() + b"\n")
    outcome = txn_platform("run", "--input", again, "--home", home, PII_HASH_KEY="k" * 32)
    assert outcome.status == 1
    assert "PII_HASH_KEY" in outcome.stderr
    assert "--fresh" in outcome.stderr


def test_a_killed_server_fails_the_run_plainly_and_the_next_run_heals(
    loaded: Path, home: Path
) -> None:
    process = subprocess.Popen(
        [COMMAND, "run", "--input", str(SMALL), "--home", str(home)],
        env=command_environment(),
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = EmbeddedPostgres(home, DATABASES)
    wait_for(lambda: server.status().running)
    os.kill(server.status().pid or 0, signal.SIGKILL)
    _, stderr = process.communicate(timeout=PATIENCE * 3)
    assert "Traceback" not in stderr

    outcome = run_small(home)

    assert outcome.status == 0, outcome.stderr
    assert table_digests(home) == table_digests(loaded)
    assert lake_files(home) == lake_files(loaded)


def test_dev_names_the_port_that_is_taken_and_starts_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = txn_platform("dev", "--ui-port", str(port), "--home", tmp_path / "home")
    assert outcome.status == 1
    assert f"port {port} is taken" in outcome.stderr
    assert "--ui-port" in outcome.stderr
    assert not (tmp_path / "home").exists()


def test_a_state_directory_without_space_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs a small file system: run as root where tmpfs can be mounted")
    try:
        outcome = run_small(home)
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
    assert outcome.status in {1, 2}
    assert "space" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_corrupt_warehouse_file_is_named_with_a_remedy(home: Path) -> None:
    file = home / "warehouse" / "warehouse.duckdb"
    file.write_bytes(b"not a database" * 1000)

    outcome = run_small(home)

    assert outcome.status == 1
    assert "warehouse.duckdb" in outcome.stderr
    assert "Traceback" not in outcome.stderr
