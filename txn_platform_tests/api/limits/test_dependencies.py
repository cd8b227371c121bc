"""Who is counted, and how a limited route answers."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection

from api import problem_handlers
from api.auth.principal import Principal
from api.auth.service import AuthService
from api.database import ApiDatabase
from api.limits.dependencies import client_of, limited
from api.limits.limiter import RateLimiter
from api.problems import StoreAwayError, unauthorized
from txn_platform.config import RateLimitsSection

PRINCIPAL = Principal("ada", frozenset(), "session")


class Auth:
    """Knows one token and one cookie."""

    def authenticate(self, request: HTTPConnection) -> Principal:
        if request.headers["Authorization"] == "Bearer away":
            raise StoreAwayError("postgres")
        if request.headers["Authorization"] != "Bearer good":
            raise unauthorized("no")
        return PRINCIPAL

    def session(self, request: HTTPConnection) -> Principal | None:
        return PRINCIPAL if request.cookies.get("session") == "good" else None


def who(client: tuple[str, int] | None, **headers: str) -> str:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw, "client": client}
    return client_of(HTTPConnection(scope), cast("AuthService", Auth()))


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("a name", "unknown"),
        ("1" * 6000, "unknown"),
    ],
)
def test_a_client_without_a_user_is_its_address_or_its_network(address: str, counted: str) -> None:
    assert who((address, 1)) == f"address:{counted}"


def test_a_client_behind_a_local_socket_has_no_address() -> None:
    assert who(None) == "address:unknown"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer good"}, {"Cookie": "session=good"}])
def test_a_user_is_counted_wherever_it_comes_from(headers: dict[str, str]) -> None:
    assert who(("192.0.2.7", 1), **headers) == who(("192.0.2.8", 1), **headers) == "user:ada"


@pytest.mark.parametrize("token", ["forged", "away"])
def test_a_token_that_proves_nothing_does_not_choose_who_is_counted(token: str) -> None:
    assert who(("192.0.2.7", 1), Authorization=f"Bearer {token}") == "address:192.0.2.7"


def limited_app(**rates: str | None) -> FastAPI:
    app = FastAPI()
    problem_handlers.install(app)

    @app.get("/", dependencies=[limited("healthz")])
    async def healthz() -> dict[str, Any]:
        return {}

    database = ApiDatabase("postgresql://127.0.0.1:1/nowhere", 1)
    section = RateLimitsSection.model_validate(rates)
    app.state.services = SimpleNamespace(auth=Auth(), limiter=RateLimiter(database, section))
    return app


def test_beyond_its_rate_a_route_answers_429_to_this_client_alone() -> None:
    with TestClient(limited_app(healthz="30/minute")) as client:
        statuses = [client.get("/").status_code for _ in range(32)]
        refused = client.get("/")
        other = client.get("/", headers={"Authorization": "Bearer good"})

    assert statuses == [200] * 30 + [429] * 2
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert other.status_code == 200


def test_a_route_whose_limit_is_off_answers_always() -> None:
    with TestClient(limited_app(healthz=None)) as client:
        assert {client.get("/").status_code for _ in range(100)} == {200}
