import socket
import threading

import pytest

from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.services.databases import create_missing
from txn_platform.services.layout import HOST
from txn_platform_tests.services.harness import run_sql


def test_databases_asked_for_at_the_same_moment_are_created_once(
    postgres: EmbeddedPostgres,
) -> None:
    with postgres.lease() as address:
        threads = [
            threading.Thread(target=create_missing, args=(address, ["a", "b"])) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = run_sql(address.url("postgres"), "SELECT datname FROM pg_database ORDER BY 1")
    assert names == ["a", "b", "dagster", "mydb", "postgres", "template0", "template1"]


def test_a_server_that_is_not_there_is_no_error_yet() -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        address = PostgresAddress(HOST, unused.getsockname()[1], "me", "secret")
        assert not create_missing(address, ["a"])


def test_a_database_name_that_the_server_refuses_is_an_error(postgres: EmbeddedPostgres) -> None:
    with (
        postgres.lease() as address,
        pytest.raises(ServiceError, match="could not create its databases"),
    ):
        create_missing(address, [""])
