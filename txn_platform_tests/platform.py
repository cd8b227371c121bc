"""The platform as its users run it: the installed command, and the state that it leaves."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from txn_platform.services import EmbeddedPostgres
from txn_platform.settings import PROJECT_ROOT

COMMAND = str(Path(sys.executable).with_name("txn-platform"))
SAMPLE_ROWS = 10_000
WAREHOUSE_TABLES = {
    "raw_transactions": "transactions_warehouse.raw_transactions",
    "fact_sales": "transactions_mart.fact_sales",
    "summary_sales": "transactions_mart.summary_sales",
    "summary_sales_daily": "transactions_mart.summary_sales_daily",
}
POSTGRES_TABLES = ("transactions", "pg_sales")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        return json.loads(self.stdout)


def command_environment(**variables: str) -> dict[str, str]:
    """A user's environment: none of the platform's own variables but those given."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TXN_", "DAGSTER_", "DBT_", "PII_"))
    }
    return {**inherited, **variables}


def txn_platform(
    *arguments: str | Path, cwd: Path | None = None, stdin: str = "", **variables: str
) -> Outcome:
    """Run `txn-platform` with the arguments, as a user would."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        env=command_environment(**variables),
        cwd=cwd or PROJECT_ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def table_digests(home: Path) -> dict[str, str]:
    """A digest of the rows of every table and the text of every export, whatever their order."""
    digests: dict[str, str] = {}
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as warehouse:
        for name, table in WAREHOUSE_TABLES.items():
            digests[name] = _digest(warehouse.execute(f"SELECT * FROM {table}").fetchall())
    with (
        EmbeddedPostgres(home, ["mydb", "dagster"]).lease() as address,
        psycopg.connect(address.url("mydb")) as database,
    ):
        for table in POSTGRES_TABLES:
            digests[table] = _digest(database.execute(f"SELECT * FROM {table}").fetchall())
    for export in sorted((home / "exports").iterdir()):
        digests[export.name] = hashlib.sha256(export.read_bytes()).hexdigest()
    return digests


def lake_files(home: Path) -> dict[str, str]:
    """Every file of the lake but the manifests' contents, which hold times."""
    lake = home / "lake"
    return {
        str(path.relative_to(lake)): ""
        if path.suffix == ".json"
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(lake.rglob("*"))
        if path.is_file()
    }


def _digest(rows: list[tuple[object, ...]]) -> str:
    text = "\n".join(sorted(repr(row) for row in rows))
    return f"{len(rows)} rows {hashlib.sha256(text.encode()).hexdigest()}"
