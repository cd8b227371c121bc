"""The published DuckDB file, held in memory and read again when it was swapped."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from txn_platform.errors import StoreError
from txn_platform.stores.disk import store_errors
from txn_platform.stores.duckdb_errors import duckdb_errors
from txn_platform.stores.ports import SUMMARY_SCHEMA
from txn_platform.stores.published import (
    MartPage,
    Materialization,
    Reading,
    SortKey,
    SummaryFilter,
)
from txn_platform.stores.published_rows import in_cents, month_window
from txn_platform.stores.published_summary import SummaryIndex
from txn_platform.stores.statements import statement

_CATALOG = "published"
_FEW_ROWS = 50_000  # to sort them takes half a millisecond
_BY_AMOUNT = [("total_amount", "descending"), ("product", "ascending")]


class _Version(NamedTuple):
    """What tells one published file from the next."""

    inode: int
    modified: int
    size: int


@dataclass(frozen=True)
class _Snapshot:
    """Everything that one published file holds for readers; immutable.

    Attributes:
        months, days: Totals over all products, in the order of time.
        product_days: By day and product, in this order.
    """

    version: _Version
    materialization: Materialization
    summary: SummaryIndex
    months: pa.Table
    days: pa.Table
    product_days: pa.Table


class DuckDBPublishedMarts:
    """Reads the file that `DuckDBWarehouse.publish` swaps in.

    The file is opened only when it is another one than before, and closed at once: whoever asks
    after a swap gets the new file's rows, whoever asks meanwhile waits for them.

    Args:
        path: The published file.
        mart_dataset: Schema of the marts in it.
    """

    def __init__(self, path: Path, mart_dataset: str) -> None:
        self._path = path
        self._schema = f"{_CATALOG}.{mart_dataset}"
        self._loading = Lock()
        self._snapshot: _Snapshot | None = None

    @property
    def blocking(self) -> bool:
        """Whether the file must be read first, or holds so many rows that sorting takes a while."""
        snapshot = self._snapshot
        if snapshot is None or len(snapshot.summary) > _FEW_ROWS:
            return True
        try:
            return snapshot.version != self._version()
        except StoreError:  # which the read tells
            return True

    def summary(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> MartPage:
        """A page of the monthly summary by product."""
        snapshot = self._current()
        page = snapshot.summary.page(filters, sort, limit, offset)
        return MartPage(
            page.rows, page.count, page.total, snapshot.materialization, bytes_processed=0
        )

    def months(self, product: str | None) -> Reading:
        """Sales by month, of one product or of all together, in the order of the months."""
        snapshot = self._current()
        if product is None:
            return _reading(snapshot, snapshot.months)
        rows = snapshot.summary.rows_with("product", product)
        return _reading(snapshot, rows.drop_columns("product"))

    def products(self, month: date) -> Reading:
        """Sales by product in the month of that first day, the highest total_amount first."""
        snapshot = self._current()
        rows = snapshot.summary.rows_with("sale_month", month).drop_columns("sale_month")
        return _reading(snapshot, cast(Any, rows).sort_by(_BY_AMOUNT))

    def days(self, month: date, product: str | None) -> Reading:
        """Sales by day in the month of that first day, of one product or of all together."""
        snapshot = self._current()
        if product is None:
            return _reading(snapshot, _within_month(snapshot.days, month))
        rows = _within_month(snapshot.product_days, month)
        rows = rows.filter(cast(Any, pc).equal(rows["product"], product))
        return _reading(snapshot, rows.drop_columns("product"))

    def close(self) -> None:
        """Let go of the rows."""
        self._snapshot = None

    def _current(self) -> _Snapshot:
        """The rows of the file that is there now."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.version != self._version():
            with self._loading:
                # Another thread may have loaded them meanwhile, or even later ones.
                version, snapshot = self._version(), self._snapshot
                if snapshot is None or snapshot.version != version:
                    # A file swapped in after this look at it is read once more next time.
                    snapshot = self._load(version)
                    self._snapshot = snapshot
                    # What loading took besides, and most of the rows before, go back: 250 MB
                    # for half a million rows.
                    pa.default_memory_pool().release_unused()
        return snapshot

    def _version(self) -> _Version:
        with store_errors("read the published marts", self._path):
            try:
                found = self._path.stat()
            except FileNotFoundError:
                raise StoreError(
                    f"{self._path}: no marts have been published",
                    remedy="Materialize the marts: `txn-platform run`, or from Dagster.",
                ) from None
        return _Version(found.st_ino, found.st_mtime_ns, found.st_size)

    def _load(self, version: _Version) -> _Snapshot:
        with duckdb_errors("read the published marts", self._path), self._attached() as connection:
            summary, daily = f"{self._schema}.summary_sales", f"{self._schema}.summary_sales_daily"
            rows = _query(connection, "summary", relation=summary)
            return _Snapshot(
                version,
                self._materialization(connection),
                SummaryIndex(rows.cast(SUMMARY_SCHEMA)),
                months=_totals(connection, summary, "sale_month"),
                days=_totals(connection, daily, "sale_date"),
                product_days=_query(connection, "published_daily", relation=daily),
            )

    @contextmanager
    def _attached(self) -> Generator[DuckDBPyConnection]:
        """The file, opened by a database instance of its own.

        Connecting to the path would give the file of before the swap for as long as anything else
        in this process is connected to it.
        """
        with duckdb.connect(":memory:") as connection:
            connection.execute(
                statement("duckdb", "published_attach", catalog=_CATALOG), {"path": str(self._path)}
            )
            yield connection

    def _materialization(self, connection: DuckDBPyConnection) -> Materialization:
        relation = f"{self._schema}.materialization"
        sql = statement("duckdb", "published_materialization", relation=relation)
        [(materialization_id, materialized_at)] = connection.execute(sql).fetchall()
        return Materialization(materialization_id, materialized_at.astimezone(UTC))


def _query(connection: DuckDBPyConnection, name: str, **identifiers: str) -> pa.Table:
    return connection.sql(statement("duckdb", name, **identifiers)).to_arrow_table()


def _totals(connection: DuckDBPyConnection, relation: str, date_column: str) -> pa.Table:
    return _query(connection, "published_totals", relation=relation, date_column=date_column)


def _within_month(rows: pa.Table, month: date) -> pa.Table:
    """The rows of a month from a table ordered by sale_date."""
    window = month_window(month)
    bounds = np.array([window.start, window.end], "datetime64[D]")
    first, end = np.searchsorted(rows["sale_date"].to_numpy(), bounds)
    return rows.slice(first, end - first)


def _reading(snapshot: _Snapshot, rows: pa.Table) -> Reading:
    return Reading(in_cents(rows), snapshot.materialization, bytes_processed=0)
