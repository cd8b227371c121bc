"""Figures for Prometheus, of this process: a scrape of several workers sees one of them.

Run one worker for each address that is scraped, as replicas in a cluster are.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from api.database import ApiDatabase
from api.observability.output import LogOutput
from api.observability.state_metrics import log_metrics, pipeline_metrics, pool_metrics
from api.watch import Watch

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Upper bounds in seconds: from a cached answer to the longest that a client waits for."""

Source = Callable[[], Iterable[Metric]]


class Metrics:
    """The registry, and what the middleware counts for each request.

    Children of labelled metrics are looked up once and kept: `labels()` costs more than the
    count itself. There are as many as there are routes, methods and statuses.

    Attributes:
        in_flight: Requests that are being answered.
    """

    def __init__(self) -> None:
        # The time at which each counter began would be as many lines again.
        disable_created_metrics()
        self.in_flight = 0
        self.registry = CollectorRegistry()
        self._sources = _Sources()
        self._requests = Counter(
            "http_requests",
            "Requests answered.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._cache = Counter(
            "cache_results",
            "Answers by how the cache took part: hit, miss, stale, revalidated.",
            ["route", "result"],
            registry=self.registry,
        )
        self._count: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._observe: dict[str, Callable[[float], None]] = {}
        self._count_cache: dict[tuple[str, str], Callable[[], None]] = {}
        self._register_others()

    def read_from(
        self,
        *,
        watch: Watch | None = None,
        database: ApiDatabase | None = None,
        output: LogOutput | None = None,
    ) -> None:
        """Report what these parts keep, read anew for each scrape."""
        if watch is not None:
            self._sources.add(
                "pipeline", lambda: pipeline_metrics(watch.status, reachable=watch.reachable)
            )
        if database is not None:
            self._sources.add("pools", lambda: pool_metrics(database.statistics()))
        if output is not None:
            self._sources.add("logs", lambda: log_metrics(output.dropped))

    def record(
        self, route: str, method: str, status: int, seconds: float, cache: str | None
    ) -> None:
        """Count one answered request."""
        count = self._count.get((route, method, status))
        if count is None:
            count = self._requests.labels(route, method, status).inc
            self._count[route, method, status] = count
        count()
        observe = self._observe.get(route)
        if observe is None:
            observe = self._durations.labels(route).observe
            self._observe[route] = observe
        observe(seconds)
        if cache is not None:
            self._record_cache(route, cache)

    def _record_cache(self, route: str, result: str) -> None:
        count = self._count_cache.get((route, result))
        if count is None:
            count = self._cache.labels(route, result).inc
            self._count_cache[route, result] = count
        count()

    def _register_others(self) -> None:
        in_flight = Gauge(
            "http_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        in_flight.set_function(lambda: self.in_flight)
        build = Info("txn_platform_build", "What is running.", registry=self.registry)
        build.info({"version": version("txn-platform"), "python": platform.python_version()})
        ProcessCollector(registry=self.registry)
        self.registry.register(self._sources)


class _Sources(Collector):
    """Metrics that are made at the moment of a scrape."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def add(self, name: str, source: Source) -> None:
        """Add a source, or replace the one of that name."""
        self._sources[name] = source

    def collect(self) -> Iterator[Metric]:
        for source in list(self._sources.values()):
            yield from source()


def metrics_router(metrics: Metrics) -> APIRouter:
    """`GET /metrics`."""
    router = APIRouter(tags=["operation"])

    # In a thread: several hundred lines must not hold up other requests.
    @router.get(
        "/metrics",
        response_class=Response,
        response_description="The text format of Prometheus, or OpenMetrics where accepted.",
        responses={
            200: {
                "content": {
                    "text/plain": {
                        "schema": {"type": "string"},
                        "example": 'mart_rows{mart="pg_sales"} 6000.0',
                    },
                    "application/openmetrics-text": {"schema": {"type": "string"}},
                }
            }
        },
    )
    def read_metrics(request: Request) -> Response:
        """Figures of requests, pools, pipeline and process, for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": content_type})

    return router
