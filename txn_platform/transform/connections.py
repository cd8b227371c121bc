"""How dbt reaches each store: the environment that `dbt_project/profiles.yml` reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict

from txn_platform.settings import Settings

DbtTarget = Literal["duckdb", "bigquery", "postgres"]


@dataclass(frozen=True)
class DbtConnection:
    """One store, as dbt connects to it.

    Attributes:
        database: What dbt calls the database: DuckDB's catalog, PostgreSQL's database,
            BigQuery's project.
        env: Environment variables of the profile. Holds passwords, hence out of `repr`.
    """

    database: str
    env: Mapping[str, str] = field(repr=False)


def duckdb_connection(path: Path) -> DbtConnection:
    """A DuckDB file; dbt is its only writer while it runs."""
    return DbtConnection(database=path.stem, env={"DBT_DUCKDB_PATH": str(path)})


def postgres_connection(url: str) -> DbtConnection:
    """A PostgreSQL database, given as a URL or a libpq connection string."""
    names = {
        "host": "DBT_POSTGRES_HOST",
        "port": "DBT_POSTGRES_PORT",
        "user": "DBT_POSTGRES_USER",
        "password": "DBT_ENV_SECRET_POSTGRES_PASSWORD",
        "dbname": "DBT_POSTGRES_DBNAME",
        "sslmode": "DBT_POSTGRES_SSLMODE",
    }
    given = {key: str(value) for key, value in conninfo_to_dict(url).items() if key in names}
    return DbtConnection(
        database=given["dbname"], env={names[key]: value for key, value in given.items()}
    )


def bigquery_connection(
    settings: Settings, *, api_endpoint: str | None = None, token: str | None = None
) -> DbtConnection:
    """The project of the settings, with application default credentials.

    Args:
        settings: Name the project and the datasets.
        api_endpoint: An emulator's address instead of Google's.
        token: An access token instead of the default credentials; any text for an emulator.
    """
    config = settings.config
    env = {
        "DBT_BIGQUERY_PROJECT": config.data_warehouse.project_id,
        "DBT_MART_DATASET": config.data_mart.dataset,
    }
    if api_endpoint is not None:
        env["DBT_BIGQUERY_API_ENDPOINT"] = api_endpoint
    if token is not None:
        env |= {"DBT_BIGQUERY_METHOD": "oauth-secrets", "DBT_ENV_SECRET_BIGQUERY_TOKEN": token}
    return DbtConnection(database=config.data_warehouse.project_id, env=env)
