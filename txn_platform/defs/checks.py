"""Asset checks in Python. Each shows its offenders, never an identifier."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import cast

import dagster as dg

from txn_platform.defs.failures import failures_explained
from txn_platform.defs.partitions import run_window
from txn_platform.ingest.rules import IngestRules
from txn_platform.reconcile import accounting_errors, eligible_rows, expected_days
from txn_platform.settings import Settings
from txn_platform.stores.ports import DayTotals, Lake, OperationalDatabase, Warehouse
from txn_platform.windows import DateWindow

MAX_OFFENDERS = 20
Checks = list[dg.AssetChecksDefinition]


def build_checks(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> Checks:
    """Every check that isn't a dbt test."""
    return [
        _row_accounting(),
        *_pii_hashed(partitions),
        *_expected_row_count(settings, partitions),
        _marts_agree(partitions),
    ]


def _row_accounting() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="lake_transactions",
        blocking=True,
        description="Records in = accepted + rejected for every batch landed last, in its manifest "
        "and in the files themselves.",
    )
    def row_accounting(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> dg.AssetCheckResult:
        with failures_explained():
            landed = _landed_last(context.instance)
            manifests = [
                manifest
                for manifest in lake.manifests()
                if landed is None or manifest.batch_id in landed
            ]
            errors = accounting_errors(lake, manifests)
        return dg.AssetCheckResult(
            passed=not errors,
            metadata={
                "batches": len(manifests),
                "rows_in": sum(manifest.rows for manifest in manifests),
                "accepted": sum(manifest.accepted for manifest in manifests),
                "rejected": sum(manifest.rejected for manifest in manifests),
                "errors": _offenders("error", errors),
            },
        )

    return row_accounting


def _landed_last(instance: dg.DagsterInstance) -> frozenset[str] | None:
    """The batches of the latest materialization of the lake; None where there is none.

    Counting every batch that ever landed would read one footer for each of its files.
    """
    event = instance.get_latest_materialization_event(dg.AssetKey("lake_transactions"))
    if event is None or event.asset_materialization is None:
        return None
    batches = event.asset_materialization.metadata.get("batches")
    return None if batches is None else frozenset(cast("list[str]", batches.value))


def _pii_hashed(partitions: dg.DailyPartitionsDefinition) -> Checks:
    description = "Every transaction_id is a hash: 64 lower-case hex characters (or empty)."

    @dg.asset_check(
        asset="raw_transactions", name="pii_hashed", blocking=True, description=description
    )
    def raw_hashed(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> dg.AssetCheckResult:
        window = run_window(context, partitions)
        with failures_explained():
            return _hashed_result(
                {
                    "warehouse": warehouse.unhashed_ids("raw_transactions", window),
                    "PostgreSQL": operational.unhashed_ids("transactions", window),
                }
            )

    @dg.asset_check(asset="fact_sales", name="pii_hashed", blocking=True, description=description)
    def fact_hashed(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.AssetCheckResult:
        window = run_window(context, partitions)
        with failures_explained():
            return _hashed_result({"warehouse": warehouse.unhashed_ids("fact_sales", window)})

    @dg.asset_check(asset="pg_sales", name="pii_hashed", blocking=True, description=description)
    def pg_hashed(
        context: dg.AssetCheckExecutionContext,
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> dg.AssetCheckResult:
        window = run_window(context, partitions)
        with failures_explained():
            return _hashed_result({"PostgreSQL": operational.unhashed_ids("pg_sales", window)})

    return [raw_hashed, fact_hashed, pg_hashed]


def _hashed_result(unhashed: Mapping[str, Mapping[date, int]]) -> dg.AssetCheckResult:
    offenders = [
        f"{store}, {day}: {rows:,} rows"
        for store, days in unhashed.items()
        for day, rows in sorted(days.items())
    ]
    return dg.AssetCheckResult(
        passed=not offenders,
        metadata={
            "unhashed_rows": sum(sum(days.values()) for days in unhashed.values()),
            "offenders": _offenders("where", offenders),
        },
    )


def _expected_row_count(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> Checks:
    description = (
        "The mart holds exactly the eligible rows that the lake's manifests account for, less the "
        "superseded ones, and each file named in data_mart.expected_rows yielded its number."
    )
    counted = _RowCounts(settings)

    @dg.asset_check(
        asset="fact_sales", name="expected_row_count", blocking=True, description=description
    )
    def fact_rows(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.AssetCheckResult:
        return counted.result(
            context, lake, run_window(context, partitions), warehouse.daily_totals
        )

    @dg.asset_check(
        asset="pg_sales", name="expected_row_count", blocking=True, description=description
    )
    def pg_rows(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> dg.AssetCheckResult:
        return counted.result(
            context, lake, run_window(context, partitions), operational.daily_totals
        )

    return [fact_rows, pg_rows]


class _RowCounts:
    """The row count that a mart must have, from the lake, against the one it has."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def result(
        self,
        context: dg.AssetCheckExecutionContext,
        lake: Lake,
        window: DateWindow,
        daily_totals: Callable[[DateWindow], list[DayTotals]],
    ) -> dg.AssetCheckResult:
        rules = IngestRules.from_settings(self._settings, today=datetime.now(UTC).date())
        with failures_explained():
            expected = {day.day: day for day in expected_days(lake, window, rules)}
            found = {totals.day: totals.rows for totals in daily_totals(window)}
            landed = _landed_last(context.instance) or frozenset()
            files = self._file_counts(lake, window, rules, landed)
        promised = {day: count.mart_rows for day, count in expected.items()}
        wrong_days = [
            f"{day}: expected {promised.get(day, 0):,}, found {found.get(day, 0):,}"
            for day in sorted(promised.keys() | found.keys())
            if promised.get(day, 0) != found.get(day, 0)
        ]
        wrong_files = [
            f"{name}: expected {wanted:,}, yielded {yielded:,}"
            for name, wanted, yielded in files
            if wanted != yielded
        ]
        return dg.AssetCheckResult(
            passed=not wrong_days and not wrong_files,
            metadata={
                "expected_rows": sum(promised.values()),
                "found_rows": sum(found.values()),
                "superseded": sum(count.superseded for count in expected.values()),
                "ineligible": sum(count.accepted - count.eligible for count in expected.values()),
                "wrong_days": _offenders("day", wrong_days),
                "wrong_files": _offenders("file", wrong_files),
            },
        )

    def _file_counts(
        self, lake: Lake, window: DateWindow, rules: IngestRules, landed: frozenset[str]
    ) -> list[tuple[str, int, int]]:
        """Name, configured number and eligible rows of each named file that touches the window.

        One without any accepted row touches none: it counts when it was landed last.
        """
        expected = self._settings.config.data_mart.expected_rows
        return [
            (manifest.name, expected[manifest.name], eligible_rows(lake, manifest, rules))
            for manifest in lake.manifests()
            if manifest.name in expected
            and (
                any(day in window for day in manifest.dates)
                or (not manifest.dates and manifest.batch_id in landed)
            )
        ]


def _marts_agree(partitions: dg.DailyPartitionsDefinition) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="pg_sales",
        additional_deps=["fact_sales"],
        blocking=True,
        description="pg_sales and fact_sales agree on rows, quantity and amount of every sale "
        "date, to the cent.",
    )
    def marts_agree(
        context: dg.AssetCheckExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> dg.AssetCheckResult:
        window = run_window(context, partitions)
        with failures_explained():
            fact = {totals.day: totals for totals in warehouse.daily_totals(window)}
            pg = {totals.day: totals for totals in operational.daily_totals(window)}
        different = [
            f"{day}: fact_sales {_totals(fact.get(day))}; pg_sales {_totals(pg.get(day))}"
            for day in sorted(fact.keys() | pg.keys())
            if fact.get(day) != pg.get(day)
        ]
        return dg.AssetCheckResult(
            passed=not different,
            metadata={"days_compared": len(fact), "different": _offenders("day", different)},
        )

    return marts_agree


def _totals(totals: DayTotals | None) -> str:
    if totals is None:
        return "nothing"
    return f"{totals.rows:,} rows, quantity {totals.quantity:,}, amount {totals.amount:,.2f}"


def _offenders(title: str, lines: list[str]) -> dg.MarkdownMetadataValue:
    if not lines:
        return dg.MetadataValue.md("*None.*")
    shown = [f"| {line} |" for line in lines[:MAX_OFFENDERS]]
    if len(lines) > MAX_OFFENDERS:
        shown.append(f"| … and {len(lines) - MAX_OFFENDERS} more |")
    return dg.MetadataValue.md("\n".join([f"| {title} |", "|---|", *shown]))
