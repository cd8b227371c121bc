"""Probes say what they promise: alive, ready to serve, healthy."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import AsyncConnection

from api import problem_handlers
from api.database import ApiDatabase
from api.health import router
from api.limits.limiter import RateLimiter
from api.meta.dependencies import Dependency, DependencyName, DependencyState
from api.problems import StoreAwayError
from api.watch import MartVersion, PipelineStatus
from txn_platform.config import RateLimitsSection
from txn_platform.stores.status import CheckRecord

NOW = datetime.now(UTC)
MARTS = {name: MartVersion(name, NOW, 3) for name in ("summary_sales", "pg_sales")}
NOTHING, PUBLISHED = PipelineStatus(), PipelineStatus(versions=MARTS)
WELL: dict[DependencyName, DependencyState] = {"postgres": "ok", "warehouse": "ok", "lake": "ok"}
FAILED = CheckRecord("fact_sales", "pii_hashed", False, "ERROR", True, "r1", NOW)


class _Away:
    """A database that does not answer: the limiter then counts in the process."""

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        raise StoreAwayError("postgres")
        yield


class _Dependencies:
    def __init__(self, states: Mapping[DependencyName, DependencyState]) -> None:
        self._states = states

    async def states(self) -> list[Dependency]:
        return [Dependency(name, state, NOW) for name, state in self._states.items()]


def _client(
    status: PipelineStatus = PUBLISHED,
    *,
    reachable: bool = True,
    seen: bool = True,
    stores: Mapping[DependencyName, DependencyState] = WELL,
) -> TestClient:
    app = FastAPI()
    problem_handlers.install(app)
    app.include_router(router)
    app.state.services = SimpleNamespace(
        watch=SimpleNamespace(status=status, reachable=reachable, last_seen=NOW if seen else None),
        limiter=RateLimiter(cast("ApiDatabase", _Away()), RateLimitsSection()),
        auth=SimpleNamespace(ready=seen, session=lambda _request: None),
        dependencies=_Dependencies(stores),
    )
    return TestClient(app)


def test_a_process_that_answers_is_alive_whatever_else_is_away() -> None:
    response = _client(reachable=False, seen=False).get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


@pytest.mark.parametrize(
    ("status", "reachable"), [(PUBLISHED, True), (NOTHING, True), (PUBLISHED, False)]
)
def test_it_is_ready_while_there_is_anything_to_serve(
    status: PipelineStatus, reachable: bool
) -> None:
    response = _client(status, reachable=reachable).get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("status", "seen", "detail"),
    [
        (NOTHING, False, "PostgreSQL has not answered since the start."),
        (
            NOTHING,
            True,
            "PostgreSQL does not answer, and no mart was materialized when it last did.",
        ),
    ],
)
def test_it_is_not_ready_without_anything_to_serve_and_says_what_is_missing(
    status: PipelineStatus, seen: bool, detail: str
) -> None:
    response = _client(status, reachable=False, seen=seen).get("/readyz")
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "1"
    assert response.json()["detail"] == detail


def test_all_well_is_ok() -> None:
    assert _client().get("/healthz").json() == {"status": "ok", "checks": {**WELL, "checks": "ok"}}


@pytest.mark.parametrize("store", ["postgres", "warehouse", "lake"])
@pytest.mark.parametrize("state", ["away", "empty"])
def test_health_names_the_store_that_is_away_or_empty(
    store: DependencyName, state: DependencyState
) -> None:
    response = _client(stores={**WELL, store: state}).get("/healthz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "degraded",
        "checks": {**WELL, store: state, "checks": "ok"},
    }


@pytest.mark.parametrize(
    ("check", "found"),
    [
        (FAILED, "failed"),
        (replace(FAILED, blocking=False), "ok"),
        (replace(FAILED, passed=True), "ok"),
    ],
)
def test_health_tells_of_a_failed_check_that_protects_readers(
    check: CheckRecord, found: str
) -> None:
    health = _client(replace(PUBLISHED, checks=[check])).get("/healthz").json()
    assert health["checks"]["checks"] == found
    assert health["status"] == ("ok" if found == "ok" else "degraded")


def test_a_client_may_ask_for_health_thirty_times_a_minute() -> None:
    client = _client()
    answers = [client.get("/healthz") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert client.get("/livez").status_code == client.get("/readyz").status_code == 200


def test_the_answers_are_documented() -> None:
    paths = _client().get("/openapi.json").json()["paths"]
    assert set(paths["/readyz"]["get"]["responses"]) == {"200", "503"}
    assert set(paths["/healthz"]["get"]["responses"]) == {"200", "429"}
