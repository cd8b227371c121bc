"""Assets of the data lake: the files that come in, and the batches that they become."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.defs.metadata import DAILY_FRESHNESS, OWNERS, RAW_COLUMNS, counts_table
from txn_platform.errors import InputFileError
from txn_platform.ingest.rules import IngestRules
from txn_platform.landing import Landing, Progress, in_landing_order, land
from txn_platform.settings import Settings
from txn_platform.stores.ports import Lake

MAX_LISTED_BATCHES = 50


class LandingConfig(dg.Config):
    """Which files to land."""

    inputs: list[str] = Field(
        default=[],
        description="Paths of CSV files. Empty: every *.csv in the inbox (TXN_INBOX).",
    )


def build_lake_assets(
    settings: Settings, progress: Progress | None = None
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """`transactions_csv` (external) and `lake_transactions`."""
    source = dg.AssetSpec(
        "transactions_csv",
        group_name="lake",
        kinds={"csv"},
        owners=OWNERS,
        description=(
            "Transaction files as they come in: CSV with transaction_id, product, price, quantity "
            "and date. They are read where they are and never stored here."
        ),
    )

    @dg.asset(
        deps=[source],
        group_name="lake",
        kinds={"polars", "parquet"},
        owners=OWNERS,
        freshness_policy=DAILY_FRESHNESS,
        description=(
            "Validated, hashed rows of every file that came in, as Parquet by sale date, with the "
            "rejected records and their reasons beside them. A batch is named by the SHA-256 of "
            "its file, so landing the same file twice changes nothing."
        ),
        metadata={"dagster/column_schema": RAW_COLUMNS},
        retry_policy=retry_policy(settings),
        pool="lake",
    )
    def lake_transactions(
        context: dg.AssetExecutionContext, config: LandingConfig, lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        paths = [Path(path) for path in config.inputs] or sorted(settings.inbox.glob("*.csv"))
        rules = IngestRules.from_settings(settings, today=datetime.now(UTC).date())
        landings: list[Landing] = []
        refusals: list[str] = []
        with failures_explained():
            for path in in_landing_order(paths):
                try:
                    landings.append(land(path, lake, rules, progress))
                except InputFileError as error:
                    refusals.append(str(error))
        for landing in landings:
            context.log.info(_log_line(landing))
        # What could be landed is landed, and accounted for; refused files stay where they are.
        yield dg.MaterializeResult(metadata=_metadata(landings))
        if refusals:
            raise dg.Failure(description="\n".join(refusals), allow_retries=False)

    return [source, lake_transactions]


def _log_line(landing: Landing) -> str:
    manifest = landing.manifest
    state = "was landed before" if landing.already_there else f"landed in {manifest.seconds:.2f} s"
    return (
        f"{landing.name} {state}: {manifest.rows:,} rows, "
        f"{manifest.accepted:,} accepted, {manifest.rejected:,} rejected"
    )


def _metadata(landings: Sequence[Landing]) -> dict[str, dg.MetadataValue | int | list[str]]:
    manifests = [landing.manifest for landing in landings]
    reasons: dict[str, int] = {}
    for manifest in manifests:
        for reason, rows in manifest.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + rows
    return {
        "dagster/row_count": sum(manifest.accepted for manifest in manifests),
        "rows_in": sum(manifest.rows for manifest in manifests),
        "rejected": sum(reasons.values()),
        "rejected_by_reason": counts_table("reason", reasons),
        "batches": [manifest.batch_id for manifest in manifests],
        "files": _files_table(landings),
    }


def _files_table(landings: Sequence[Landing]) -> dg.MetadataValue:
    if not landings:
        return dg.MetadataValue.md("*Nothing to land: no file was given and the inbox is empty.*")
    lines = [
        "| file | batch | rows | accepted | eligible | rejected | dates | ignored columns |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    for landing in landings[:MAX_LISTED_BATCHES]:
        manifest = landing.manifest
        dates = f"{min(manifest.dates)} to {max(manifest.dates)}" if manifest.dates else "none"
        name = manifest.name + (" (landed before)" if landing.already_there else "")
        lines.append(
            f"| {name} | `{manifest.batch_id[:12]}` | {manifest.rows:,} | {manifest.accepted:,} | "
            f"{manifest.eligible:,} | {manifest.rejected:,} | {dates} | "
            f"{len(manifest.unknown_columns)} |"
        )
    if len(landings) > MAX_LISTED_BATCHES:
        lines.append(f"| … and {len(landings) - MAX_LISTED_BATCHES} more | | | | | | | |")
    return dg.MetadataValue.md("\n".join(lines))
