"""The raw transactions of the warehouse and of PostgreSQL, one partition for each sale date."""

import time
from typing import Any

import dagster as dg

from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.defs.metadata import DAILY_FRESHNESS, OWNERS, PREVIEW_ROWS, RAW_COLUMNS, preview
from txn_platform.defs.partitions import load_id, run_window
from txn_platform.settings import Settings
from txn_platform.stores.ports import Lake, LoadReport, OperationalDatabase, Warehouse

WAREHOUSE_KIND = {"local": "duckdb", "gcp": "bigquery"}


def build_warehouse_assets(
    settings: Settings, partitions: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """`raw_transactions`."""

    @dg.asset(
        deps=["lake_transactions"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="warehouse",
        kinds={WAREHOUSE_KIND[settings.profile], "postgres"},
        owners=OWNERS,
        freshness_policy=DAILY_FRESHNESS,
        description=(
            "Accepted rows of the lake in the warehouse and in PostgreSQL. A partition is replaced "
            "as a whole, so loading it again gives the same rows; where two batches hold the same "
            "transaction of a date, the later batch wins."
        ),
        metadata={"dagster/column_schema": RAW_COLUMNS},
        retry_policy=retry_policy(settings),
        pool="warehouse",
    )
    def raw_transactions(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
    ) -> dg.MaterializeResult[Any]:
        window = run_window(context, partitions)
        started = time.perf_counter()
        # One lock around both stores and the look into the lake: of two loads of a window, the
        # later one to look is so the later one to write, in both.
        with failures_explained(), warehouse.exclusive():
            files = lake.files(window)
            warehouse.ensure_schema()
            operational.ensure_schema()
            loaded = warehouse.replace_partitions(files, window)
            warehouse_seconds = time.perf_counter() - started
            # PostgreSQL last: its ledger then says that both hold the partition.
            copied = operational.replace_partitions(lake, files, window, load_id(context))
            rows = warehouse.preview("raw_transactions", window, PREVIEW_ROWS)
        if loaded.rows != copied.rows:
            raise dg.Failure(
                f"The warehouse holds {loaded.rows} rows of {window.start} to {window.last}, "
                f"PostgreSQL {copied.rows}.\n  Materialize the partitions again.",
                allow_retries=False,
            )
        _report_partitions(context, loaded)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": warehouse.row_count("raw_transactions"),
                "rows_loaded": loaded.rows,
                "superseded": loaded.superseded,
                "batches": len({file.batch_id for file in files}),
                "bytes_processed": loaded.bytes_processed,
                "warehouse_seconds": round(warehouse_seconds, 3),
                "postgres_seconds": round(time.perf_counter() - started - warehouse_seconds, 3),
                "preview": preview(rows),
            }
        )

    return [raw_transactions]


def _report_partitions(context: dg.AssetExecutionContext, loaded: LoadReport) -> None:
    for day, rows in loaded.rows_by_day.items():
        context.add_asset_metadata(
            {"dagster/partition_row_count": rows}, partition_key=day.isoformat()
        )
