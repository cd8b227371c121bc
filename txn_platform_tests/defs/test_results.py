"""What runs did reaches those who only read the marts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import pytest

from txn_platform.defs.results import record_run
from txn_platform.stores.ports import OperationalDatabase
from txn_platform_tests.defs.recorder import Recorder

DAYS = dg.StaticPartitionsDefinition(["2023-10-01", "2023-10-02"])


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def raw() -> None:
    """Materialized by partition."""


@dg.asset_check(asset=raw, blocking=True)
def hashed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed="fails" not in context.run.tags)


@dg.asset_check(asset=raw)
def tidy() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)


@dg.asset(deps=[raw])
def mart() -> None:
    """Behind the blocking check."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def run(instance: dg.DagsterInstance, **tags: str) -> dg.ExecuteInProcessResult:
    everything = dg.Definitions(assets=[raw, mart], asset_checks=[hashed, tidy])
    return everything.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": "2023-10-01",
            "dagster/asset_partition_range_end": "2023-10-02",
            **tags,
        },
    )


def record(instance: dg.DagsterInstance, recorder: Recorder, run_id: str) -> None:
    record_run(instance, run_id, cast(OperationalDatabase, recorder))


def test_each_asset_and_check_of_a_run_is_recorded_once_with_its_run_and_time(
    instance: dg.DagsterInstance, recorder: Recorder
) -> None:
    before = datetime.now(UTC)
    result = run(instance)
    record(instance, recorder, result.run_id)

    assert recorder.materialized.keys() == {"raw", "mart"}
    assert recorder.checked.keys() == {("raw", "hashed"), ("raw", "tidy")}
    for asset in recorder.materialized.values():
        assert asset.run_id == result.run_id
        assert before <= asset.materialized_at <= datetime.now(UTC)
    strict, lax = recorder.checked["raw", "hashed"], recorder.checked["raw", "tidy"]
    assert (strict.passed, strict.severity, strict.blocking) == (True, "ERROR", True)
    assert (lax.passed, lax.severity, lax.blocking) == (False, "WARN", False)
    assert before <= strict.evaluated_at <= datetime.now(UTC)


def test_a_run_that_a_check_stopped_is_recorded_up_to_there(
    instance: dg.DagsterInstance, recorder: Recorder
) -> None:
    result = run(instance, fails="yes")
    assert not result.success
    record(instance, recorder, result.run_id)
    assert recorder.materialized.keys() == {"raw"}
    assert not recorder.checked["raw", "hashed"].passed


def test_a_run_is_recorded_alone(instance: dg.DagsterInstance, recorder: Recorder) -> None:
    run(instance, fails="yes")
    record(instance, recorder, run(instance).run_id)
    assert recorder.checked["raw", "hashed"].passed
    record(instance, recorder, "a-run-that-never-was")
    assert recorder.checked["raw", "hashed"].passed


def test_a_check_that_a_run_evaluates_again_counts_as_it_ended(
    instance: dg.DagsterInstance, recorder: Recorder
) -> None:
    result = run(instance)
    again = dg.AssetCheckEvaluation(
        asset_key=raw.key, check_name="hashed", passed=False, metadata={}, blocking=True
    )
    cast(Any, instance).report_dagster_event(
        run_id=result.run_id,
        dagster_event=dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
            job_name="__ASSET_JOB",
            event_specific_data=again,
        ),
    )
    record(instance, recorder, result.run_id)
    assert not recorder.checked["raw", "hashed"].passed
