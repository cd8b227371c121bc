"""The schedule and the sensors."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from txn_platform.defs.automation import (
    build_job,
    build_run_sensors,
    build_schedule,
    build_sensor,
)
from txn_platform.defs.partitions import RANGE_END_TAG, RANGE_START_TAG, daily_partitions
from txn_platform.reconcile import landed_batches
from txn_platform.settings import Settings, load_settings
from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.defs.recorder import Recorder
from txn_platform_tests.stores.batches import DAYS, Row, land


class Ledger:
    """What the stores say they have loaded."""

    def __init__(self, loaded: Mapping[date, frozenset[str]]) -> None:
        self.loaded = loaded

    def finished_batches(self) -> Mapping[date, frozenset[str]]:
        return self.loaded


@pytest.fixture
def settings() -> Settings:
    return load_settings(environ={})


def tick(settings: Settings, at: datetime) -> dg.RunRequest | dg.SkipReason:
    schedule = build_schedule(settings, build_job(settings), daily_partitions(settings))
    context = dg.build_schedule_context(scheduled_execution_time=at)
    return schedule(context)  # pyright: ignore[reportReturnType]


def evaluate(lake: LocalLake, ledger: Ledger) -> dg.SensorResult | dg.SkipReason:
    settings = load_settings(environ={})
    sensor = build_sensor(build_job(settings), daily_partitions(settings))
    context = dg.build_sensor_context(resources={"lake": lake, "operational": ledger})
    return sensor(context)  # pyright: ignore[reportReturnType]


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path, "raw/transactions")


def test_the_schedule_asks_for_yesterdays_partition_once(settings: Settings) -> None:
    request = tick(settings, datetime(2023, 10, 5, tzinfo=UTC))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == request.run_key == "2023-10-04"


@pytest.mark.parametrize(
    "at", [datetime(2023, 10, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
)
def test_outside_the_partitions_the_schedule_says_which_setting_decides(
    settings: Settings, at: datetime
) -> None:
    skipped = tick(settings, at)
    assert isinstance(skipped, dg.SkipReason)
    assert "partitions_end" in str(skipped.skip_message)


def test_the_job_retries_runs_as_often_as_configured(settings: Settings) -> None:
    assert build_job(settings).tags == {"dagster/max_retries": "3"}


def test_the_sensor_requests_exactly_the_days_that_new_batches_touched(lake: LocalLake) -> None:
    land(lake, "old", Row("a", day=DAYS[0]), Row("b", day=DAYS[1]))
    ledger = Ledger(landed_batches(lake.manifests()))
    land(lake, "new", Row("c", day=DAYS[1]), Row("d", day=DAYS[2]), Row("e", day=DAYS[4]))

    result = evaluate(lake, ledger)

    assert isinstance(result, dg.SensorResult)
    windows = [
        (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG])
        for request in result.run_requests or []
    ]
    assert windows == [("2023-10-02", "2023-10-03"), ("2023-10-05", "2023-10-05")]
    for request in result.run_requests or []:
        assert dg.AssetKey("lake_transactions") not in (request.asset_selection or [])


def test_the_same_batches_are_requested_under_the_same_key_and_others_under_another(
    lake: LocalLake,
) -> None:
    def keys() -> list[str | None]:
        result = evaluate(lake, Ledger({}))
        assert isinstance(result, dg.SensorResult)
        return [request.run_key for request in result.run_requests or []]

    land(lake, "one", Row("a"))
    first = keys()
    assert keys() == first
    land(lake, "two", Row("b"))
    assert keys() != first


def test_with_everything_loaded_the_sensor_rests(lake: LocalLake) -> None:
    land(lake, "one", Row("a"))
    assert isinstance(evaluate(lake, Ledger(landed_batches(lake.manifests()))), dg.SkipReason)


@dg.asset
def mart() -> None:
    """What the runs below materialize."""


@dg.asset_check(asset=mart)
def sound(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    if "fails" in context.run.tags:
        raise dg.Failure
    return dg.AssetCheckResult(passed=False)


@pytest.mark.parametrize(
    ("sensor_name", "other", "tags"),
    [("succeeded_runs", "failed_runs", {}), ("failed_runs", "succeeded_runs", {"fails": "yes"})],
)
def test_what_a_run_did_is_recorded_when_it_has_ended_either_way(
    sensor_name: str, other: str, tags: dict[str, str]
) -> None:
    sensors = {sensor.name: sensor for sensor in build_run_sensors()}
    recorder = Recorder()
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(name: str, cursor: str | None) -> str | None:
            context = dg.build_sensor_context(
                instance=instance, cursor=cursor, resources={"operational": recorder}
            )
            return sensors[name].evaluate_tick(context).cursor

        cursors = {name: tick(name, None) for name in sensors}
        job = dg.Definitions(assets=[mart], asset_checks=[sound])
        run = job.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, raise_on_error=False, tags=tags
        )
        tick(other, cursors[other])
        assert recorder.materialized == {}
        tick(sensor_name, cursors[sensor_name])
    assert recorder.materialized["mart"].run_id == run.run_id
    assert len(recorder.checked) == (0 if tags else 1)
