"""The monthly summary as files, and the moment at which readers see new marts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import dagster as dg

from txn_platform.defs.failures import failures_explained, retry_policy
from txn_platform.defs.metadata import DAILY_FRESHNESS, OWNERS, preview
from txn_platform.defs.partitions import load_id
from txn_platform.defs.results import record_run
from txn_platform.exporting import summary_csv, summary_json
from txn_platform.ingest.batch import Manifest
from txn_platform.settings import Settings
from txn_platform.stores.exports import Exports
from txn_platform.stores.ports import Lake, OperationalDatabase, Warehouse
from txn_platform.stores.status import Publication

PREVIEWED_ROWS = 20
MOST_DAYS_NAMED = 10


def build_export_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`summary_sales_export`."""

    @dg.asset(
        deps=["summary_sales", "summary_sales_daily", "pg_sales"],
        group_name="exports",
        kinds={"json", "csv"},
        owners=OWNERS,
        freshness_policy=DAILY_FRESHNESS,
        description=(
            "The monthly summary as `summary_sales.json` and `summary_sales.csv`, ordered by month "
            "and product. Runs after the blocking checks of all marts, and makes the checked marts "
            "visible to readers; it waits while other sale dates have not passed theirs."
        ),
        output_required=False,
        retry_policy=retry_policy(settings),
        pool="warehouse",
    )
    def summary_sales_export(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        operational: dg.ResourceParam[OperationalDatabase],
        exports: dg.ResourceParam[Exports],
    ) -> Iterator[dg.MaterializeResult[Any]]:
        # Under the lock the files and the published copy show the same marts. PostgreSQL comes
        # last: it tells readers that there is something new, which must be there by then.
        with failures_explained(), warehouse.exclusive():
            waiting = operational.mark_checked(load_id(context))
            # What the checks found is known before the rows that they let pass.
            record_run(context.instance, context.run.run_id, operational)
            if waiting:
                context.log.warning(_postponed(waiting))
                return
            rows = warehouse.summary()
            paths = [
                exports.write("summary_sales.json", summary_json(rows)),
                exports.write("summary_sales.csv", summary_csv(rows)),
            ]
            publication = Publication(
                materialization_id=str(uuid4()),
                materialized_at=datetime.now(UTC),
                summary_rows=rows.num_rows,
                landed_rows=landed_rows(lake.manifests()),
            )
            warehouse.publish(publication.materialization_id, publication.materialized_at)
            operational.finish(load_id(context), publication)
        total = sum((row["total_amount"] for row in rows.to_pylist()), Decimal(0))
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows.num_rows,
                "total_amount": f"{total:,.2f}",
                "materialization_id": publication.materialization_id,
                "json": dg.PathMetadataValue(paths[0]),
                "csv": dg.PathMetadataValue(paths[1]),
                "preview": preview(rows.slice(0, PREVIEWED_ROWS)),
            }
        )

    return [summary_sales_export]


def _postponed(waiting: Sequence[date]) -> str:
    days = ", ".join(map(str, waiting[:MOST_DAYS_NAMED]))
    return (
        f"Nothing is published: the marts also hold {len(waiting)} loaded days whose checks have "
        f"not passed ({days}). Their next good run publishes everything."
    )


def landed_rows(manifests: Iterable[Manifest]) -> dict[str, int]:
    """Rows of all batches by what became of them: `accepted`, or the reason of the rejection."""
    rows = Counter[str]()
    for manifest in manifests:
        rows.update({"accepted": manifest.accepted, **manifest.reasons})
    return dict(rows)
