"""A manifest bound to a configuration equals one parsed with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from txn_platform.settings import Settings
from txn_platform.transform import DbtTarget, ensure_manifest, vars_for
from txn_platform.transform.arguments import build_args
from txn_platform.transform.binding import bind
from txn_platform.transform.engine import run_dbt
from txn_platform_tests.transform.marts import settings_from

DATABASES: dict[DbtTarget, tuple[str, dict[str, str]]] = {
    "duckdb": ("elsewhere", {"DBT_DUCKDB_PATH": "elsewhere.duckdb"}),
    "bigquery": ("other-project", {"DBT_BIGQUERY_PROJECT": "other-project"}),
    "postgres": ("sales", {"DBT_POSTGRES_DBNAME": "sales"}),
}


@pytest.fixture
def other_settings(tmp_path: Path) -> Settings:
    return settings_from(
        tmp_path,
        {
            "data_warehouse": {"dataset": "other_warehouse", "table": "other_raw"},
            "data_mart": {"dataset": "other_mart"},
            "ingestion": {"validation": {"max_decimals": 4, "max_quantity": 1_000_000}},
        },
    )


@pytest.mark.parametrize("target", DATABASES)
def test_a_bound_manifest_names_what_a_parsed_one_names(
    target: DbtTarget, other_settings: Settings, tmp_path: Path
) -> None:
    database, env = DATABASES[target]
    variables = vars_for(other_settings, None)
    bound = json.loads(ensure_manifest(target, other_settings).read_text())
    bind(bound, database, variables)
    args = build_args("parse", target, target_path=tmp_path / "parsed")
    result = run_dbt([*args, "--no-partial-parse"], env=env, variables=variables)
    assert result.success, result.exception
    parsed = json.loads((tmp_path / "parsed" / "manifest.json").read_text())
    assert relations(bound) == relations(parsed)


def relations(document: dict[str, Any]) -> dict[str, object]:
    """All that names a relation or gives a column its type."""
    nodes = document["sources"] | document["nodes"]
    return {
        key: {
            "columns": {
                name: column["data_type"] for name, column in node.get("columns", {}).items()
            },
            "configured": node["config"].get("schema"),
            **{part: node.get(part) for part in ("database", "identifier", "alias")},
            # Tests get a schema of their own, for the failures that they are not to store.
            **({"schema": node["schema"]} if node["resource_type"] != "test" else {}),
            "relation_name": node.get("relation_name"),
        }
        for key, node in nodes.items()
    }
