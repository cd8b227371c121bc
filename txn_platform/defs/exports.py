"""The monthly summary as files, and the moment at which readers see new marts."""

from decimal import Decimal
from typing import Any

import dagster as dg

from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.defs.metadata import DAILY_FRESHNESS, OWNERS, preview
from txn_platform.defs.partitions import load_id
from txn_platform.exporting import summary_csv, summary_json
from txn_platform.settings import Settings
from txn_platform.stores.exports import Exports
from txn_platform.stores.ports import OperationalDatabase, Warehouse

PREVIEWED_ROWS = 20


def build_export_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`summary_sales_export`."""

    @dg.asset(
        deps=["summary_sales"],
        group_name="exports",
        kinds={"json", "csv"},
        owners=OWNERS,
        freshness_policy=DAILY_FRESHNESS,
        description=(
            "The monthly summary as `summary_sales.json` and `summary_sales.csv`, ordered by month "
            "and product. Runs after the blocking checks of the warehouse's marts, and makes the "
            "checked marts visible to readers."
        ),
        retry_policy=retry_policy(settings),
        pool="warehouse",
    )
    def summary_sales_export(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
        exports: dg.ResourceParam[Exports],
    ) -> dg.MaterializeResult[Any]:
        # Under the lock the files and the published copy show the same marts.
        with failures_explained(), warehouse.exclusive():
            rows = warehouse.summary()
            paths = [
                exports.write("summary_sales.json", summary_json(rows)),
                exports.write("summary_sales.csv", summary_csv(rows)),
            ]
            warehouse.publish()
            operational.finish(load_id(context))
        total = sum((row["total_amount"] for row in rows.to_pylist()), Decimal(0))
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows.num_rows,
                "total_amount": f"{total:,.2f}",
                "json": dg.PathMetadataValue(paths[0]),
                "csv": dg.PathMetadataValue(paths[1]),
                "preview": preview(rows.slice(0, PREVIEWED_ROWS)),
            }
        )

    return [summary_sales_export]
