"""The marts: dbt run inside this process, on the warehouse and on PostgreSQL.

Importing this package does not import dbt, which takes 1.5 s; `invoke` does, and so does a
manifest that has to be made.
"""

from txn_platform.transform.arguments import DBT_PROJECT
from txn_platform.transform.connections import (
    DbtConnection,
    DbtTarget,
    bigquery_connection,
    duckdb_connection,
    postgres_connection,
)
from txn_platform.transform.manifest import ensure_manifest, manifest_path
from txn_platform.transform.outcome import DbtFailure, DbtNodeResult, DbtOutcome
from txn_platform.transform.runner import invoke
from txn_platform.transform.variables import vars_for

__all__ = [
    "DBT_PROJECT",
    "DbtConnection",
    "DbtFailure",
    "DbtNodeResult",
    "DbtOutcome",
    "DbtTarget",
    "bigquery_connection",
    "duckdb_connection",
    "ensure_manifest",
    "invoke",
    "manifest_path",
    "postgres_connection",
    "vars_for",
]
