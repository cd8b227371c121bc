"""A real PostgreSQL for the tests of the API, and copies of a database made once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.stores.postgres import PostgresDatabase
from txn_platform.stores.roles import API_ROLE, provision
from txn_platform_tests.stores.postgres_server import fresh_database

ROLE_PASSWORD = "the API's own"


@dataclass(frozen=True)
class Databases:
    """Makes databases with the API's role, and the pipeline's tables where it has run before."""

    address: PostgresAddress
    template: str

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Name of a database of its own, dropped afterwards; the pipeline's tables are empty."""
        name = sql.Identifier(f"test_{uuid4().hex}")
        template = sql.Identifier(self.template)
        url = self.address.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
            try:
                yield name.as_string().strip('"')
            finally:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def as_owner(self, name: str) -> str:
        """Address of a database as the pipeline reaches it."""
        return self.address.url(name)

    def as_api(self, name: str) -> str:
        """Address of a database as the API reaches it."""
        return replace(self.address, user=API_ROLE, password=ROLE_PASSWORD).url(name)


@pytest.fixture(scope="session")
def postgres_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    """A server for the whole session of this worker."""
    home = tmp_path_factory.mktemp("postgres") / "state"
    with EmbeddedPostgres(home, ["postgres"]).lease() as address:
        yield address


@pytest.fixture(scope="session")
def databases(postgres_address: PostgresAddress) -> Iterator[Databases]:
    with fresh_database(postgres_address) as url:
        provision(url, ROLE_PASSWORD)
        PostgresDatabase(url).ensure_schema()
        yield Databases(postgres_address, url.rpartition("/")[2])


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """Name of a database of its own for each test."""
    with databases.copy() as name:
        yield name


@pytest.fixture
def owner_url(databases: Databases, database: str) -> str:
    """That database as the pipeline reaches it."""
    return databases.as_owner(database)


@pytest.fixture
def api_url(databases: Databases, database: str) -> str:
    """That database as the API reaches it."""
    return databases.as_api(database)


@pytest.fixture
def unused_url(postgres_address: PostgresAddress, databases: Databases) -> Iterator[str]:
    """A database in which the pipeline has never run, as the API reaches it."""
    with fresh_database(postgres_address) as url:
        provision(url, ROLE_PASSWORD)
        yield databases.as_api(url.rpartition("/")[2])
