"""A DuckDB file, a PostgreSQL server of the session, and the marts on them."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.settings import Settings
from txn_platform_tests.transform.marts import Mart, duckdb_mart, postgres_mart, settings_with


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    home = tmp_path_factory.mktemp("transform")
    with EmbeddedPostgres(home, []).lease() as address:
        yield address


@pytest.fixture
def postgres_url(postgres_server: PostgresAddress) -> Iterator[str]:
    """An empty database that is dropped afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        yield postgres_server.url(name)
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(tmp_path)


@pytest.fixture
def warehouse(tmp_path: Path) -> Mart:
    return duckdb_mart(tmp_path)


@pytest.fixture
def database(tmp_path: Path, postgres_url: str) -> Mart:
    return postgres_mart(tmp_path, postgres_url)


@pytest.fixture(params=["warehouse", "database"])
def mart(request: pytest.FixtureRequest) -> Mart:
    return request.getfixturevalue(request.param)
