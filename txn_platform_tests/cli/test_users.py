"""`txn-platform users` where it reaches no server."""

import pytest
from click.testing import CliRunner

from txn_platform.cli.users import users


@pytest.fixture
def gcp(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TXN_PROFILE": "gcp",
        "JWT_SECRET": "x" * 64,
        "POSTGRES_USER": "pipeline",
        "POSTGRES_PASSWORD": "p",
        "API_POSTGRES_USER": "txn_api",
        "API_POSTGRES_PASSWORD": "a",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("gcp")
def test_prepare_creates_the_apis_role_with_the_pipelines_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        "txn_platform.stores.roles.provision", lambda *arguments: calls.append(arguments)
    )
    outcome = CliRunner().invoke(users, ["prepare"])
    assert outcome.exit_code == 0
    assert calls == [
        ("postgresql://pipeline:p@localhost:5432/mydb?sslmode=require", "a", "txn_api")
    ]


def test_the_help_of_prepare_says_whose_credentials_it_needs() -> None:
    shown = CliRunner().invoke(users, ["prepare", "--help"]).stdout
    for name in ("POSTGRES_USER", "API_POSTGRES_USER", "API_POSTGRES_PASSWORD"):
        assert name in shown
