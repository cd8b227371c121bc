"""The warehouse as a DuckDB file.

DuckDB lets one process at a time have a file open for writing and keeps every reader out
meanwhile. So each operation opens the file, under a lock of our own, and closes it again; in
between dbt can open it. Readers that must never wait use the published copy of the marts.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from txn_platform.errors import StoreError
from txn_platform.stores.disk import move_durably, store_errors
from txn_platform.stores.duckdb_errors import duckdb_errors
from txn_platform.stores.ports import (
    SUMMARY_SCHEMA,
    DayTotals,
    LakeFile,
    LoadReport,
    WarehouseRows,
    WarehouseTable,
    days_of_several_batches,
    landing_order,
)
from txn_platform.stores.retrying import retry_transient
from txn_platform.stores.statements import DATE_COLUMNS, KEY_COLUMNS, statement
from txn_platform.stores.writer_lock import WriterLock
from txn_platform.windows import DateWindow

_MARTS: tuple[WarehouseTable, ...] = ("fact_sales", "summary_sales", "summary_sales_daily")
_DRAFT = "draft"


class DuckDBWarehouse:
    """Raw transactions and marts in one DuckDB file.

    Args:
        path: The database file; created on first use.
        published: Where `publish` puts the copy of the marts for readers.
        dataset: Schema of the raw table.
        table: Name of the raw table.
        mart_dataset: Schema of the marts, here and in the published copy.
        lock_timeout: Seconds to wait for another writer.
    """

    def __init__(
        self,
        path: Path,
        published: Path,
        *,
        dataset: str,
        table: str,
        mart_dataset: str,
        lock_timeout: float = 600.0,
    ) -> None:
        self._path = path
        self._published = published
        self._mart_dataset = mart_dataset
        self._lock = WriterLock(path.with_name(f"{path.name}.lock"), lock_timeout)
        self._places: dict[WarehouseTable, tuple[str, str]] = {
            "raw_transactions": (dataset, table),
            "fact_sales": (mart_dataset, "fact_sales"),
            "summary_sales": (mart_dataset, "summary_sales"),
            "summary_sales_daily": (mart_dataset, "summary_sales_daily"),
        }

    def ensure_schema(self) -> None:
        """Create the schemas and the raw table where they are missing."""
        dataset, _ = self._places["raw_transactions"]
        with self._connection("create the schema") as connection:
            connection.execute(
                statement(
                    "duckdb",
                    "ensure_schema",
                    dataset=self._schema(dataset),
                    mart_dataset=self._schema(self._mart_dataset),
                    raw_table=self._relation("raw_transactions"),
                )
            )

    def replace_partitions(self, files: Sequence[LakeFile], window: DateWindow) -> LoadReport:
        """Make the raw table hold exactly the rows of `files` within the window, atomically."""
        chosen = [file for file in files if file.day in window]
        with self._connection("replace partitions") as connection:
            connection.begin()
            self._on_raw_table(connection, "delete_window", _bounds(window))
            self._insert(connection, chosen)
            counted = self._on_raw_table(connection, "rows_by_day", _bounds(window))
            rows_by_day = dict.fromkeys(window.days(), 0) | dict(counted.fetchall())
            connection.commit()
        rows = sum(rows_by_day.values())
        return LoadReport(rows, rows_by_day, superseded=sum(f.rows for f in chosen) - rows)

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the right to write; dbt may open the file meanwhile.

        Raises:
            TransientStoreError: naming the holder, when another writer does not let go in time.
        """
        return self._lock.held()

    def row_count(self, table: WarehouseTable) -> int:
        """Rows of a table."""
        rows = self._read("row_count", table)
        return rows[0]["row_count"] if rows else 0

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        """`fact_sales` by sale date inside the window; days without a row are absent."""
        rows = self._read("daily_totals", "fact_sales", _bounds(window))
        return [DayTotals(**row) for row in rows]

    def unhashed_ids(self, table: WarehouseRows, window: DateWindow) -> Mapping[date, int]:
        """Rows by date whose transaction_id is neither empty nor 64 lower-case hex characters."""
        rows = self._read("unhashed_ids", table, _bounds(window))
        return {row["day"]: row["rows"] for row in rows}

    def preview(self, table: WarehouseTable, window: DateWindow, limit: int) -> pa.Table:
        """The first rows of the window, by date and transaction_id or product."""
        start = window.start.replace(day=1) if table == "summary_sales" else window.start
        parameters = {"start": start, "end": window.end, "limit": limit}
        return pa.Table.from_pylist(self._read("preview", table, parameters))

    def summary(self) -> pa.Table:
        """All rows of `summary_sales`, ordered by sale_month, product."""
        rows = self._read("summary", "summary_sales")
        return pa.Table.from_pylist(rows, schema=SUMMARY_SCHEMA)

    def publish(self, materialization_id: str, materialized_at: datetime) -> None:
        """Build a file with the present marts only and swap it in; readers keep what they have.

        Raises:
            StoreError: when a mart has not been built; what was published before stays.
        """
        draft = self._published.with_name(f"{self._published.name}.new")
        with self._connection("publish the marts") as connection:
            self._require_marts(connection)
            with store_errors("publish the marts", draft):
                draft.parent.mkdir(parents=True, exist_ok=True)
                for leftover in (draft, draft.with_name(f"{draft.name}.wal")):
                    leftover.unlink(missing_ok=True)
                stamp = {"id": materialization_id, "at": materialized_at}
                self._copy_marts(connection, draft, stamp)
                move_durably(draft, self._published)

    def _insert(self, connection: DuckDBPyConnection, files: Sequence[LakeFile]) -> None:
        """Insert the rows of `files`, sorting only the days on which one may supersede another.

        Each of those by itself: 11 million rows of ten days took 3.1 GB at once, 1.2 GB by day.
        """
        several = days_of_several_batches(files)
        alone = [file.uri for file in files if file.day not in several]
        if alone:
            self._on_raw_table(connection, "insert_files", {"uris": alone})
        for day in sorted(several):
            overlapping = [file for file in files if file.day == day]
            uris = [file.uri for file in overlapping]
            parameters = {"uris": uris, "batches": landing_order(overlapping)}
            self._on_raw_table(connection, "insert_latest", parameters)

    def _on_raw_table(
        self, connection: DuckDBPyConnection, name: str, parameters: Mapping[str, object]
    ) -> DuckDBPyConnection:
        sql = statement("duckdb", name, raw_table=self._relation("raw_transactions"))
        return connection.execute(sql, parameters)

    def _read(
        self, name: str, table: WarehouseTable, parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a statement on one table; none where that has not been built yet."""
        with self._connection(f"read {table}") as connection:
            if not self._exists(connection, table):
                return []
            sql = statement(
                "duckdb",
                name,
                relation=self._relation(table),
                date_column=DATE_COLUMNS[table],
                key_column=KEY_COLUMNS[table],
            )
            result = connection.execute(sql, parameters)
            columns = [column[0] for column in result.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def _exists(self, connection: DuckDBPyConnection, table: WarehouseTable) -> bool:
        dataset, name = self._places[table]
        sql = statement("duckdb", "relation_exists")
        found = connection.execute(sql, {"dataset": dataset, "name": name}).fetchone()
        return bool(found and found[0])

    def _require_marts(self, connection: DuckDBPyConnection) -> None:
        for mart in _MARTS:
            if not self._exists(connection, mart):
                raise StoreError(
                    f"{self._path}: {mart} has not been built, so there is nothing to publish",
                    remedy=f"Materialize {', '.join(_MARTS)} first.",
                )

    def _copy_marts(
        self, connection: DuckDBPyConnection, draft: Path, stamp: Mapping[str, object]
    ) -> None:
        dataset = f"{_DRAFT}.{self._mart_dataset}"
        sql = statement(
            "duckdb",
            "publish",
            published_dataset=dataset,
            **{f"published_{mart}": f"{dataset}.{mart}" for mart in _MARTS},
            **{mart: self._relation(mart) for mart in _MARTS},
        )
        stamped = statement("duckdb", "publish_stamp", materialization=f"{dataset}.materialization")
        connection.execute(statement("duckdb", "attach", draft=_DRAFT), {"path": str(draft)})
        try:
            connection.execute(sql)
            connection.execute(stamped, stamp)
        finally:
            connection.execute(statement("duckdb", "detach", draft=_DRAFT))

    @contextmanager
    def _connection(self, action: str) -> Generator[DuckDBPyConnection]:
        """The database, open under the lock; a transaction left open is rolled back."""
        with self.exclusive(), duckdb_errors(action, self._path), self._open() as connection:
            yield connection

    @retry_transient
    def _open(self) -> DuckDBPyConnection:
        with duckdb_errors("open the warehouse", self._path):
            # Settings given here would clash with those of dbt, when it has the file open in
            # this process.
            return duckdb.connect(self._path)

    def _relation(self, table: WarehouseTable) -> str:
        dataset, name = self._places[table]
        return f"{self._schema(dataset)}.{name}"

    def _schema(self, dataset: str) -> str:
        """With the catalog: a dataset called like the file would be ambiguous without."""
        return f"{self._path.stem}.{dataset}"


def _bounds(window: DateWindow) -> dict[str, object]:
    return {"start": window.start, "end": window.end}
