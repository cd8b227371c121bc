"""The published tables in BigQuery: one short query for each answer, small enough to wait for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery
from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random,
)

from txn_platform.errors import TransientStoreError
from txn_platform.stores.google_errors import TOO_EXPENSIVE, Remedies, google_errors
from txn_platform.stores.published import (
    MartPage,
    Materialization,
    Reading,
    SortKey,
    SummaryFilter,
)
from txn_platform.stores.published_parameters import (
    Parameter,
    complete_order,
    conditions,
    page_bounds,
)
from txn_platform.stores.published_rows import in_cents, json_array, json_objects, month_window
from txn_platform.stores.statements import statement
from txn_platform.windows import DateWindow

_SUMMARY = "published_summary_sales"
_DAILY = "published_summary_sales_daily"

_SECONDS = 10.0
_once_more = retry(
    retry=retry_if_exception_type(TransientStoreError),
    # Someone is waiting: what took seconds to fail is not begun again.
    stop=stop_after_attempt(2) | stop_after_delay(_SECONDS / 2),
    wait=wait_random(0, 0.5),
    reraise=True,
)

_EVER = DateWindow(date.min, date.max)


class _Answer(NamedTuple):
    """Rows as a query gives them, with columns for the materialization behind those of sales."""

    rows: pa.Table
    materialization: Materialization
    bytes_processed: int


@dataclass(frozen=True)
class BigQueryPublishedMarts:
    """Reads the tables that `BigQueryWarehouse.publish` replaces.

    Attributes:
        client: With credentials that may run jobs in `project` and read the mart dataset.
        project: Holds the dataset and pays for the queries.
        mart_dataset: Dataset of the published tables.
        maximum_bytes_billed: For one query; a costlier one is refused before it runs.
        labels: For every query, to tell the costs apart.
    """

    client: bigquery.Client
    _: KW_ONLY
    project: str
    mart_dataset: str
    maximum_bytes_billed: int
    labels: Mapping[str, str] = field(default_factory=lambda: {"app": "txn-platform"})

    @property
    def blocking(self) -> bool:
        """Always: every read is a query."""
        return True

    def summary(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> MartPage:
        """A page of the monthly summary by product."""
        keys = complete_order(sort)
        parameters = [
            *conditions(filters),
            *page_bounds(limit, offset),
            *(
                Parameter(f"descending_{place}", "BOOL", key.descending)
                for place, key in enumerate(keys, 1)
            ),
        ]
        places: dict[str, str] = {f"key_{place}": key.column for place, key in enumerate(keys, 1)}
        answer = self._ask("published_summary", _SUMMARY, parameters, **places)
        rows = _sales(answer.rows)
        total = answer.rows["total"][0].as_py() if answer.rows.num_rows else 0
        return MartPage(
            json_array(json_objects(rows)),
            rows.num_rows,
            total,
            answer.materialization,
            answer.bytes_processed,
        )

    def months(self, product: str | None) -> Reading:
        """Sales by month, of one product or of all together, in the order of the months."""
        return self._totals(_SUMMARY, "sale_month", _EVER, product)

    def products(self, month: date) -> Reading:
        """Sales by product in the month of that first day, the highest total_amount first."""
        parameters = [Parameter("month", "DATE", month)]
        return _reading(self._ask("published_products", _SUMMARY, parameters))

    def days(self, month: date, product: str | None) -> Reading:
        """Sales by day in the month of that first day, of one product or of all together."""
        return self._totals(_DAILY, "sale_date", month_window(month), product)

    def close(self) -> None:
        """Close the client's connections."""
        self.client.close()

    def _totals(
        self, table: str, date_column: str, window: DateWindow, product: str | None
    ) -> Reading:
        parameters = [
            Parameter("start", "DATE", window.start),
            Parameter("end", "DATE", window.end),
            Parameter("product", "STRING", product),
        ]
        return _reading(self._ask("published_totals", table, parameters, date_column=date_column))

    @_once_more
    def _ask(
        self, name: str, table: str, parameters: Sequence[Parameter], **identifiers: str
    ) -> _Answer:
        sql = statement("bigquery", name, relation=self._relation(table), **identifiers)
        config = bigquery.QueryJobConfig(
            query_parameters=parameters,
            maximum_bytes_billed=self.maximum_bytes_billed,
            labels={**self.labels, "operation": name},
            job_timeout_ms=int(_SECONDS * 1000),
        )
        with self._errors():
            found = cast(Any, self.client).query_and_wait(
                sql,
                job_config=config,
                api_timeout=_SECONDS,
                wait_timeout=_SECONDS,
                retry=None,
                job_retry=None,
            )
            rows: pa.Table = found.to_arrow(create_bqstorage_client=False)
            materialization = _materialization(rows) or self._materialization_of_nothing()
        return _Answer(rows, materialization, found.total_bytes_processed or 0)

    def _materialization_of_nothing(self) -> Materialization:
        """Empty tables have no row to name it; when the summary was replaced tells as much."""
        relation = self._relation(_SUMMARY)
        table = cast(Any, self.client).get_table(relation, retry=None, timeout=_SECONDS)
        if table.num_rows:
            raise TransientStoreError(f"{relation}: was replaced while it was read")
        replaced = table.modified.astimezone(UTC)
        return Materialization(replaced.isoformat(), replaced)

    def _relation(self, table: str) -> str:
        return f"{self.project}.{self.mart_dataset}.{table}"

    def _errors(self) -> AbstractContextManager[None]:
        remedies: Remedies = {
            401: "Renew the credentials of this process.",
            TOO_EXPENSIVE: "Raise api.maximum_bytes_billed (now "
            f"{self.maximum_bytes_billed:,}), or ask for less.",
            403: f"Grant the service account roles/bigquery.jobUser on project {self.project} and "
            f"roles/bigquery.dataViewer on dataset {self.mart_dataset}.",
            404: "Materialize the marts, which publishes them; check data_warehouse.project_id and "
            "data_mart.dataset.",
        }
        where = f"{self.project}.{self.mart_dataset}"
        return google_errors("read the published marts", where, remedies)


def _sales(rows: pa.Table) -> pa.Table:
    """The columns and rows of sales, amounts in cents, without what else an answer tells."""
    names = rows.column_names[: rows.column_names.index("materialization_id")]
    sales = rows.select(names)
    return in_cents(sales.filter(cast(Any, pc).is_valid(sales[0])))


def _reading(answer: _Answer) -> Reading:
    return Reading(_sales(answer.rows), answer.materialization, answer.bytes_processed)


def _materialization(rows: pa.Table) -> Materialization | None:
    if not rows.num_rows:
        return None
    materialized_at = rows["materialized_at"][0].as_py()
    return Materialization(rows["materialization_id"][0].as_py(), materialized_at.astimezone(UTC))
