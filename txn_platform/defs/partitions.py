"""Daily partitions by sale date, and the window of dates that a run works on."""

from collections.abc import Iterable
from datetime import date

import dagster as dg

from txn_platform.settings import Settings
from txn_platform.windows import ONE_DAY, DateWindow, contiguous_windows

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def daily_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """One partition for each sale date (UTC) that the configuration allows."""
    orchestration = settings.config.orchestration
    end = orchestration.partitions_end
    return dg.DailyPartitionsDefinition(
        start_date=orchestration.partitions_start.isoformat(),
        end_date=end.isoformat() if end else None,
        # Rows dated today are accepted, so today is a partition before it is over.
        end_offset=1,
    )


def run_window(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    partitions: dg.DailyPartitionsDefinition,
) -> DateWindow:
    """The sale dates that the run was asked for; all of them where it names no partition."""
    if context.has_partition_key or context.has_partition_key_range:
        start, end = context.partition_time_window
        return DateWindow(start.date(), end.date())
    keys = partitions.get_partition_keys()
    return DateWindow(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1]) + ONE_DAY)


def load_id(context: dg.AssetExecutionContext) -> str:
    """What ties the end of a load to its beginning: the run, or the one that it retries."""
    return context.run.root_run_id or context.run.run_id


def partition_windows(
    days: Iterable[date], partitions: dg.DailyPartitionsDefinition
) -> list[DateWindow]:
    """The fewest windows that hold exactly the days, less those that are no partition.

    A day can have stopped being one: its rows landed before the configuration was narrowed.
    """
    keys = partitions.get_partition_keys()
    first, last = date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])
    return contiguous_windows(day for day in days if first <= day <= last)


def range_tags(window: DateWindow) -> dict[str, str]:
    """Run tags that make one run materialize the whole window."""
    return {
        RANGE_START_TAG: window.start.isoformat(),
        RANGE_END_TAG: window.last.isoformat(),
    }
