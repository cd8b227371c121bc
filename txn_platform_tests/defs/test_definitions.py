"""The graph as Dagster sees it."""

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from txn_platform.definitions import build_definitions
from txn_platform.settings import load_settings

BLOCKING = {
    ("lake_transactions", "row_accounting"),
    ("raw_transactions", "pii_hashed"),
    ("fact_sales", "pii_hashed"),
    ("fact_sales", "expected_row_count"),
    ("pg_sales", "pii_hashed"),
    ("pg_sales", "expected_row_count"),
    ("pg_sales", "marts_agree"),
}
GROUPS = {
    "transactions_csv": "lake",
    "lake_transactions": "lake",
    "raw_transactions": "warehouse",
    "stg_transactions": "warehouse",
    "fact_sales": "marts",
    "pg_sales": "marts",
    "summary_sales": "marts",
    "summary_sales_daily": "marts",
    "summary_sales_export": "exports",
}
PARENTS = {
    "transactions_csv": set[str](),
    "lake_transactions": {"transactions_csv"},
    "raw_transactions": {"lake_transactions"},
    "stg_transactions": {"raw_transactions"},
    "fact_sales": {"stg_transactions"},
    "pg_sales": {"raw_transactions"},
    "summary_sales": {"fact_sales"},
    "summary_sales_daily": {"fact_sales"},
    "summary_sales_export": {"summary_sales", "summary_sales_daily", "pg_sales"},
}
DAILY = {"raw_transactions", "stg_transactions", "fact_sales", "pg_sales"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(load_settings(environ={}))


@pytest.fixture(scope="module")
def graph(definitions: dg.Definitions) -> AssetGraph:
    return definitions.resolve_asset_graph()


def test_the_assets_are_exactly_these_in_these_groups(graph: AssetGraph) -> None:
    groups = {node.key.to_user_string(): node.group_name for node in graph.asset_nodes}
    assert groups == GROUPS


def test_the_lineage_is_the_documented_one(graph: AssetGraph) -> None:
    parents = {
        node.key.to_user_string(): {key.to_user_string() for key in node.parent_keys}
        for node in graph.asset_nodes
    }
    assert parents == PARENTS


def test_only_the_tables_by_sale_date_are_partitioned(graph: AssetGraph) -> None:
    partitioned = {
        node.key.to_user_string() for node in graph.asset_nodes if node.partitions_def is not None
    }
    assert partitioned == DAILY


def test_every_asset_says_what_it_is_and_who_owns_it(graph: AssetGraph) -> None:
    for node in graph.asset_nodes:
        name = node.key.to_user_string()
        assert node.description, name
        assert "select" not in node.description.lower().split(), name
        assert node.owners == ["team:data-platform"], name
        assert node.kinds, name


def test_the_assets_that_people_open_link_to_their_code(graph: AssetGraph) -> None:
    for node in graph.asset_nodes:
        if node.is_materializable:
            assert "dagster/code_references" in node.metadata, node.key


def test_the_checks_that_protect_readers_are_blocking(graph: AssetGraph) -> None:
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if graph.get(key).blocking
    }
    assert blocking >= BLOCKING


def test_every_mart_has_dbt_tests_as_checks(graph: AssetGraph) -> None:
    tested = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    assert tested >= {"fact_sales", "pg_sales", "summary_sales", "summary_sales_daily"}


def test_the_job_the_schedule_and_the_sensors_are_exactly_these(
    definitions: dg.Definitions,
) -> None:
    job = definitions.resolve_job_def("daily_sales")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == (
        GROUPS.keys() - {"transactions_csv"}
    )
    (schedule,) = definitions.schedules or []
    assert schedule.name == "daily_sales_schedule"
    sensors = {sensor.name for sensor in definitions.sensors or []}
    assert sensors == {"new_batches", "succeeded_runs", "failed_runs"}


def test_every_sensor_runs_from_the_start_and_within_fifteen_seconds(
    definitions: dg.Definitions,
) -> None:
    for sensor in definitions.sensors or []:
        assert isinstance(sensor, dg.SensorDefinition)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING, sensor.name
        assert (sensor.minimum_interval_seconds or 60) <= 15, sensor.name


def test_every_check_says_what_it_checks(graph: AssetGraph) -> None:
    for key in graph.asset_check_keys:
        assert graph.get(key).description, key
