"""Runs whose process was killed: Dagster would show them as running, and count them, for hours."""

import os
from collections.abc import Mapping

import dagster as dg
import psutil

PROCESS_TAG = "txn_platform/process"
"""Run tag of a run in a command's own process: its number and when it started."""

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tag() -> dict[str, str]:
    """The tag that says that a run lives in this process."""
    return {PROCESS_TAG: _identity(psutil.Process())}


def end_orphans(instance: dg.DagsterInstance, *, workers: bool) -> int:
    """Record runs as failed whose process is gone.

    Args:
        instance: Where the runs are recorded.
        workers: Also the runs of workers that Dagster's daemon launched. Only for who knows that
            there is no daemon: these carry no process of their own.

    Returns:
        How many there were.
    """
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=UNFINISHED))
    orphans = [run for run in runs if _is_orphan(run.tags, workers=workers)]
    for run in orphans:
        instance.report_run_failed(
            run, "The process of this run was killed. What it had not completed is done again."
        )
    return len(orphans)


def _is_orphan(tags: Mapping[str, str], *, workers: bool) -> bool:
    if PROCESS_TAG not in tags:
        return workers
    number, _, _ = tags[PROCESS_TAG].partition("@")
    if int(number) == os.getpid():
        return False
    try:
        return _identity(psutil.Process(int(number))) != tags[PROCESS_TAG]
    except psutil.NoSuchProcess:
        return True


def _identity(process: psutil.Process) -> str:
    """The number alone is given to another process sooner or later."""
    return f"{process.pid}@{process.create_time():.2f}"
