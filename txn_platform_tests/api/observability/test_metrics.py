"""The figures are those of the requests and of the pipeline, and their number is bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api.database import ApiDatabase
from api.observability.metrics import BUCKETS, Metrics
from api.observability.output import LogOutput
from api.watch import MartVersion, PipelineStatus, Watch
from txn_platform.stores.status import AssetRecord, CheckRecord
from txn_platform_tests.api.observability.recording import observed_app

NOW = datetime.now(UTC)
STATUS = PipelineStatus(
    versions={
        "pg_sales": MartVersion("m1", NOW, 6_000),
        "summary_sales": MartVersion("m2", NOW, 3),
    },
    assets=[AssetRecord("fact_sales", "r1", NOW - timedelta(hours=1))],
    checks=[
        CheckRecord("fact_sales", "pii_hashed", True, "ERROR", True, "r1", NOW),
        CheckRecord("pg_sales", "marts_agree", False, "ERROR", True, "r1", NOW),
    ],
    accepted_rows=9_004,
    rejected_rows={"missing_product": 501, "invalid_price": 7},
)


@dataclass
class _Watch:
    status: PipelineStatus = field(default_factory=PipelineStatus)
    reachable: bool = True


class _Database:
    def statistics(self) -> Mapping[str, Mapping[str, int]]:
        readers = {"pool_max": 8, "pool_size": 5, "pool_available": 2, "requests_waiting": 4}
        return {"readers": readers, "writers": {"pool_max": 4, "pool_size": 0}}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def app(metrics: Metrics) -> FastAPI:
    app = observed_app(metrics)

    @app.get("/marts/{mart}")
    async def mart(request: Request, mart: str) -> str:
        request.state.cache = "hit" if mart == "known" else "miss"
        return mart

    return app


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


def test_requests_are_counted_by_route_method_and_status(client: TestClient) -> None:
    for path, times in (("/marts/known", 3), ("/marts/x", 2), ("/nothing", 4)):
        for _ in range(times):
            client.get(path)
    client.delete("/marts/x")
    figures = _scrape(client)
    assert _requests(figures) == {
        ("/marts/{mart}", "GET", "200"): 5,
        ("/marts/{mart}", "DELETE", "405"): 1,
        ("unmatched", "GET", "404"): 4,
    }
    assert figures['cache_results_total{result="hit",route="/marts/{mart}"}'] == 3
    assert figures['cache_results_total{result="miss",route="/marts/{mart}"}'] == 2
    # The scrape itself.
    assert figures["http_requests_in_flight{}"] == 1


def test_durations_fall_into_buckets_from_half_a_millisecond_to_ten_seconds(
    client: TestClient, metrics: Metrics
) -> None:
    for seconds in (0.0004, 0.003, 0.003, 0.7, 30):
        metrics.record("/r", "GET", 200, seconds, None)
    figures = _scrape(client)
    assert (BUCKETS[0], BUCKETS[-1]) == (0.0005, 10)

    def below(bound: str) -> float:
        return figures[f'http_request_duration_seconds_bucket{{le="{bound}",route="/r"}}']

    assert [below(bound) for bound in ("0.0005", "0.0025", "0.005", "0.5", "1.0", "10.0")] == [
        1, 1, 3, 3, 4, 4
    ]  # fmt: skip
    assert below("+Inf") == figures['http_request_duration_seconds_count{route="/r"}'] == 5
    assert figures['http_request_duration_seconds_sum{route="/r"}'] == pytest.approx(30.7064)


def test_a_scan_for_paths_and_methods_adds_no_label(client: TestClient) -> None:
    for number in range(300):
        client.get(f"/wp-{number}/login.php")
        client.get(f"/marts/{number}")
        client.request(f"BREW{number}", "/marts/x")
    figures = _scrape(client)
    assert _requests(figures) == {
        ("unmatched", "GET", "404"): 300,
        ("/marts/{mart}", "GET", "200"): 300,
        ("/marts/{mart}", "other", "405"): 300,
    }


def test_the_pipelines_figures_are_those_of_the_moment_of_the_scrape(
    client: TestClient, metrics: Metrics
) -> None:
    watch = _Watch()
    metrics.read_from(watch=cast("Watch", watch))
    before = _scrape(client)
    watch.status = STATUS
    after = _scrape(client)
    assert before["sales_processed_total{}"] == 0
    assert after["sales_processed_total{}"] == 9_004
    assert after['rejected_rows_total{reason="missing_product"}'] == 501
    assert after['rejected_rows_total{reason="invalid_price"}'] == 7
    assert after['mart_rows{mart="pg_sales"}'] == 6_000
    assert after['mart_rows{mart="summary_sales"}'] == 3
    assert 3_600 <= after['seconds_since_materialization{asset="fact_sales"}'] < 4_000
    assert after['check_passed{asset="fact_sales",check="pii_hashed"}'] == 1
    assert after['check_passed{asset="pg_sales",check="marts_agree"}'] == 0
    assert after["postgres_reachable{}"] == 1


def test_old_figures_of_the_pipeline_are_marked_while_postgres_is_away(
    client: TestClient, metrics: Metrics
) -> None:
    metrics.read_from(watch=cast("Watch", _Watch(STATUS, reachable=False)))
    figures = _scrape(client)
    assert figures["postgres_reachable{}"] == 0
    assert figures['mart_rows{mart="pg_sales"}'] == 6_000


def test_the_pools_tell_what_is_used_idle_and_waited_for(
    client: TestClient, metrics: Metrics
) -> None:
    metrics.read_from(database=cast("ApiDatabase", _Database()))
    figures = _scrape(client)
    assert figures['postgres_pool_connections{pool="readers",state="idle"}'] == 2
    assert figures['postgres_pool_connections{pool="readers",state="in_use"}'] == 3
    assert figures['postgres_pool_connections{pool="writers",state="in_use"}'] == 0
    assert figures['postgres_pool_max_connections{pool="readers"}'] == 8
    assert figures['postgres_pool_requests_waiting{pool="readers"}'] == 4


def test_lost_log_lines_are_counted(client: TestClient, metrics: Metrics) -> None:
    output = LogOutput()
    output.close()
    output.dropped = 5
    metrics.read_from(output=output)
    assert _scrape(client)["log_lines_dropped_total{}"] == 5


def test_an_application_that_starts_twice_reports_once(
    client: TestClient, metrics: Metrics
) -> None:
    for _ in range(2):
        metrics.read_from(watch=cast("Watch", _Watch(STATUS)))
    assert client.get("/metrics").text.count("\nsales_processed_total ") == 1


def test_build_and_process_are_told(client: TestClient) -> None:
    figures = _scrape(client)
    [build] = [name for name in figures if name.startswith("txn_platform_build_info")]
    assert 'version="0.1.0"' in build
    assert figures["process_resident_memory_bytes{}"] > 1_000_000


def test_the_format_is_the_one_that_the_scraper_accepts(client: TestClient) -> None:
    plain = client.get("/metrics")
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    openmetrics = client.get("/metrics", headers=accept)
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def _scrape(client: TestClient) -> dict[str, float]:
    """Every sample under its name with its labels in alphabetical order."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def _requests(figures: Mapping[str, float]) -> dict[tuple[str, str, str], float]:
    """Counted requests by route, method and status, without the scrapes."""
    found: dict[tuple[str, str, str], float] = {}
    for name, value in figures.items():
        if name.startswith("http_requests_total{") and "/metrics" not in name:
            method, route, status = (part.split('"')[1] for part in name.split(","))
            found[route, method, status] = value
    return found
