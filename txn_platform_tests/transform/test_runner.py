"""dbt as a guest in this process: what it says, and what it leaves."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from txn_platform.errors import TransformError
from txn_platform.settings import PROJECT_ROOT
from txn_platform.transform import DbtOutcome, invoke, manifest_path
from txn_platform_tests.transform.marts import Mart, Row, days, identifier

OPEN_FOR_WRITING = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('select 1')"


def build_with_events(mart: Mart) -> tuple[DbtOutcome, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    outcome = invoke(
        mart.target,
        settings=mart.settings,
        connection=mart.connection,
        select=mart.models,
        window=days(0, 3),
        on_event=events.append,
    )
    return outcome, events


def dagster_events(mart: Mart, events: list[dict[str, Any]]) -> list[Any]:
    manifest = json.loads(manifest_path(mart.target).read_text())
    return [
        found
        for event in events
        for found in DbtCoreCliEventMessage(event, {}).to_default_asset_events(manifest=manifest)
    ]


def break_uniqueness(mart: Mart) -> None:
    mart.land(Row("T001"), Row("T001", price="20.00"))


def test_the_events_become_dagster_s_materializations_and_checks(mart: Mart) -> None:
    mart.land(Row("A"))
    outcome, events = build_with_events(mart)
    found = dagster_events(mart, events)
    built = {e.asset_key.path[-1] for e in found if isinstance(e, dg.AssetMaterialization)}
    assert built == set(mart.models)
    checks = [e for e in found if isinstance(e, dg.AssetCheckEvaluation)]
    assert {check.asset_key.path[-1] for check in checks} == built - {"stg_transactions"}
    assert all(check.passed for check in checks)
    assert len(built) + len(checks) == len(outcome.results)


def test_a_failed_test_is_a_failed_check_and_skips_what_depends_on_it(warehouse: Mart) -> None:
    break_uniqueness(warehouse)
    outcome, events = build_with_events(warehouse)
    failed = [
        event.check_name
        for event in dagster_events(warehouse, events)
        if isinstance(event, dg.AssetCheckEvaluation) and not event.passed
    ]
    assert failed == ["unique_transaction_per_date"]
    assert {r.name: r.status for r in outcome.results}["summary_sales"] == "skipped"


def test_a_failure_names_the_node_and_no_value(mart: Mart) -> None:
    break_uniqueness(mart)
    outcome, events = build_with_events(mart)
    assert not outcome.success
    (failure,) = outcome.failures
    assert failure.node in ("unique_transaction_per_date", "pg_sales")
    everything = json.dumps(events) + str(outcome)
    assert identifier("T001") not in everything
    assert "20.00" not in everything


def test_nothing_of_the_data_is_left_on_disk(mart: Mart) -> None:
    break_uniqueness(mart)
    _, _ = build_with_events(mart)
    for path in (mart.settings.home / "dbt").rglob("*"):
        if path.is_file():
            assert identifier("T001").encode() not in path.read_bytes(), path


def test_the_error_of_a_failure_says_what_failed_and_what_to_do(warehouse: Mart) -> None:
    break_uniqueness(warehouse)
    error = warehouse.build().error()
    assert isinstance(error, TransformError)
    assert "unique_transaction_per_date: Got 1 result" in error.message
    assert str(warehouse.settings.home / "dbt" / "duckdb") in error.remedy


def test_a_store_that_is_not_there_is_a_failure_of_dbt(mart: Mart, tmp_path: Path) -> None:
    gone = {
        "DBT_DUCKDB_PATH": str(tmp_path / "missing" / "warehouse.duckdb"),
        "DBT_POSTGRES_PORT": "1",
    }
    env = {**mart.connection.env, **gone}
    mart.connection = type(mart.connection)(mart.connection.database, env)
    outcome = mart.build()
    assert [failure.node for failure in outcome.failures] == ["dbt"]
    assert outcome.results == ()


@pytest.mark.parametrize("ends_well", [True, False])
def test_the_duckdb_file_is_free_for_the_next_process(warehouse: Mart, ends_well: bool) -> None:
    if not ends_well:
        warehouse.query("drop table {raw}")
    assert warehouse.build().success is ends_well
    path = warehouse.connection.env["DBT_DUCKDB_PATH"]
    subprocess.run([sys.executable, "-c", OPEN_FOR_WRITING, path], check=True, timeout=60)


def test_the_process_is_as_it_was(mart: Mart, capfd: pytest.CaptureFixture[str]) -> None:
    environment, here = dict(os.environ), Path.cwd()
    mart.land(Row("A"))
    mart.must_build()
    assert dict(os.environ) == environment
    assert Path.cwd() == here
    assert capfd.readouterr() == ("", "")


def test_a_variable_that_was_set_before_is_set_again(
    warehouse: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_DUCKDB_PATH", "/somewhere/else.duckdb")
    warehouse.must_build()
    assert os.environ["DBT_DUCKDB_PATH"] == "/somewhere/else.duckdb"


def test_a_build_writes_nothing_into_the_project(mart: Mart) -> None:
    mart.must_build()
    before = {path: path.stat().st_mtime_ns for path in (PROJECT_ROOT / "dbt_project").rglob("*")}
    mart.must_build()
    after = {path: path.stat().st_mtime_ns for path in (PROJECT_ROOT / "dbt_project").rglob("*")}
    assert after == before
    assert not list(mart.settings.home.rglob("*.log"))


def test_an_interrupt_is_not_swallowed(warehouse: Mart) -> None:
    def interrupt(_: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        invoke(
            "duckdb",
            settings=warehouse.settings,
            connection=warehouse.connection,
            select=["stg_transactions"],
            window=None,
            on_event=interrupt,
        )
    warehouse.must_build()


def test_importing_the_package_does_not_import_dbt() -> None:
    code = (
        "import sys, txn_platform.transform\n"
        "slow = {'dbt', 'dbt_common', 'dagster'} & {name.split('.')[0] for name in sys.modules}\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
