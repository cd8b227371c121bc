"""The dbt project as a developer meets it: tested, documented, compiling for every target."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from dbt.artifacts.schemas.results import NodeResult

from txn_platform.settings import Settings
from txn_platform.transform import DbtTarget, ensure_manifest, vars_for
from txn_platform.transform.arguments import DBT_PROJECT, build_args
from txn_platform.transform.engine import node_results, run_dbt
from txn_platform_tests.transform.marts import Mart, days

TARGETS: tuple[DbtTarget, ...] = ("duckdb", "postgres", "bigquery")
WAREHOUSE_MODELS = {"stg_transactions", "fact_sales", "summary_sales", "summary_sales_daily"}
MODELS = {
    "duckdb": WAREHOUSE_MODELS,
    "bigquery": WAREHOUSE_MODELS,
    "postgres": {"pg_sales"},
}
OFFLINE = {"DBT_BIGQUERY_METHOD": "oauth-secrets", "DBT_ENV_SECRET_BIGQUERY_TOKEN": "none-at-all"}


def manifest(target: DbtTarget, settings: Settings) -> dict[str, Any]:
    return json.loads(ensure_manifest(target, settings).read_text())


def models(target: DbtTarget, settings: Settings) -> list[dict[str, Any]]:
    nodes = manifest(target, settings)["nodes"].values()
    return [node for node in nodes if node["resource_type"] == "model"]


def run(
    mart: Mart, *command: str, variables: Mapping[str, object] | None = None
) -> Sequence[NodeResult]:
    target_path = mart.settings.home / "dbt-of-a-developer"
    first, *more = command
    args = build_args(first, mart.target, target_path=target_path)
    args[1:1] = more
    result = run_dbt(
        args,
        env=mart.connection.env,
        variables=variables or vars_for(mart.settings, None),
    )
    assert result.success, result.exception or [r.message for r in node_results(result)]
    return node_results(result)


def compiled_code(result: NodeResult) -> str:
    return str(result.to_dict()["node"]["compiled_code"])


def test_the_unit_tests_of_the_models_pass(mart: Mart) -> None:
    mart.must_build()
    results = run(mart, "test", "--resource-type", "unit_test")
    assert len(results) >= 3
    assert {str(result.status) for result in results} == {"pass"}


def test_the_documentation_is_generated(mart: Mart) -> None:
    mart.must_build()
    run(mart, "docs", "generate")
    catalog = json.loads((mart.settings.home / "dbt-of-a-developer/catalog.json").read_text())
    documented = {name.split(".")[-1] for name in catalog["nodes"]}
    assert documented == MODELS[mart.target]


def test_a_full_refresh_builds_everything_anew_whatever_the_window(mart: Mart) -> None:
    mart.must_build()
    run(mart, "build", "--full-refresh", variables=vars_for(mart.settings, days(0, 1)))


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_has_its_models_and_no_others(target: DbtTarget, settings: Settings) -> None:
    assert {model["name"] for model in models(target, settings)} == MODELS[target]


@pytest.mark.parametrize("target", TARGETS)
def test_every_model_and_column_is_described_and_under_contract(
    target: DbtTarget, settings: Settings
) -> None:
    for model in models(target, settings):
        assert model["description"], model["name"]
        assert model["config"]["contract"]["enforced"], model["name"]
        for column in model["columns"].values():
            assert column["description"], f"{model['name']}.{column['name']}"


@pytest.mark.parametrize("target", TARGETS)
def test_models_and_the_source_map_to_plain_asset_keys(
    target: DbtTarget, settings: Settings
) -> None:
    document = manifest(target, settings)
    for node in (*models(target, settings), *document["sources"].values()):
        assert node["config"]["meta"]["dagster"]["asset_key"] == [node["name"]]


@pytest.mark.parametrize("target", TARGETS)
def test_exposures_name_who_reads_the_marts(target: DbtTarget, settings: Settings) -> None:
    read = {
        node.split(".")[-1]
        for exposure in manifest(target, settings)["exposures"].values()
        for node in exposure["depends_on"]["nodes"]
    }
    summaries = {"summary_sales", "summary_sales_daily"}
    assert read == ({"pg_sales"} if target == "postgres" else summaries)


def test_tests_of_the_partitioned_tables_look_at_the_window_only(settings: Settings) -> None:
    for target in TARGETS:
        for node in manifest(target, settings)["nodes"].values():
            if node["resource_type"] == "test" and "summary_sales" not in node["attached_node"]:
                assert node["config"]["where"] == "__window__", node["name"]


def compile_for_bigquery(
    settings: Settings, folder: Path, *inline: str, **variables: object
) -> Sequence[NodeResult]:
    """Compile without a connection: all models, or a template."""
    args = build_args("compile", "bigquery", target_path=folder)
    if inline:
        args += ["--inline", *inline]
    result = run_dbt(
        [*args, "--no-introspect", "--no-populate-cache"],
        env=OFFLINE,
        variables=vars_for(settings, days(1, 3)) | variables,
    )
    assert result.success, result.exception
    return node_results(result)


def test_the_warehouse_models_compile_for_bigquery_without_a_connection(
    settings: Settings, tmp_path: Path
) -> None:
    compile_for_bigquery(settings, tmp_path)
    compiled = {path.stem: path.read_text() for path in (tmp_path / "compiled").rglob("*.sql")}
    assert MODELS["bigquery"] < compiled.keys()
    for name, statement in compiled.items():
        assert sqlglot.parse_one(statement, dialect="bigquery"), name
    assert (
        "where sale_date >= cast('2023-10-02' as date) and sale_date < cast('2023-10-04' as date)"
        in compiled["fact_sales"]
    )


def test_bigquery_replaces_a_window_in_one_statement_pruned_to_it(
    settings: Settings, tmp_path: Path
) -> None:
    call = "{{ partition_replacement('mart', '(select 1 as a)', 'a') }}"
    (node,) = compile_for_bigquery(settings, tmp_path, call)
    assert " ".join(compiled_code(node).split()) == (
        "merge into mart using (select 1 as a) on false when not matched by source"
        " and sale_date >= cast('2023-10-02' as date) and sale_date < cast('2023-10-04' as date)"
        " then delete when not matched then insert (a) values (a)"
    )


def test_bigquery_gets_texts_in_literals_of_its_own(settings: Settings, tmp_path: Path) -> None:
    (node,) = compile_for_bigquery(
        settings, tmp_path, "{{ is_eligible() }}", product_prefix="O'Neill\\\n"
    )
    assert r"starts_with(product, 'O\'Neill\\\n')" in compiled_code(node)


def test_bigquery_partitions_and_clusters_the_facts(settings: Settings) -> None:
    (facts,) = (m for m in models("bigquery", settings) if m["name"] == "fact_sales")
    assert facts["config"]["partition_by"] == {"field": "sale_date", "data_type": "date"}
    assert facts["config"]["cluster_by"] == ["product"]


def test_a_developer_s_own_dbt_finds_its_profile(warehouse: Mart, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            "build",
            *("--project-dir", DBT_PROJECT),
            *("--profiles-dir", DBT_PROJECT),
            *("--target-path", tmp_path / "target"),
            *("--log-path", tmp_path / "target"),
        ],
        env={**os.environ, **warehouse.connection.env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
