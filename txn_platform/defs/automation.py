"""The job, its daily schedule, and the sensors that load what was landed and record what ran."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as AssetJob,
)

from txn_platform.defs.failures import failures_explained
from txn_platform.defs.partitions import partition_windows, range_tags
from txn_platform.defs.results import record_run
from txn_platform.reconcile import landed_batches, unloaded_days
from txn_platform.settings import Settings
from txn_platform.stores.ports import Lake, OperationalDatabase
from txn_platform.windows import ONE_DAY, DateWindow

JOB_NAME = "daily_sales"
SENSOR_SECONDS = 15

LOADED_ASSETS = [
    dg.AssetKey(name)
    for name in (
        "raw_transactions",
        "stg_transactions",
        "fact_sales",
        "pg_sales",
        "summary_sales",
        "summary_sales_daily",
        "summary_sales_export",
    )
]
"""Everything behind the lake."""


def build_job(settings: Settings) -> AssetJob:
    """`daily_sales`: everything, from the pending files to the exported summary."""
    return cast(Any, dg).define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all() - dg.AssetSelection.assets("transactions_csv"),
        description="Land pending files, load the sale dates asked for, rebuild their marts.",
        tags={"dagster/max_retries": str(settings.config.orchestration.retries)},
    )


def build_schedule(
    settings: Settings,
    job: AssetJob,
    partitions: dg.DailyPartitionsDefinition,
) -> dg.ScheduleDefinition:
    """`daily_sales_schedule`: yesterday's partition, every day."""

    @cast(Any, dg).schedule(
        name="daily_sales_schedule",
        job=job,
        cron_schedule=settings.config.orchestration.schedule,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Materializes yesterday's partition (UTC), landing pending files first.",
    )
    def daily_sales_schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        yesterday = (context.scheduled_execution_time.date() - ONE_DAY).isoformat()
        if not partitions.has_partition_key(yesterday):
            return dg.SkipReason(
                f"{yesterday} is outside orchestration.partitions_start/partitions_end "
                f"of {settings.config_path.name}."
            )
        return dg.RunRequest(run_key=yesterday, partition_key=yesterday)

    return daily_sales_schedule


def build_sensor(job: AssetJob, partitions: dg.DailyPartitionsDefinition) -> dg.SensorDefinition:
    """`new_batches`: the sale dates whose landed batches aren't the loaded ones."""

    @cast(Any, dg).sensor(
        name="new_batches",
        job=job,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests exactly the partitions that new batches touched.",
    )
    def new_batches(
        lake: dg.ResourceParam[Lake], operational: dg.ResourceParam[OperationalDatabase]
    ) -> dg.SensorResult | dg.SkipReason:
        with failures_explained():
            manifests = lake.manifests()
            days = unloaded_days(manifests, operational.finished_batches())
        windows = partition_windows(days, partitions)
        if not windows:
            return dg.SkipReason("Every landed batch is loaded.")
        return dg.SensorResult(
            run_requests=[_request(window, landed_batches(manifests)) for window in windows]
        )

    return new_batches


def build_run_sensors() -> list[dg.SensorDefinition]:
    """`succeeded_runs` and `failed_runs`: what each run did, whoever launched it."""
    return [
        _run_sensor("succeeded_runs", dg.DagsterRunStatus.SUCCESS),
        _run_sensor("failed_runs", dg.DagsterRunStatus.FAILURE),
    ]


def _run_sensor(name: str, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @cast(Any, dg).run_status_sensor(
        name=name,
        run_status=status,
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records materializations and check results in PostgreSQL, for the readers "
        "of the marts.",
    )
    def run_ended(
        context: dg.RunStatusSensorContext,
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> None:
        with failures_explained():
            record_run(context.instance, context.dagster_run.run_id, operational)

    return run_ended


def _request(window: DateWindow, landed: Mapping[date, frozenset[str]]) -> dg.RunRequest:
    """One run for a window; its key names the batches, so the same work is asked for once."""
    batches = sorted({batch for day in window.days() for batch in landed.get(day, ())})
    digest = hashlib.sha256("".join(batches).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{window.start}..{window.last}:{digest}",
        tags=range_tags(window),
        asset_selection=LOADED_ASSETS,
    )
