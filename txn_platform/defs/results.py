"""What runs did, written where those who only read the marts can see it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import dagster as dg

from txn_platform.stores.ports import OperationalDatabase
from txn_platform.stores.status import AssetRecord, CheckRecord

_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_CHECKED = dg.DagsterEventType.ASSET_CHECK_EVALUATION


def record_run(instance: dg.DagsterInstance, run_id: str, operational: OperationalDatabase) -> None:
    """Record the materializations and check results of a run in the operational database.

    May be repeated, for a run that goes on or has failed too, and in any order of runs: the
    latest result of each asset and check stays.

    Raises:
        StoreError: when the operational database can't take them.
    """
    events = instance.all_logs(run_id, of_type={_MATERIALIZED, _CHECKED})
    operational.record_results(_materialized(events), _checked(events))


def _materialized(events: Sequence[dg.EventLogEntry]) -> list[AssetRecord]:
    """One record for each asset, though each of its partitions has an event."""
    latest: dict[str, AssetRecord] = {}
    for event in events:
        if event.dagster_event_type is _MATERIALIZED and event.asset_materialization:
            asset = event.asset_materialization.asset_key.to_user_string()
            latest[asset] = AssetRecord(asset, event.run_id, _time(event))
    return list(latest.values())


def _checked(events: Sequence[dg.EventLogEntry]) -> list[CheckRecord]:
    latest: dict[tuple[str, str], CheckRecord] = {}
    for event in events:
        if event.dagster_event_type is not _CHECKED or event.dagster_event is None:
            continue
        check = cast(dg.AssetCheckEvaluation, event.dagster_event.event_specific_data)
        asset = check.asset_key.to_user_string()
        latest[asset, check.check_name] = CheckRecord(
            asset=asset,
            name=check.check_name,
            passed=check.passed,
            severity=check.severity.value,
            blocking=bool(check.blocking),
            run_id=event.run_id,
            evaluated_at=_time(event),
        )
    return list(latest.values())


def _time(event: dg.EventLogEntry) -> datetime:
    return datetime.fromtimestamp(event.timestamp, UTC)
