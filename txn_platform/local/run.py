"""One whole run in this process: land, load, transform, check, export."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Protocol, cast

import dagster as dg

from txn_platform.connections import DAGSTER_DATABASE, postgres_url
from txn_platform.definitions import build_definitions
from txn_platform.defs.automation import JOB_NAME, LOADED_ASSETS
from txn_platform.defs.partitions import daily_partitions, partition_windows, range_tags
from txn_platform.defs.results import record_run
from txn_platform.errors import StoreError
from txn_platform.ingest.batch import Manifest
from txn_platform.landing import check_inputs, in_landing_order
from txn_platform.local.failures import check_message, step_message
from txn_platform.local.instance import open_instance
from txn_platform.local.orphans import end_orphans, process_tag
from txn_platform.local.report import CheckResult, RunReport
from txn_platform.local.state import open_state
from txn_platform.reconcile import unloaded_days
from txn_platform.settings import Settings
from txn_platform.stores.factory import open_lake, open_operational, open_warehouse
from txn_platform.stores.ports import Lake, OperationalDatabase
from txn_platform.windows import DateWindow, coalesced

LAKE = dg.AssetKey("lake_transactions")
MOST_WINDOWS = 8
"""A run takes seconds, reloading a day that didn't change milliseconds."""

CODE_LOCATION = {".dagster/repository": "__repository__@txn_platform"}
"""Run tag by which the UI's timeline files a run under the job of the code location."""


class Reporter(Protocol):
    """Is told how a run gets on; the terminal's progress display, or nothing."""

    def phase(self, text: str, total: int | None = None) -> None:
        """A new phase begins; `total` is in bytes where they will be counted."""
        ...

    def advanced(self, done: int) -> None:
        """That many bytes of the present phase are done."""
        ...

    def step(self, name: str) -> None:
        """A step of a Dagster run begins."""
        ...


class PipelineRun:
    """Runs of `daily_sales` in this process, and what came of them."""

    def __init__(
        self,
        settings: Settings,
        instance: dg.DagsterInstance,
        operational: OperationalDatabase,
        reporter: Reporter,
    ) -> None:
        # Whoever runs a command can run it again: steps don't wait minutes to retry here.
        orchestration = settings.config.orchestration.model_copy(update={"retries": 0})
        config = settings.config.model_copy(update={"orchestration": orchestration})
        self._reporter = reporter
        self._instance = instance
        self._operational = operational
        definitions = build_definitions(
            settings.model_copy(update={"config": config}), reporter.advanced
        )
        self._job = definitions.resolve_job_def(JOB_NAME)
        self._checks: dict[tuple[str, str], CheckResult] = {}
        self.run_id = ""
        self.exports: list[str] = []
        self.failures: list[str] = []
        self.stages: dict[str, float] = {}

    @property
    def checks(self) -> list[CheckResult]:
        """Every evaluated check, by asset and name."""
        return [self._checks[key] for key in sorted(self._checks)]

    def land(self, paths: Sequence[Path]) -> list[str]:
        """Land the files; the ids of their batches, in the given order."""
        result = self._execute(
            [LAKE],
            run_config={
                "ops": {"lake_transactions": {"config": {"inputs": [str(path) for path in paths]}}}
            },
        )
        for event in result.get_asset_materialization_events():
            return cast("list[str]", event.materialization.metadata["batches"].value)
        return []

    def load(self, window: DateWindow) -> None:
        """Load one window of sale dates, rebuild and check its marts, export the summary."""
        result = self._execute(LOADED_ASSETS, tags=range_tags(window))
        for event in result.get_asset_materialization_events():
            if event.asset_key == dg.AssetKey("summary_sales_export"):
                metadata = event.materialization.metadata
                self.exports = [str(metadata[name].value) for name in ("json", "csv")]

    def _execute(
        self,
        assets: Sequence[dg.AssetKey],
        *,
        run_config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        run_id = str(uuid.uuid4())
        cast(Any, self._instance).add_event_listener(run_id, self._show)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = self._job.execute_in_process(
            instance=self._instance,
            asset_selection=list(assets),
            run_config={**quiet, **(run_config or {})},
            tags={**CODE_LOCATION, **process_tag(), **(tags or {})},
            run_id=run_id,
            raise_on_error=False,
        )
        self.run_id = run_id
        self._collect(result)
        self._record(run_id)
        return result

    def _record(self, run_id: str) -> None:
        """Show readers what the run did, a failed one too."""
        try:
            record_run(self._instance, run_id, self._operational)
        except StoreError as error:
            self.failures.append(str(error))

    def _show(self, event: dg.EventLogEntry) -> None:
        if event.dagster_event and event.dagster_event.event_type_value == "STEP_START":
            self._reporter.step(str(event.dagster_event.step_key))

    def _collect(self, result: dg.ExecuteInProcessResult) -> None:
        for evaluation in result.get_asset_check_evaluations():
            asset = evaluation.asset_key.to_user_string()
            earlier = self._checks.get((asset, evaluation.check_name))
            self._checks[asset, evaluation.check_name] = CheckResult(
                asset=asset,
                name=evaluation.check_name,
                # Another window's success doesn't make up for a failure.
                passed=evaluation.passed and (earlier is None or earlier.passed),
                severity=evaluation.severity.value,
                blocking=bool(evaluation.blocking),
            )
        for event in result.get_step_success_events():
            seconds = event.step_success_data.duration_ms / 1000
            step = str(event.step_key)
            self.stages[step] = self.stages.get(step, 0.0) + seconds
        for event in result.get_step_failure_events():
            message = step_message(event)
            if message is not None:
                self.failures.append(message)
        for evaluation in result.get_asset_check_evaluations():
            if not evaluation.passed and evaluation.blocking:
                self.failures.append(check_message(evaluation))
        if not result.success and not self.failures:
            self.failures.append(f"run {result.run_id} failed; `txn-platform dev` shows its log")


def run_pipeline(settings: Settings, inputs: Sequence[Path], reporter: Reporter) -> RunReport:
    """Land the files and bring every asset that they touch up to date.

    Sale dates that an earlier, interrupted run landed but didn't load are loaded as well.

    Raises:
        PlatformError: when nothing could be started: a bad input file, a service that is away.
    """
    started = time.perf_counter()
    paths = in_landing_order([path.absolute() for path in inputs])
    check_inputs(paths)
    open_state(settings.home)
    reporter.phase("Starting PostgreSQL")
    with (
        postgres_url(settings) as url,
        postgres_url(settings, DAGSTER_DATABASE) as instance_url,
        open_instance(settings.home, instance_url) as instance,
    ):
        reporter.phase("Preparing dbt and Dagster")
        end_orphans(instance, workers=False)
        operational = open_operational(settings, url)
        run = PipelineRun(settings, instance, operational, reporter)
        run.stages["start"] = time.perf_counter() - started
        lake = open_lake(settings)
        operational.ensure_schema()
        reporter.phase("Landing", total=sum(path.stat().st_size for path in paths))
        batches = run.land(paths)
        if not run.failures:
            manifests = [manifest for id_ in batches if (manifest := lake.manifest(id_))]
            days = {day for manifest in manifests for day in manifest.dates}
            days.update(_unfinished_days(settings, lake, operational))
            for window in _windows(settings, days):
                reporter.phase(f"Loading {window.start} to {window.last}")
                run.load(window)
                if run.failures:
                    break
        return RunReport(
            run_id=run.run_id,
            inputs=_landed(lake, paths, batches),
            rows=_table_rows(settings, url),
            checks=run.checks,
            exports=run.exports,
            failures=run.failures,
            seconds=time.perf_counter() - started,
            stages=run.stages,
        )


def _unfinished_days(
    settings: Settings, lake: Lake, operational: OperationalDatabase
) -> list[date]:
    """Sale dates whose marts don't show what the lake holds, whatever came in between."""
    whole = open_warehouse(settings).row_count("raw_transactions") == operational.row_count(
        "transactions"
    )
    # The ledger lies in PostgreSQL: it can't know that the warehouse file was lost.
    nothing: Mapping[date, frozenset[str]] = {}
    finished = operational.finished_batches() if whole else nothing
    return unloaded_days(lake.manifests(), finished)


def _windows(settings: Settings, days: set[date]) -> list[DateWindow]:
    """The windows to load. With nothing to load, one (empty) day: the marts then exist."""
    windows = partition_windows(days, daily_partitions(settings))
    return coalesced(windows, MOST_WINDOWS) or [
        DateWindow.of_day(settings.config.orchestration.partitions_start)
    ]


def _landed(
    lake: Lake, paths: Sequence[Path], batches: Sequence[str]
) -> list[tuple[Path, Manifest]]:
    manifests = [lake.manifest(batch_id) for batch_id in batches]
    return [(path, found) for path, found in zip(paths, manifests, strict=False) if found]


def _table_rows(settings: Settings, url: str) -> dict[str, int]:
    """Rows of each table; one that a failed run left unreadable is left out."""
    warehouse = open_warehouse(settings)
    counts: dict[str, Callable[[], int]] = {
        "raw_transactions": lambda: warehouse.row_count("raw_transactions"),
        "fact_sales": lambda: warehouse.row_count("fact_sales"),
        "pg_sales": lambda: open_operational(settings, url).row_count("pg_sales"),
        "summary_sales": lambda: warehouse.row_count("summary_sales"),
    }
    rows: dict[str, int] = {}
    for table, count in counts.items():
        with suppress(StoreError):
            rows[table] = count()
    return rows
