from pathlib import Path

from txn_platform.settings import Settings
from txn_platform.transform import bigquery_connection, duckdb_connection, postgres_connection


def test_a_duckdb_database_is_named_after_its_file() -> None:
    connection = duckdb_connection(Path("/state/warehouse/warehouse.duckdb"))
    assert connection.database == "warehouse"
    assert connection.env == {"DBT_DUCKDB_PATH": "/state/warehouse/warehouse.duckdb"}


def test_a_postgresql_url_is_taken_apart_and_unquoted() -> None:
    connection = postgres_connection("postgresql://al%40ice:p%2Fw@db:6543/sales?sslmode=require")
    assert connection.database == "sales"
    assert connection.env == {
        "DBT_POSTGRES_HOST": "db",
        "DBT_POSTGRES_PORT": "6543",
        "DBT_POSTGRES_USER": "al@ice",
        "DBT_ENV_SECRET_POSTGRES_PASSWORD": "p/w",
        "DBT_POSTGRES_DBNAME": "sales",
        "DBT_POSTGRES_SSLMODE": "require",
    }


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(postgres_connection("postgresql://u:hunter2@db/sales"))


def test_bigquery_uses_the_default_credentials(settings: Settings) -> None:
    connection = bigquery_connection(settings)
    assert connection.database == "hijra-project"
    assert "DBT_BIGQUERY_METHOD" not in connection.env


def test_an_emulator_of_bigquery_gets_its_address_and_a_token(settings: Settings) -> None:
    env = bigquery_connection(settings, api_endpoint="http://127.0.0.1:9050", token="any").env
    assert env["DBT_BIGQUERY_API_ENDPOINT"] == "http://127.0.0.1:9050"
    assert env["DBT_BIGQUERY_METHOD"] == "oauth-secrets"
    assert env["DBT_ENV_SECRET_BIGQUERY_TOKEN"] == "any"
