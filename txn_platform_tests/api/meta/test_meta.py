import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.api.marts.support import (
    ConstantMarts,
    Observed,
    Pipeline,
    Serving,
    eventually,
    serving,
)

AT = datetime(2024, 2, 1, 12, 30, 15, 123456, UTC)


class Lake:
    """A lake that answers, or doesn't."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.calls = 0
        self.pause: Callable[[], object] | None = None

    def manifest(self, batch_id: str) -> None:
        assert len(batch_id) == 64
        self.calls += 1
        if self.pause:
            self.pause()
        if self.failure:
            raise self.failure


@pytest.fixture
def pipeline(owner_url: str) -> Pipeline:
    return Pipeline(owner_url)


@pytest.fixture
def lake() -> Lake:
    return Lake()


@pytest.fixture
def marts() -> Observed:
    return Observed(ConstantMarts())


@pytest.fixture
def api(api_url: str, marts: Observed, lake: Lake) -> Generator[Serving]:
    with serving(api_url, marts, lake=lake) as found:
        yield found


def fill(pipeline: Pipeline, api: Serving) -> None:
    """Everything that a run writes down."""
    pipeline.publish("summary_sales", "one", AT, row_count=60)
    pipeline.execute(
        "INSERT INTO landed_rows VALUES "
        "('accepted', 9000), ('missing_product', 500), ('invalid_price', 500)"
    )
    pipeline.execute(
        "INSERT INTO asset_materializations VALUES ('fact_sales', 'run-1', %s), "
        "('pg_sales', 'run-1', now() + interval '1 hour')",
        (datetime.now(UTC) - timedelta(hours=1),),
    )
    pipeline.execute(
        "INSERT INTO check_results VALUES ('fact_sales', 'pii_hashed', true, 'ERROR', true, 'r', "
        "now()), ('fact_sales', 'late', false, 'WARN', false, 'r', now())"
    )
    pipeline.publish("pg_sales", "two", AT, row_count=6000)
    api.sees("pg_sales", "two")


def test_counts_are_those_that_the_pipeline_wrote_down(api: Serving, pipeline: Pipeline) -> None:
    fill(pipeline, api)
    answer = api.get("/api/v1/meta/counts")
    assert answer.status_code == 200
    at = "2024-02-01T12:30:15.123456Z"
    assert answer.json() == {
        "marts": [
            {
                "mart": "pg_sales",
                "row_count": 6000,
                "materialization_id": "two",
                "materialized_at": at,
            },
            {
                "mart": "summary_sales",
                "row_count": 60,
                "materialization_id": "one",
                "materialized_at": at,
            },
        ],
        "landed": {
            "accepted": 9000,
            "rejected": 1000,
            "reasons": {"missing_product": 500, "invalid_price": 500},
        },
    }


def test_freshness_tells_ages_and_the_results_of_checks(api: Serving, pipeline: Pipeline) -> None:
    fill(pipeline, api)
    found = api.get("/api/v1/meta/freshness").json()
    first, ahead = found["assets"]
    assert (first["asset"], first["run_id"]) == ("fact_sales", "run-1")
    assert first["materialized_at"].endswith("Z")
    assert 3600 <= first["age_seconds"] < 3700
    assert ahead["age_seconds"] == 0
    assert (found["checks"]["passed"], found["checks"]["failed"]) == (1, 1)
    late, hashed = found["checks"]["results"]
    assert (late["name"], late["passed"], late["severity"]) == ("late", False, "WARN")
    assert (hashed["name"], hashed["passed"], hashed["blocking"]) == ("pii_hashed", True, True)


def test_before_the_first_run_everything_is_empty(api: Serving, marts: Observed) -> None:
    marts.failure = StoreError("nothing is published")
    assert api.get("/api/v1/meta/counts").json() == {
        "marts": [],
        "landed": {"accepted": 0, "rejected": 0, "reasons": {}},
    }
    assert api.get("/api/v1/meta/freshness").json() == {
        "assets": [],
        "checks": {"passed": 0, "failed": 0, "results": []},
    }
    assert states(api) == {"postgres": "empty", "warehouse": "empty", "lake": "empty"}
    assert api.get("/api/v1/meta/health").json()["healthy"] is True


def test_health_tells_that_every_store_answers(api: Serving, pipeline: Pipeline) -> None:
    fill(pipeline, api)
    assert states(api) == {"postgres": "ok", "warehouse": "ok", "lake": "ok"}


def test_health_names_the_store_that_is_away(
    api: Serving, pipeline: Pipeline, marts: Observed, lake: Lake
) -> None:
    fill(pipeline, api)
    marts.failure = TransientStoreError("away")
    lake.failure = StoreError("away")
    assert states(api) == {"postgres": "ok", "warehouse": "away", "lake": "away"}
    assert api.get("/api/v1/meta/health").json()["healthy"] is False


def test_a_store_that_hangs_counts_as_away_and_is_not_asked_again_meanwhile(
    api: Serving,
    marts: Observed,
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.meta.dependencies.PROBE_SECONDS", 0)
    monkeypatch.setattr("api.meta.dependencies.PATIENCE_SECONDS", 0.05)
    go_on = threading.Event()
    marts.blocking, marts.pause = True, lambda: go_on.wait(20)
    lake.pause = lambda: go_on.wait(20)
    for _ in range(3):
        found = states(api)
        assert (found["warehouse"], found["lake"]) == ("away", "away")
    assert (marts.calls, lake.calls) == (1, 1)
    go_on.set()
    eventually(lambda: "away" not in states(api).values())


def test_the_state_of_a_store_keeps_its_time_until_it_changes(
    api: Serving, pipeline: Pipeline, marts: Observed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.meta.dependencies.PROBE_SECONDS", 0)
    fill(pipeline, api)

    def since() -> str:
        found = api.get("/api/v1/meta/health").json()["dependencies"]
        return next(each["since"] for each in found if each["name"] == "warehouse")

    first = since()
    assert since() == first
    marts.failure = StoreError("away")
    away = since()
    assert away > first
    assert since() == away


def test_however_many_ask_the_stores_are_asked_once(
    api: Serving, marts: Observed, lake: Lake
) -> None:
    for _ in range(5):
        states(api)
    assert (marts.calls, lake.calls) == (1, 1)


def test_a_real_lake_without_batches_is_empty(api_url: str, tmp_path: Path) -> None:
    lake = LocalLake(tmp_path / "lake", "raw/transactions")
    with serving(api_url, ConstantMarts(), lake=lake) as api:
        assert states(api)["lake"] == "empty"


def test_while_postgres_is_away_what_was_last_known_is_told_as_stale(
    api: Serving, pipeline: Pipeline
) -> None:
    fill(pipeline, api)
    fresh = api.get("/api/v1/meta/counts")
    assert "X-Data-Stale" not in fresh.headers
    pipeline.execute("ALTER ROLE txn_api NOLOGIN")
    try:
        pipeline.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'txn_api' AND datname = current_database()"
        )
        api.loses_postgres()
        stale = api.get("/api/v1/meta/counts")
        assert stale.json() == fresh.json()
        assert stale.headers["X-Data-Stale"] == "true"
        assert states(api)["postgres"] == "away"
    finally:
        pipeline.execute("ALTER ROLE txn_api LOGIN")
    eventually(lambda: api.watch.reachable)
    assert "X-Data-Stale" not in api.get("/api/v1/meta/freshness").headers


def test_what_was_never_known_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("txn_platform_tests.api.marts.support.FIRST_POLL_SECONDS", 0)
    with serving("postgresql://nobody@127.0.0.1:1/none", ConstantMarts()) as api:
        for path in ("counts", "freshness"):
            answer = api.get(f"/api/v1/meta/{path}")
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers


@pytest.mark.parametrize("path", ["counts", "health", "freshness"])
def test_who_may_not_read_the_marts_learns_nothing_about_them(api: Serving, path: str) -> None:
    url = f"/api/v1/meta/{path}"
    assert api.client.get(url).status_code == 401
    nobody = api.client.get(url, headers={"Authorization": "Bearer nobody"})
    assert nobody.status_code == 403


def states(api: Serving) -> dict[str, str]:
    found = api.get("/api/v1/meta/health").json()["dependencies"]
    return {each["name"]: each["state"] for each in found}
