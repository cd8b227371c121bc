"""The API's role: what it may do on a real server, and above all what it may not."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from txn_platform.errors import ConfigurationError, StoreError
from txn_platform.services import PostgresAddress
from txn_platform.stores.postgres import PostgresDatabase
from txn_platform.stores.roles import API_ROLE, provision
from txn_platform_tests.stores.postgres_server import fresh_database

READABLE = ("pg_sales", "mart_versions", "asset_materializations", "check_results", "landed_rows")
PASSWORD = "the API's password: with a ' and a \\"


@pytest.fixture
def marts(postgres_url: str) -> str:
    """A database as the pipeline leaves it, and a schema of somebody else."""
    PostgresDatabase(postgres_url).ensure_schema()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE pg_sales (product text, amount numeric(18, 2))")
        connection.execute("INSERT INTO pg_sales VALUES ('Halal Milk', 12.50)")
        connection.execute("CREATE SCHEMA elsewhere")
        connection.execute("CREATE TABLE elsewhere.secrets (secret text)")
    return postgres_url


def as_role(address: PostgresAddress, url: str) -> str:
    return replace(address, user=API_ROLE, password=PASSWORD).url(url.rpartition("/")[2])


@pytest.fixture
def api_url(postgres_address: PostgresAddress, marts: str) -> str:
    provision(marts, PASSWORD)
    return as_role(postgres_address, marts)


def run(url: str, statement: str) -> None:
    # Some statements run in no transaction.
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("table", READABLE)
def test_the_role_reads_the_marts_and_what_the_pipeline_says_about_itself(
    api_url: str, table: str
) -> None:
    run(api_url, f"SELECT * FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM transactions",
        "SELECT * FROM loaded_batches",
        "SELECT * FROM elsewhere.secrets",
        "INSERT INTO pg_sales VALUES ('Halal Milk', 1)",
        "UPDATE pg_sales SET amount = 0",
        "DELETE FROM pg_sales",
        "TRUNCATE pg_sales",
        "DROP TABLE mart_versions",
        "UPDATE mart_versions SET materialization_id = 'forged'",
        "DELETE FROM check_results",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE elsewhere.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE DATABASE mine",
        "SET ROLE txn_platform",
        "ALTER ROLE txn_api SUPERUSER",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "ALTER TABLE pg_sales OWNER TO txn_api",
        "GRANT mart_reader TO txn_platform",
        "COPY pg_sales TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_role_may_do_nothing_else(api_url: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        run(api_url, statement)


def test_the_role_owns_its_schema_and_finds_its_tables_there_first(api_url: str) -> None:
    run(api_url, "CREATE TABLE later (a int)")
    with psycopg.connect(api_url) as connection:
        owned = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'api'::regnamespace "
            "AND relkind = 'r' AND pg_get_userbyid(relowner) = 'txn_api' ORDER BY relname"
        ).fetchall()
        unlogged = connection.execute(
            "SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'"
        ).fetchall()
    assert [name for (name,) in owned] == [
        "audit_log",
        "later",
        "login_failures",
        "rate_counters",
        "refresh_tokens",
        "sessions",
        "users",
    ]
    assert unlogged == [("rate_counters",)]


def test_the_password_is_stored_as_a_verifier_only(marts: str, api_url: str) -> None:
    run(api_url, "SELECT 1")
    with psycopg.connect(marts) as connection:
        row = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'txn_api'"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")


def test_provisioning_again_changes_the_password_and_keeps_the_rest(
    postgres_address: PostgresAddress, marts: str, api_url: str
) -> None:
    run(api_url, "INSERT INTO api.users VALUES ('ana', 'hash', '{sales:read}')")
    provision(marts, "another password")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        run(api_url, "SELECT 1")
    provision(marts, PASSWORD)
    with psycopg.connect(as_role(postgres_address, marts)) as connection:
        assert connection.execute("SELECT username FROM api.users").fetchall() == [("ana",)]


def test_a_mart_that_comes_later_is_readable_after_the_pipeline_has_published(
    postgres_address: PostgresAddress, postgres_url: str
) -> None:
    provision(postgres_url, PASSWORD)
    PostgresDatabase(postgres_url).ensure_schema()
    run(as_role(postgres_address, postgres_url), "SELECT * FROM mart_versions")


def test_users_of_earlier_versions_move_once_and_leave_no_hash_behind(
    postgres_address: PostgresAddress, postgres_url: str
) -> None:
    run(
        postgres_url,
        "CREATE TABLE api_users (username text PRIMARY KEY, password_hash text NOT NULL, "
        "scopes text[] NOT NULL, disabled boolean NOT NULL DEFAULT false, "
        "created_at timestamptz NOT NULL DEFAULT '2026-01-01');"
        "INSERT INTO api_users VALUES ('ana', 'old', '{sales:read}', true)",
    )
    for _ in range(2):
        provision(postgres_url, PASSWORD)
    with psycopg.connect(as_role(postgres_address, postgres_url)) as connection:
        users = connection.execute(
            "SELECT username, password_hash, scopes, disabled, created_at::date::text FROM users"
        ).fetchall()
        [left] = connection.execute("SELECT to_regclass('public.api_users')").fetchall()
    assert users == [("ana", "old", ["sales:read"], True, "2026-01-01")]
    assert left == (None,)


@pytest.fixture
def pipeline_url(postgres_address: PostgresAddress) -> Iterator[str]:
    """A database as a role that owns it and creates roles, and is no superuser."""
    with psycopg.connect(postgres_address.url("postgres"), autocommit=True) as server:
        server.execute("DROP ROLE IF EXISTS txn_api, mart_reader")
        server.execute("CREATE ROLE pipeline LOGIN CREATEROLE PASSWORD 'pipeline'")
        with fresh_database(postgres_address) as url:
            name = url.rpartition("/")[2]
            server.execute(f"ALTER DATABASE {name} OWNER TO pipeline".encode())
            yield replace(postgres_address, user="pipeline", password="pipeline").url(name)
        server.execute("DROP ROLE txn_api, mart_reader")
        server.execute("DROP ROLE pipeline")


def test_a_pipeline_role_that_is_no_superuser_suffices(
    postgres_address: PostgresAddress, pipeline_url: str
) -> None:
    for _ in range(2):
        provision(pipeline_url, PASSWORD)
    PostgresDatabase(pipeline_url).ensure_schema()
    provision(pipeline_url, PASSWORD)
    api_url = as_role(postgres_address, pipeline_url)
    run(api_url, "SELECT * FROM mart_versions")
    run(api_url, "INSERT INTO users VALUES ('ana', 'hash', '{sales:read}')")
    with pytest.raises(InsufficientPrivilege):
        run(api_url, "SELECT * FROM transactions")
    # Nor does the pipeline keep a way to the hashes of passwords.
    with pytest.raises(InsufficientPrivilege):
        run(pipeline_url, "SELECT * FROM api.users")


def test_an_administrators_role_does_not_become_the_apis(
    postgres_address: PostgresAddress, postgres_url: str
) -> None:
    with pytest.raises(ConfigurationError, match="privileges of its own"):
        provision(postgres_url, "a new password", postgres_address.user)
    run(postgres_url, "SELECT 1")


def test_a_role_that_may_not_create_roles_is_told_what_is_missing(
    postgres_address: PostgresAddress, postgres_url: str
) -> None:
    run(postgres_url, "CREATE ROLE humble LOGIN PASSWORD 'humble'")
    try:
        humble = replace(postgres_address, user="humble", password="humble")
        with pytest.raises(StoreError, match="CREATEROLE") as refused:
            provision(humble.url(postgres_url.rpartition("/")[2]), PASSWORD)
        assert PASSWORD not in str(refused.value)
    finally:
        run(postgres_url, "DROP ROLE humble")
