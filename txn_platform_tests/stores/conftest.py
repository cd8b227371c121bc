"""One fixture for each port, run once for each of its adapters."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform_tests.stores.adapters import LAKES, OPERATIONAL, WAREHOUSES
from txn_platform_tests.stores.cases import LakeCase, OperationalCase, RawTable, WarehouseCase
from txn_platform_tests.stores.emulators import cloud_emulators
from txn_platform_tests.stores.postgres_server import fresh_database

__all__ = ["cloud_emulators"]


@pytest.fixture(scope="session")
def postgres_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    """A server for the whole session of this worker."""
    home = tmp_path_factory.mktemp("postgres") / "state"
    with EmbeddedPostgres(home, ["postgres"]).lease() as address:
        yield address


@pytest.fixture
def postgres_url(postgres_address: PostgresAddress) -> Iterator[str]:
    """A database of its own for each test."""
    with fresh_database(postgres_address) as url:
        yield url


@pytest.fixture
def no_retry_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture(params=LAKES)
def lake_case(request: pytest.FixtureRequest) -> Iterator[LakeCase]:
    with LAKES[request.param](request) as case:
        yield case


@pytest.fixture(params=WAREHOUSES)
def warehouse_case(request: pytest.FixtureRequest) -> Iterator[WarehouseCase]:
    with WAREHOUSES[request.param](request) as case:
        yield case


@pytest.fixture(params=OPERATIONAL)
def operational_case(request: pytest.FixtureRequest) -> Iterator[OperationalCase]:
    with OPERATIONAL[request.param](request) as case:
        yield case


@pytest.fixture(params=WAREHOUSES | OPERATIONAL)
def raw_table(request: pytest.FixtureRequest) -> Iterator[RawTable]:
    with (WAREHOUSES | OPERATIONAL)[request.param](request) as case:
        yield case.raw
