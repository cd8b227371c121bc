"""The code location: settings in, Dagster definitions out."""

import warnings

import dagster as dg

from txn_platform.defs.automation import (
    build_job,
    build_run_sensors,
    build_schedule,
    build_sensor,
)
from txn_platform.defs.checks import build_checks
from txn_platform.defs.exports import build_export_assets
from txn_platform.defs.lake import build_lake_assets
from txn_platform.defs.marts import build_mart_assets
from txn_platform.defs.partitions import daily_partitions
from txn_platform.defs.resources import build_resources
from txn_platform.defs.warehouse import build_warehouse_assets
from txn_platform.landing import Progress
from txn_platform.settings import Settings, load_settings


def build_definitions(settings: Settings, progress: Progress | None = None) -> dg.Definitions:
    """Assets, checks, job, schedule, sensors and resources for the given settings.

    Args:
        settings: Decides the profile, the partitions and the rules.
        progress: Is told how many bytes of the file being landed have been read.
    """
    with warnings.catch_warnings():
        # Versions are locked: what Dagster still calls beta can't change under a reader's feet.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _assemble(settings, progress)


def _assemble(settings: Settings, progress: Progress | None) -> dg.Definitions:
    partitions = daily_partitions(settings)
    job = build_job(settings)
    assets = [
        *build_lake_assets(settings, progress),
        *build_warehouse_assets(settings, partitions),
        *build_mart_assets(settings, partitions),
        *build_export_assets(settings),
    ]
    return dg.Definitions(
        assets=dg.with_source_code_references(assets),
        asset_checks=build_checks(settings, partitions),
        jobs=[job],
        schedules=[build_schedule(settings, job, partitions)],
        sensors=[build_sensor(job, partitions), *build_run_sensors()],
        resources=build_resources(settings),
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev`, `dg` and the run workers load."""
    return build_definitions(load_settings())
