"""How the authentication starts."""

from pathlib import Path

import pytest

from txn_platform.errors import ConfigurationError, StoreError
from txn_platform.services import PostgresAddress
from txn_platform_tests.api.auth.support import (
    PASSWORD,
    execute,
    local_settings,
    rows,
    running_api,
)


def test_the_local_api_creates_the_admin_with_the_chosen_password(url: str, tmp_path: Path) -> None:
    settings = local_settings(tmp_path, TXN_ADMIN_PASSWORD=PASSWORD)
    for _ in range(2):
        with running_api(settings, url) as api:
            granted = api.sign_in("admin").json()
            assert granted["scope"] == "admin ingest:write products:read sales:read"


@pytest.mark.parametrize("environ", [{}, {"TXN_ADMIN_PASSWORD": PASSWORD, "TXN_PROFILE": "gcp"}])
def test_no_admin_is_made_up_without_a_chosen_password_or_outside_local(
    url: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    with running_api(local_settings(tmp_path, **environ), url):
        assert rows(url, "SELECT username FROM api.users") == [("ana",)]


def test_an_admin_password_that_is_too_short_stops_the_start(url: str, tmp_path: Path) -> None:
    settings = local_settings(tmp_path, TXN_ADMIN_PASSWORD="short")
    with pytest.raises(ConfigurationError, match="12 or more"), running_api(settings, url):
        pass


def test_a_table_that_a_later_version_needs_is_created_at_the_start(
    url: str, tmp_path: Path
) -> None:
    execute(url, "DROP TABLE api.rate_counters")
    with running_api(local_settings(tmp_path), url) as api:
        assert api.auth.ready
        assert rows(url, "SELECT FROM api.rate_counters") == []


def test_a_database_that_was_never_prepared_stops_the_start_with_a_remedy(
    postgres_address: PostgresAddress, tmp_path: Path
) -> None:
    settings, url = local_settings(tmp_path), postgres_address.url("postgres")
    with pytest.raises(StoreError) as refused, running_api(settings, url):
        pass
    assert "users prepare" in refused.value.remedy
