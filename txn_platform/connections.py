"""How to reach PostgreSQL, and how dbt reaches the warehouse, in each profile."""

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import quote

from txn_platform.errors import ConfigurationError
from txn_platform.settings import Settings
from txn_platform.stores.factory import warehouse_file
from txn_platform.transform import (
    DbtConnection,
    DbtTarget,
    bigquery_connection,
    duckdb_connection,
)

DAGSTER_DATABASE = "dagster"


def operational_name(settings: Settings) -> str:
    """The database that holds the operational tables."""
    return settings.config.data_warehouse.postgres.dbname


@contextmanager
def postgres_url(settings: Settings, database: str | None = None) -> Generator[str]:
    """Yield the address of a database (the operational one by default), credentials included.

    In the local profile the embedded server runs for as long as the address is in use.

    Raises:
        ConfigurationError: in the gcp profile, when the credentials are missing.
        ServiceError: in the local profile, when the server can't start.
    """
    name = database or operational_name(settings)
    if settings.profile == "gcp":
        yield _remote_url(settings, name)
        return
    from txn_platform.services import EmbeddedPostgres  # noqa: PLC0415 - never in gcp

    with EmbeddedPostgres(settings.home, databases(settings)).lease() as address:
        yield address.url(name)


def warehouse_target(settings: Settings) -> DbtTarget:
    """The dbt target of the warehouse models."""
    return "duckdb" if settings.profile == "local" else "bigquery"


def warehouse_connection(settings: Settings) -> DbtConnection:
    """How dbt reaches the warehouse."""
    if settings.profile == "local":
        return duckdb_connection(warehouse_file(settings))
    return bigquery_connection(settings)


def databases(settings: Settings) -> list[str]:
    """The databases of the embedded server."""
    return [operational_name(settings), DAGSTER_DATABASE]


def _remote_url(settings: Settings, database: str) -> str:
    postgres = settings.config.data_warehouse.postgres
    if settings.postgres_user is None or settings.postgres_password is None:
        raise ConfigurationError(
            "POSTGRES_USER and POSTGRES_PASSWORD are not set",
            remedy=f"Take them from the secret {postgres.secretName}.",
        )
    user = quote(settings.postgres_user, safe="")
    password = quote(settings.postgres_password.get_secret_value(), safe="")
    return (
        f"postgresql://{user}:{password}@{postgres.host}:{postgres.port}/{database}?sslmode=require"
    )
