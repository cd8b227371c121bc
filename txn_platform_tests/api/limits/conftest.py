"""A PostgreSQL that the API's role was prepared in, and an application behind the middleware."""

from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.stores.roles import API_ROLE, provision
from txn_platform_tests.stores.postgres_server import fresh_database

PASSWORD = "of the API's role"


@pytest.fixture(scope="module")
def postgres_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    home = tmp_path_factory.mktemp("postgres") / "state"
    with EmbeddedPostgres(home, ["postgres"]).lease() as address:
        yield address


@pytest.fixture
def database_url(postgres_address: PostgresAddress) -> Iterator[str]:
    """A fresh database as the API's role."""
    with fresh_database(postgres_address) as url:
        provision(url, PASSWORD)
        yield make_conninfo(url, user=API_ROLE, password=PASSWORD)
