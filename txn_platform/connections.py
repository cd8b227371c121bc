"""How to reach PostgreSQL, and how dbt reaches the warehouse, in each profile."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
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


@contextmanager
def api_postgres_url(settings: Settings) -> Generator[str]:
    """Yield the address of the operational database as the API's own role, credentials included.

    In the local profile the embedded server runs for as long as the address is in use, and the
    role is there: its password is made up once and kept in the state directory.

    Raises:
        ConfigurationError: in the gcp profile, when the credentials are missing.
        ServiceError: in the local profile, when the server can't start.
        StoreError: in the local profile, when the role can't be prepared.
    """
    if settings.profile == "gcp":
        user, password = api_credentials(settings)
        yield _url(settings, user, password, operational_name(settings))
        return
    from txn_platform.services import EmbeddedPostgres  # noqa: PLC0415 - never in gcp
    from txn_platform.services.kept_secret import kept_secret  # noqa: PLC0415
    from txn_platform.stores.roles import API_ROLE, provision  # noqa: PLC0415 - 0.25 s

    with EmbeddedPostgres(settings.home, databases(settings)).lease() as address:
        password = kept_secret(settings.home, "api_postgres_password")
        provision(address.url(operational_name(settings)), password)
        role = replace(address, user=API_ROLE, password=password)
        yield role.url(operational_name(settings))


def api_credentials(settings: Settings) -> tuple[str, str]:
    """Name and password of the API's role in the gcp profile.

    Raises:
        ConfigurationError: when they are missing, or are the pipeline's own.
    """
    if settings.api_postgres_user is None or settings.api_postgres_password is None:
        raise ConfigurationError(
            "API_POSTGRES_USER and API_POSTGRES_PASSWORD are not set",
            remedy="Set them (the usual name is txn_api), then create that role once with "
            "`txn-platform users prepare`.",
        )
    if settings.api_postgres_user == settings.postgres_user:
        raise ConfigurationError(
            "API_POSTGRES_USER: got the pipeline's own role; accepted: another name",
            remedy="The API's role may read the marts only; the usual name is txn_api.",
        )
    return settings.api_postgres_user, settings.api_postgres_password.get_secret_value()


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
    password = settings.postgres_password.get_secret_value()
    return _url(settings, settings.postgres_user, password, database)


def _url(settings: Settings, user: str, password: str, database: str) -> str:
    postgres = settings.config.data_warehouse.postgres
    user, password = quote(user, safe=""), quote(password, safe="")
    return (
        f"postgresql://{user}:{password}@{postgres.host}:{postgres.port}/{database}?sslmode=require"
    )
