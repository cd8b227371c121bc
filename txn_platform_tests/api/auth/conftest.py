from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from txn_platform_tests.api.auth.support import (
    Api,
    CountedPasswords,
    add_user,
    execute,
    local_settings,
    running_api,
)
from txn_platform_tests.api.conftest import Databases


@pytest.fixture(scope="session")
def shared_url(databases: Databases) -> Iterator[str]:
    """One database for all of these tests, as the API reaches it."""
    with databases.copy() as name:
        yield databases.as_api(name)


@pytest.fixture
def url(shared_url: str) -> str:
    """The same with the user ana and nothing else in it."""
    execute(shared_url, "TRUNCATE api.users, api.login_failures, api.audit_log CASCADE")
    add_user(shared_url, "ana")
    return shared_url


@pytest.fixture
def passwords() -> CountedPasswords:
    return CountedPasswords()


@pytest.fixture
def api(url: str, tmp_path: Path, passwords: CountedPasswords) -> Generator[Api]:
    with running_api(local_settings(tmp_path), url, passwords) as found:
        yield found
