from pathlib import Path

import psycopg
import pytest

from txn_platform.connections import api_postgres_url
from txn_platform.errors import ConfigurationError
from txn_platform.settings import load_settings

GCP = {
    "TXN_PROFILE": "gcp",
    "JWT_SECRET": "x" * 64,
    "POSTGRES_USER": "pipeline",
    "POSTGRES_PASSWORD": "p",
}


def test_the_local_api_gets_its_own_role_with_a_kept_password(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", environ={})
    for _ in range(2):
        with api_postgres_url(settings) as url, psycopg.connect(url) as connection:
            row = connection.execute("SELECT current_user, current_database()").fetchone()
            assert row == ("txn_api", "mydb")
            kept = (tmp_path / "home" / "secrets" / "api_postgres_password").read_text()
            assert f":{kept}@" in url


def test_elsewhere_the_api_has_credentials_of_its_own_and_encrypts(tmp_path: Path) -> None:
    environ = GCP | {"API_POSTGRES_USER": "txn_api", "API_POSTGRES_PASSWORD": "a/b@c"}
    settings = load_settings(home=tmp_path, environ=environ)
    with api_postgres_url(settings) as url:
        assert url == "postgresql://txn_api:a%2Fb%40c@localhost:5432/mydb?sslmode=require"


@pytest.mark.parametrize("given", [{}, {"API_POSTGRES_USER": "txn_api"}])
def test_missing_credentials_are_named_with_a_remedy(tmp_path: Path, given: dict[str, str]) -> None:
    settings = load_settings(home=tmp_path, environ=GCP | given)
    with (
        pytest.raises(ConfigurationError, match="API_POSTGRES_PASSWORD") as refused,
        api_postgres_url(settings),
    ):
        pass
    assert "users prepare" in refused.value.remedy


def test_the_api_is_not_let_in_as_the_pipeline(tmp_path: Path) -> None:
    environ = GCP | {"API_POSTGRES_USER": "pipeline", "API_POSTGRES_PASSWORD": "p"}
    settings = load_settings(home=tmp_path, environ=environ)
    with (
        pytest.raises(ConfigurationError, match="pipeline's own role"),
        api_postgres_url(settings),
    ):
        pass
