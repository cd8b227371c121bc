"""The dbt models as assets: one definition for each step that a blocking check may stop."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import dagster as dg
from dagster_dbt import DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from txn_platform.connections import warehouse_connection, warehouse_target
from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.defs.metadata import PREVIEW_ROWS, preview
from txn_platform.defs.partitions import run_window
from txn_platform.defs.translator import MartTranslator
from txn_platform.defs.warehouse import WAREHOUSE_KIND
from txn_platform.settings import Settings
from txn_platform.stores.ports import DayTotals, OperationalDatabase, Warehouse, WarehouseTable
from txn_platform.transform import (
    DBT_PROJECT,
    DbtConnection,
    DbtTarget,
    ensure_manifest,
    invoke,
    postgres_connection,
)
from txn_platform.windows import DateWindow

DbtEvent = dict[str, Any]
"""An event as `dbt --log-format json` prints it."""

DagsterEvent = dg.Output[Any] | dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckResult
SUMMARIES: tuple[WarehouseTable, ...] = ("summary_sales", "summary_sales_daily")
"""Views of all facts, so that no partition is theirs."""

RAN = frozenset({"success", "pass", "warn", "fail", "skipped", "no-op"})
"""dbt's words for a node that did what it is for, or waits for a test that failed."""


class DbtStep:
    """One dbt target, bound to the settings: builds models and tells Dagster what happened."""

    def __init__(self, settings: Settings, target: DbtTarget, translator: MartTranslator) -> None:
        self.settings = settings
        self.target: DbtTarget = target
        self.translator = translator
        self.manifest = ensure_manifest(target, settings)
        self.project = DbtProject(DBT_PROJECT, target=target)

    def assets_of(self, select: str, name: str, **options: Any) -> Any:  # noqa: ANN401
        """The `dbt_assets` decorator for the selected models."""
        return dbt_assets(
            manifest=self.manifest,
            project=self.project,
            select=select,
            name=name,
            dagster_dbt_translator=self.translator,
            retry_policy=retry_policy(self.settings),
            pool="warehouse",
            **options,
        )

    def build(
        self,
        context: dg.AssetExecutionContext,
        connection: DbtConnection,
        window: DateWindow | None,
    ) -> list[DbtEvent]:
        """Build and test the selected models; return dbt's events.

        Raises:
            TransformError: when a model or a test can't be run. A test that ran and failed is no
                exception: it becomes a failed asset check, which blocks what is downstream.
        """
        events: list[DbtEvent] = []
        outcome = invoke(
            self.target,
            settings=self.settings,
            connection=connection,
            select=sorted(key.path[-1] for key in context.selected_asset_keys),
            window=window,
            on_event=events.append,
        )
        ran = all(result.status in RAN for result in outcome.results)
        if not outcome.success and not (outcome.results and ran):
            raise outcome.error()
        return events

    def events(
        self, context: dg.AssetExecutionContext, raw_events: Sequence[DbtEvent]
    ) -> Iterator[DagsterEvent]:
        """Materializations of the models and results of their tests."""
        for raw_event in raw_events:
            message = DbtCoreCliEventMessage(raw_event=raw_event, event_history_metadata={})
            yield from cast(Any, message).to_default_asset_events(
                self.manifest, self.translator, context=context, project=self.project
            )


def build_mart_assets(
    settings: Settings, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """`stg_transactions`, `fact_sales`, the summaries of it, and `pg_sales`."""
    kind = frozenset({WAREHOUSE_KIND[settings.profile]})
    target = warehouse_target(settings)
    daily = DbtStep(settings, target, MartTranslator(partitions, kind))
    whole = DbtStep(settings, target, MartTranslator(None, kind))
    postgres = DbtStep(settings, "postgres", MartTranslator(partitions, frozenset({"postgres"})))
    single_run = {
        "partitions_def": partitions,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }

    @daily.assets_of("stg_transactions fact_sales", "warehouse_marts", **single_run)
    def warehouse_marts(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[DagsterEvent]:
        window = run_window(context, partitions)
        with failures_explained():
            with warehouse.exclusive():
                raw_events = daily.build(context, warehouse_connection(settings), window)
            if dg.AssetKey("fact_sales") in context.selected_asset_keys:
                _report_days(context, "fact_sales", window, warehouse.daily_totals(window))
                _report_preview(
                    context, "fact_sales", warehouse.preview("fact_sales", window, PREVIEW_ROWS)
                )
        yield from daily.events(context, raw_events)

    @whole.assets_of(" ".join(SUMMARIES), "summaries")
    def summaries(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
    ) -> Iterator[DagsterEvent]:
        with failures_explained():
            with warehouse.exclusive():
                raw_events = whole.build(context, warehouse_connection(settings), None)
            for summary in SUMMARIES:
                if dg.AssetKey(summary) in context.selected_asset_keys:
                    rows = warehouse.row_count(summary)
                    context.add_asset_metadata({"dagster/row_count": rows}, asset_key=summary)
        yield from whole.events(context, raw_events)

    @postgres.assets_of("pg_sales", "operational_mart", **single_run)
    def operational_mart(
        context: dg.AssetExecutionContext,
        postgres_url: dg.ResourceParam[str],
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> Iterator[DagsterEvent]:
        window = run_window(context, partitions)
        with failures_explained():
            # The same lock as the warehouse: of two runs that replace a window of pg_sales at
            # once, the second would trip over the rows of the first.
            with warehouse.exclusive():
                raw_events = postgres.build(context, postgres_connection(postgres_url), window)
            _report_days(context, "pg_sales", window, operational.daily_totals(window))
            _report_preview(
                context, "pg_sales", operational.preview("pg_sales", window, PREVIEW_ROWS)
            )
        yield from postgres.events(context, raw_events)

    return [warehouse_marts, summaries, operational_mart]


def _report_preview(context: dg.AssetExecutionContext, asset: str, rows: Any) -> None:  # noqa: ANN401
    context.add_asset_metadata({"preview": preview(rows)}, asset_key=asset)


def _report_days(
    context: dg.AssetExecutionContext,
    asset: str,
    window: DateWindow,
    totals: Sequence[DayTotals],
) -> None:
    """Row count and amount of each partition, days that hold nothing included."""
    by_day = {day.day: day for day in totals}
    for day in window.days():
        found = by_day.get(day)
        context.add_asset_metadata(
            {
                "dagster/partition_row_count": found.rows if found else 0,
                # Dagster plots floats only; this one is for the eye.
                "amount": float(found.amount) if found else 0.0,
            },
            asset_key=asset,
            partition_key=day.isoformat(),
        )
