"""Figures that other parts keep anyway, put into words for Prometheus when it asks."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from api.watch import PipelineStatus


def pipeline_metrics(status: PipelineStatus, *, reachable: bool) -> Iterator[Metric]:
    """What the pipeline last wrote down about itself.

    Args:
        status: As last read; it stays what it was while PostgreSQL is away.
        reachable: Whether PostgreSQL answered when it was last asked.
    """
    yield GaugeMetricFamily(
        "postgres_reachable", "1 while PostgreSQL answers; else what follows is old.", reachable
    )
    yield CounterMetricFamily(
        "sales_processed", "Rows accepted from all landed batches.", status.accepted_rows
    )
    rejected = CounterMetricFamily(
        "rejected_rows", "Rows rejected from all landed batches.", labels=["reason"]
    )
    for reason, rows in status.rejected_rows.items():
        rejected.add_metric([reason], rows)
    yield rejected
    marts = GaugeMetricFamily("mart_rows", "Rows of each mart.", labels=["mart"])
    for mart, found in status.versions.items():
        marts.add_metric([mart], found.row_count)
    yield marts
    yield from _freshness(status)


def pool_metrics(statistics: Mapping[str, Mapping[str, int]]) -> Iterator[Metric]:
    """Use of the PostgreSQL pools, from psycopg's figures by pool."""
    connections = GaugeMetricFamily(
        "postgres_pool_connections", "Open connections.", labels=["pool", "state"]
    )
    most = GaugeMetricFamily(
        "postgres_pool_max_connections", "Connections that may be open.", labels=["pool"]
    )
    waiting = GaugeMetricFamily(
        "postgres_pool_requests_waiting", "Requests waiting for a connection.", labels=["pool"]
    )
    for pool, figures in statistics.items():
        idle = figures.get("pool_available", 0)
        connections.add_metric([pool, "idle"], idle)
        # The two are read one after the other.
        connections.add_metric([pool, "in_use"], max(0, figures.get("pool_size", 0) - idle))
        most.add_metric([pool], figures.get("pool_max", 0))
        waiting.add_metric([pool], figures.get("requests_waiting", 0))
    yield from (connections, most, waiting)


def log_metrics(dropped: int) -> Iterator[Metric]:
    """Log lines that were lost."""
    yield CounterMetricFamily(
        "log_lines_dropped", "Log lines whose target failed or could not keep up.", dropped
    )


def _freshness(status: PipelineStatus) -> Iterator[Metric]:
    now = datetime.now(UTC)
    ages = GaugeMetricFamily(
        "seconds_since_materialization", "Age of each asset's rows.", labels=["asset"]
    )
    for asset in status.assets:
        ages.add_metric([asset.asset], max(0.0, (now - asset.materialized_at).total_seconds()))
    checks = GaugeMetricFamily(
        "check_passed", "1 where the latest result passed.", labels=["asset", "check"]
    )
    for check in status.checks:
        checks.add_metric([check.asset, check.name], check.passed)
    yield from (ages, checks)
