"""The three narrow ports. Nothing above them asks where it runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import pyarrow as pa

from txn_platform.ingest.batch import Manifest, StagedBatch
from txn_platform.stores.status import AssetRecord, CheckRecord, Publication
from txn_platform.windows import DateWindow

WarehouseTable = Literal["raw_transactions", "fact_sales", "summary_sales", "summary_sales_daily"]
OperationalTable = Literal["transactions", "pg_sales"]
WarehouseRows = Literal["raw_transactions", "fact_sales"]
"""The warehouse tables with one row for each transaction."""

SUMMARY_SCHEMA = pa.schema(
    [
        pa.field("product", pa.string()),
        pa.field("sale_month", pa.date32()),
        pa.field("total_amount", pa.decimal128(38, 9)),
        pa.field("avg_price", pa.decimal128(38, 9)),
        pa.field("total_quantity", pa.int64()),
        pa.field("transaction_count", pa.int64()),
    ]
)
"""Columns of `summary_sales` as every warehouse returns them."""


@dataclass(frozen=True)
class LakeFile:
    """The accepted rows of one batch on one sale date, as a Parquet object in the lake.

    Attributes:
        uri: Absolute path or `gs://` address.
        landed_at: When the batch was sealed; orders the batches of a date.
        rows: Rows in the file, as its manifest counts them.
    """

    uri: str
    day: date
    batch_id: str
    landed_at: datetime
    rows: int


@dataclass(frozen=True)
class LoadReport:
    """What replacing a window of partitions did.

    Attributes:
        rows: Rows of the window afterwards.
        rows_by_day: The same by date, days without a row included.
        superseded: Rows of the lake left out because a later batch holds the same transaction.
        bytes_processed: What the warehouse billed for; 0 where nothing is billed.
    """

    rows: int
    rows_by_day: Mapping[date, int]
    superseded: int
    bytes_processed: int = 0


@dataclass(frozen=True)
class DayTotals:
    """Rows, quantity and exact amount of one sale date in a mart."""

    day: date
    rows: int
    quantity: int
    amount: Decimal


def landing_order(files: Iterable[LakeFile]) -> list[str]:
    """The batches of `files` from the earliest landed to the latest, each once."""
    ordered = sorted(files, key=lambda file: (file.landed_at, file.batch_id))
    return list(dict.fromkeys(file.batch_id for file in ordered))


def days_of_several_batches(files: Iterable[LakeFile]) -> frozenset[date]:
    """The days on which a later batch may supersede a row; the others load without a sort."""
    batches = Counter(file.day for file in files)
    return frozenset(day for day, count in batches.items() if count > 1)


class Lake(Protocol):
    """Content-addressed batches of validated, hashed rows."""

    def manifests(self) -> list[Manifest]:
        """The manifests of all complete batches, in landing order (landed_at, batch_id)."""
        ...

    def manifest(self, batch_id: str) -> Manifest | None:
        """The manifest of one batch, or None where it is not (completely) landed."""
        ...

    def staging_folder(self) -> AbstractContextManager[Path]:
        """A fresh local folder to stage a batch in; gone afterwards, whatever happens.

        What a killed process left behind is removed on the way.
        """
        ...

    def commit(self, staged: StagedBatch) -> Manifest:
        """Publish a staged batch: data and rejects first, the manifest last.

        Committing a batch that is already there changes nothing and returns its manifest.
        """
        ...

    def files(self, window: DateWindow) -> list[LakeFile]:
        """Data files of complete batches with rows inside the window, by day and landing order."""
        ...

    def open(self, file: LakeFile) -> BinaryIO:
        """One data file for reading, seekable."""
        ...

    def rejects(self, batch_id: str) -> BinaryIO:
        """The rejects of a complete batch for reading, seekable."""
        ...


class Warehouse(Protocol):
    """Raw transactions and marts for analysis: DuckDB or BigQuery, same names, same values.

    A mart that dbt has not built yet reads as empty.
    """

    def ensure_schema(self) -> None:
        """Create datasets and the raw table where they are missing."""
        ...

    def replace_partitions(self, files: Sequence[LakeFile], window: DateWindow) -> LoadReport:
        """Make the raw table hold exactly the rows of `files` within the window, atomically.

        Of two rows with the same date and transaction_id the one of the later batch stays.
        Files of days outside the window are left out.
        """
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the right to write, for writers other than this adapter (dbt).

        Re-entrant within a thread: calls of the adapter itself work inside it.
        """
        ...

    def row_count(self, table: WarehouseTable) -> int:
        """Rows of a table."""
        ...

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        """`fact_sales` by sale date inside the window; days without a row are absent."""
        ...

    def unhashed_ids(self, table: WarehouseRows, window: DateWindow) -> Mapping[date, int]:
        """Rows by date whose transaction_id is neither empty nor 64 lower-case hex characters."""
        ...

    def preview(self, table: WarehouseTable, window: DateWindow, limit: int) -> pa.Table:
        """The first rows of the window in a stable order, for metadata.

        A row of `summary_sales` belongs to the window when its month overlaps it.
        """
        ...

    def summary(self) -> pa.Table:
        """All rows of `summary_sales` in `SUMMARY_SCHEMA`, ordered by sale_month, product."""
        ...

    def publish(self, materialization_id: str, materialized_at: datetime) -> None:
        """Make the present marts visible to readers, each under this id and time.

        Raises:
            StoreError: when a mart has not been built; what was published before stays.
        """
        ...


class OperationalDatabase(Protocol):
    """PostgreSQL: raw transactions, the operational mart, and what readers are told of both.

    A mart that dbt has not built yet reads as empty.
    """

    def ensure_schema(self) -> None:
        """Create the tables that this port writes where they are missing."""
        ...

    def replace_partitions(
        self, lake: Lake, files: Sequence[LakeFile], window: DateWindow, load_id: str = ""
    ) -> LoadReport:
        """As `Warehouse.replace_partitions`, and record which batches each day now holds.

        The days count as unfinished until `finish` is called with the same `load_id`.
        """
        ...

    def finished_batches(self) -> Mapping[date, frozenset[str]]:
        """The batches that each day whose load was finished is made of.

        Days made of none are absent.
        """
        ...

    def mark_checked(self, load_id: str) -> list[date]:
        """Record that the days of a load passed their blocking checks.

        Returns:
            The days of other loads whose checks have not passed, or not yet: the marts hold their
            rows as well, so nothing may be published before they do.
        """
        ...

    def finish(self, load_id: str, publication: Publication) -> None:
        """Record that readers see what the load brought, and as which publication, at once.

        Days of other loads that passed their checks and waited are finished as well. Days that
        another load has replaced since stay unfinished: that load finishes them.
        """
        ...

    def record_results(
        self, materialized: Sequence[AssetRecord], checked: Sequence[CheckRecord]
    ) -> None:
        """Keep the latest result of each asset and check, whatever order they are recorded in.

        While any loaded day has not passed its checks, a failed one stays failed: the pass of
        other days doesn't make up for it.

        Args:
            materialized: At most one for each asset.
            checked: At most one for each check.
        """
        ...

    def row_count(self, table: OperationalTable) -> int:
        """Rows of a table."""
        ...

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        """`pg_sales` by sale date inside the window; days without a row are absent."""
        ...

    def unhashed_ids(self, table: OperationalTable, window: DateWindow) -> Mapping[date, int]:
        """Rows by date whose transaction_id is neither empty nor 64 lower-case hex characters."""
        ...

    def preview(self, table: OperationalTable, window: DateWindow, limit: int) -> pa.Table:
        """The first rows of the window in a stable order, for metadata."""
        ...
