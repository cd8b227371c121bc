"""The warehouse in BigQuery: load jobs from the lake, then one transaction for the window."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from uuid import uuid4

import pyarrow as pa
from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from txn_platform.errors import StoreError
from txn_platform.stores.bigquery_jobs import (
    CALL_RETRY,
    CALL_SECONDS,
    BigQueryJobs,
    Parameters,
    QueryResult,
)
from txn_platform.stores.google_errors import TOO_EXPENSIVE, Remedies, google_errors
from txn_platform.stores.ports import (
    SUMMARY_SCHEMA,
    DayTotals,
    LakeFile,
    LoadReport,
    WarehouseRows,
    WarehouseTable,
    landing_order,
)
from txn_platform.stores.statements import DATE_COLUMNS, KEY_COLUMNS
from txn_platform.windows import DateWindow

RAW_SCHEMA = [
    bigquery.SchemaField("transaction_id", "STRING", mode="REQUIRED"),
    bigquery.SchemaField("product", "STRING", mode="REQUIRED"),
    bigquery.SchemaField("price", "NUMERIC", mode="REQUIRED"),
    bigquery.SchemaField("quantity", "INT64", mode="REQUIRED"),
    bigquery.SchemaField("date", "DATE", mode="REQUIRED"),
    bigquery.SchemaField("batch_id", "STRING", mode="REQUIRED"),
]
"""Of the raw table and of the staging tables."""

_MARTS: tuple[WarehouseTable, ...] = ("fact_sales", "summary_sales", "summary_sales_daily")
_PUBLISHED: tuple[WarehouseTable, ...] = ("summary_sales_daily", "summary_sales")
_URIS_PER_LOAD = 10_000  # BigQuery's limit for one job
_STAGING_LIFETIME = timedelta(hours=6)


@dataclass(frozen=True)
class BigQueryWarehouse:
    """Raw transactions and marts in BigQuery.

    Attributes:
        client: With credentials that may run jobs in `project`.
        project: Holds the datasets and pays for the jobs.
        dataset, table: The raw table.
        mart_dataset: Dataset of the marts.
        location: Of both datasets and the lake's bucket. Where it is not given, BigQuery runs
            jobs where the datasets are, and creates them in its default location.
        maximum_bytes_billed: For one query; a costlier one is refused before it runs.
        labels: For every job and table, to tell the costs apart.
    """

    client: bigquery.Client
    _: KW_ONLY
    project: str
    dataset: str
    table: str
    mart_dataset: str
    location: str | None = None
    maximum_bytes_billed: int = 100 * 1024**3
    labels: Mapping[str, str] = field(default_factory=lambda: {"app": "txn-platform"})

    def ensure_schema(self) -> None:
        """Create datasets and the raw table where they are missing.

        Looked for first: a service account that may write often may not create.
        """
        with self._errors("create the schema"):
            self._ensure_dataset(self.dataset)
            self._ensure_dataset(self.mart_dataset)
            if not self._exists("raw_transactions"):
                table = bigquery.Table(self._relation("raw_transactions"), schema=RAW_SCHEMA)
                table.time_partitioning = bigquery.TimePartitioning(field="date")
                table.clustering_fields = ["product"]
                self._create_table(table)

    def replace_partitions(self, files: Sequence[LakeFile], window: DateWindow) -> LoadReport:
        """Make the raw table hold exactly the rows of `files` within the window, atomically."""
        chosen = [file for file in files if file.day in window]
        with self._errors("replace partitions"):
            return self._replace(chosen, window) if chosen else self._delete(window)

    def exclusive(self) -> AbstractContextManager[None]:
        """Nothing to hold: BigQuery orders writers by itself."""
        return nullcontext()

    def row_count(self, table: WarehouseTable) -> int:
        """Rows of a table."""
        counted = self._read("row_count", table)
        return counted["row_count"][0].as_py() if counted else 0

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        """`fact_sales` by sale date inside the window; days without a row are absent."""
        totals = self._read("daily_totals", "fact_sales", _bounds(window))
        return [DayTotals(**row) for row in totals.to_pylist()] if totals else []

    def unhashed_ids(self, table: WarehouseRows, window: DateWindow) -> Mapping[date, int]:
        """Rows by date whose transaction_id is neither empty nor 64 lower-case hex characters."""
        offenders = self._read("unhashed_ids", table, _bounds(window))
        return {row["day"]: row["rows"] for row in offenders.to_pylist()} if offenders else {}

    def preview(self, table: WarehouseTable, window: DateWindow, limit: int) -> pa.Table:
        """The first rows of the window, by date and transaction_id or product."""
        start = window.start.replace(day=1) if table == "summary_sales" else window.start
        parameters = [
            *_bounds(DateWindow(start, window.end)),
            bigquery.ScalarQueryParameter("limit", "INT64", limit),
        ]
        return self._read("preview", table, parameters) or pa.table({})

    def summary(self) -> pa.Table:
        """All rows of `summary_sales`, ordered by sale_month, product."""
        rows = self._read("summary", "summary_sales")
        return rows.cast(SUMMARY_SCHEMA) if rows else SUMMARY_SCHEMA.empty_table()

    def publish(self, materialization_id: str, materialized_at: datetime) -> None:
        """Replace the tables `published_…` by the present summaries, one after the other.

        Each row says which materialization it is of. Reading them bills kilobytes, where the
        views bill every sale.

        Raises:
            StoreError: when a mart has not been built; what was published before stays.
        """
        stamp = [
            bigquery.ScalarQueryParameter("materialization_id", "STRING", materialization_id),
            bigquery.ScalarQueryParameter("materialized_at", "TIMESTAMP", materialized_at),
        ]
        with self._errors("publish the marts"):
            missing = [mart for mart in _MARTS if not self._exists(mart)]
            if missing:
                raise StoreError(
                    f"{self._where}: {missing[0]} has not been built, so there is nothing to "
                    "publish",
                    remedy=f"Materialize {', '.join(_MARTS)} first.",
                )
            for mart in _PUBLISHED:
                self._jobs.replace_table(
                    f"{self.project}.{self.mart_dataset}.published_{mart}",
                    "publish",
                    stamp,
                    relation=self._relation(mart),
                    date_column=DATE_COLUMNS[mart],
                )

    def _replace(self, files: Sequence[LakeFile], window: DateWindow) -> LoadReport:
        batches = bigquery.ArrayQueryParameter("batches", "STRING", landing_order(files))
        staging = bigquery.Table(
            f"{self.project}.{self.dataset}.staging_{uuid4().hex}", schema=RAW_SCHEMA
        )
        staging.expires = datetime.now(UTC) + _STAGING_LIFETIME  # for when this is killed
        self._create_table(staging)
        try:
            self._load(files, staging)
            counted = self._jobs.query(
                "replace_window",
                [*_bounds(window), batches],
                raw_table=self._relation("raw_transactions"),
                staging_table=str(staging.reference),
            )
        finally:
            with suppress(StoreError), self._errors("drop a staging table"):
                self.client.delete_table(staging, retry=CALL_RETRY, timeout=CALL_SECONDS)
        return _report(counted, files, window)

    def _delete(self, window: DateWindow) -> LoadReport:
        deleted = self._jobs.query(
            "delete_window", _bounds(window), raw_table=self._relation("raw_transactions")
        )
        return _report(deleted, [], window)

    def _load(self, files: Sequence[LakeFile], staging: bigquery.Table) -> None:
        """Load files into a new staging table, and see that none of their rows is missing."""
        uris = [file.uri for file in files]
        loaded = sum(
            self._jobs.load_parquet(uris[first : first + _URIS_PER_LOAD], staging)
            for first in range(0, len(uris), _URIS_PER_LOAD)
        )
        expected = sum(file.rows for file in files)
        if loaded != expected:
            raise StoreError(
                f"{self._where}: {loaded} rows came from the lake where its manifests count "
                f"{expected}; nothing was changed",
                remedy="Land the inputs of these dates again.",
            )

    def _read(
        self, name: str, table: WarehouseTable, parameters: Parameters = ()
    ) -> pa.Table | None:
        """The result of a statement on one table; None where that has not been built yet."""
        with self._errors(f"read {table}"):
            if not self._exists(table):
                return None
            return self._jobs.query(
                name,
                parameters,
                relation=self._relation(table),
                date_column=DATE_COLUMNS[table],
                key_column=KEY_COLUMNS[table],
            ).rows

    def _exists(self, table: WarehouseTable) -> bool:
        try:
            self.client.get_table(self._relation(table), retry=CALL_RETRY, timeout=CALL_SECONDS)
        except NotFound:
            return False
        return True

    def _ensure_dataset(self, name: str) -> None:
        dataset = bigquery.Dataset(f"{self.project}.{name}")
        dataset.location = self.location
        dataset.labels = dict(self.labels)
        try:
            self.client.get_dataset(dataset.reference, retry=CALL_RETRY, timeout=CALL_SECONDS)
        except NotFound:
            self.client.create_dataset(
                dataset, exists_ok=True, retry=CALL_RETRY, timeout=CALL_SECONDS
            )

    def _create_table(self, table: bigquery.Table) -> None:
        table.labels = dict(self.labels)
        self.client.create_table(table, exists_ok=True, retry=CALL_RETRY, timeout=CALL_SECONDS)

    def _relation(self, table: WarehouseTable) -> str:
        if table == "raw_transactions":
            return f"{self.project}.{self.dataset}.{self.table}"
        return f"{self.project}.{self.mart_dataset}.{table}"

    @property
    def _where(self) -> str:
        return f"{self.project}.{self.dataset}"

    @cached_property
    def _jobs(self) -> BigQueryJobs:
        return BigQueryJobs(self.client, self.location, self.maximum_bytes_billed, self.labels)

    def _errors(self, action: str) -> AbstractContextManager[None]:
        remedies: Remedies = {
            401: "Renew the credentials of this process.",
            TOO_EXPENSIVE: f"Raise maximum_bytes_billed (now {self.maximum_bytes_billed:,}), or "
            "ask for fewer days at a time.",
            403: "Grant the service account roles/bigquery.jobUser on project "
            f"{self.project}, roles/bigquery.dataEditor on its datasets, and "
            "roles/storage.objectViewer on the lake's bucket.",
            404: f"Check data_warehouse.project_id and that the datasets {self.dataset} and "
            f"{self.mart_dataset} and the lake's bucket are in one location.",
        }
        return google_errors(action, self._where, remedies)


def _bounds(window: DateWindow) -> list[bigquery.ScalarQueryParameter]:
    return [
        bigquery.ScalarQueryParameter("start", "DATE", window.start),
        bigquery.ScalarQueryParameter("end", "DATE", window.end),
    ]


def _report(counted: QueryResult, files: Sequence[LakeFile], window: DateWindow) -> LoadReport:
    rows_by_day: dict[date, int] = dict.fromkeys(window.days(), 0)
    rows_by_day |= {row["day"]: row["rows"] for row in counted.rows.to_pylist()}
    rows = sum(rows_by_day.values())
    superseded = sum(file.rows for file in files) - rows
    return LoadReport(rows, rows_by_day, superseded, counted.bytes_processed)
