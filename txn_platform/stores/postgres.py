"""The operational database: PostgreSQL through binary COPY."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from typing import Literal

import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from txn_platform.errors import ConfigurationError
from txn_platform.stores.ports import (
    DayTotals,
    Lake,
    LakeFile,
    LoadReport,
    OperationalTable,
)
from txn_platform.stores.postgres_errors import postgres_errors
from txn_platform.stores.postgres_load import bounds, clear, insert, record
from txn_platform.stores.postgres_statements import Connection, execute
from txn_platform.stores.retrying import retry_transient
from txn_platform.stores.statements import DATE_COLUMNS, KEY_COLUMNS, statement
from txn_platform.stores.status import AssetRecord, CheckRecord, Publication
from txn_platform.windows import DateWindow


class PostgresDatabase:
    """Raw transactions, the operational mart, the ledger of loads, and what readers are told.

    Every method is one transaction on a connection of its own, and is tried again after a lost
    connection, a deadlock or a lock that stayed taken.

    Args:
        url: Connection string.
        batch_size: Rows that a load holds in memory at a time.
        connect_timeout: Seconds to wait for the server.
        statement_timeout: Seconds that one statement may take; a COPY is one.
        lock_timeout: Seconds to wait for another writer.
    """

    def __init__(
        self,
        url: str,
        *,
        batch_size: int = 10_000,
        connect_timeout: int = 10,
        statement_timeout: float = 1800,
        lock_timeout: float = 60,
    ) -> None:
        self._url = url
        self._batch_size = batch_size
        self._connect_timeout = connect_timeout
        self._session = {
            "statement_timeout": f"{int(statement_timeout * 1000)}ms",
            "lock_timeout": f"{int(lock_timeout * 1000)}ms",
        }
        self._where = _address(url)

    @retry_transient
    def ensure_schema(self) -> None:
        """Create the tables that are missing, and let the readers' role read what it may."""
        with self._transaction("create the schema") as connection:
            execute(connection, "lock_writers")
            execute(connection, "ensure_schema")
            execute(connection, "create_key")
            execute(connection, "grant_reading")

    @retry_transient
    def replace_partitions(
        self, lake: Lake, files: Sequence[LakeFile], window: DateWindow, load_id: str = ""
    ) -> LoadReport:
        """Make `transactions` hold exactly the rows of `files` within the window, atomically."""
        chosen = [file for file in files if file.day in window]
        with self._transaction("replace partitions") as connection:
            execute(connection, "lock_writers")
            keyless = clear(connection, window)
            insert(connection, lake, chosen, self._batch_size)
            if keyless:
                execute(connection, "create_key")
                execute(connection, "analyze")
            record(connection, chosen, window, load_id)
            counted = execute(connection, "rows_by_day", bounds(window)).fetchall()
        rows_by_day = dict.fromkeys(window.days(), 0) | _by_day(counted)
        rows = sum(rows_by_day.values())
        return LoadReport(rows, rows_by_day, superseded=sum(f.rows for f in chosen) - rows)

    def finished_batches(self) -> Mapping[date, frozenset[str]]:
        """The batches that each day whose load was finished is made of."""
        rows = self._read("finished_batches", "loaded_batches")
        return {row["day"]: frozenset(row["batches"]) for row in rows}

    @retry_transient
    def mark_checked(self, load_id: str) -> list[date]:
        """Record that the load's days passed their checks; the loaded days that did not (yet)."""
        with self._transaction("record passed checks") as connection:
            execute(connection, "mark_checked", {"load_id": load_id})
            return [row["day"] for row in execute(connection, "unchecked_days")]

    @retry_transient
    def finish(self, load_id: str, publication: Publication) -> None:
        """Record that readers see what the load brought, and as which publication, at once."""
        landed = publication.landed_rows
        outcomes = {"outcomes": list(landed.keys()), "rows": list(landed.values())}
        with self._transaction("finish a load") as connection:
            execute(connection, "finish_load", {"load_id": load_id})
            # Its row is locked from here on: of two publications the second waits.
            execute(connection, "record_publication", vars(publication))
            execute(connection, "forget_landed_rows")
            execute(connection, "record_landed_rows", outcomes)
            execute(connection, "grant_reading")

    @retry_transient
    def record_results(
        self, materialized: Sequence[AssetRecord], checked: Sequence[CheckRecord]
    ) -> None:
        """Keep the latest result of each asset and check, whatever order they are recorded in."""
        with self._transaction("record the results of a run") as connection:
            execute(connection, "record_materializations", _columns(AssetRecord, materialized))
            execute(connection, "record_checks", _columns(CheckRecord, checked))

    def row_count(self, table: OperationalTable) -> int:
        """Rows of a table."""
        rows = self._read("row_count", table)
        return rows[0]["row_count"] if rows else 0

    def daily_totals(self, window: DateWindow) -> list[DayTotals]:
        """`pg_sales` by sale date inside the window; days without a row are absent."""
        rows = self._read("daily_totals", "pg_sales", bounds(window))
        return [DayTotals(**row) for row in rows]

    def unhashed_ids(self, table: OperationalTable, window: DateWindow) -> Mapping[date, int]:
        """Rows by date whose transaction_id is neither empty nor 64 lower-case hex characters."""
        rows = self._read("unhashed_ids", table, bounds(window))
        return _by_day(rows)

    def preview(self, table: OperationalTable, window: DateWindow, limit: int) -> pa.Table:
        """The first rows of the window, by date and transaction_id."""
        rows = self._read("preview", table, {**bounds(window), "limit": limit})
        return pa.Table.from_pylist(rows)

    @retry_transient
    def _read(
        self,
        name: str,
        table: OperationalTable | Literal["loaded_batches"],
        parameters: Mapping[str, object] | None = None,
    ) -> list[DictRow]:
        """The rows of a statement on one table; none where that has not been built yet."""
        with self._transaction(f"read {table}") as connection:
            [relation] = execute(connection, "relation_exists", {"name": table})
            if not relation["found"]:
                return []
            sql = statement(
                "postgres",
                name,
                relation=table,
                date_column=DATE_COLUMNS.get(table, "date"),
                key_column=KEY_COLUMNS.get(table, "batch_id"),
            )
            return connection.execute(sql.encode(), parameters).fetchall()

    @contextmanager
    def _transaction(self, action: str) -> Generator[Connection]:
        """One transaction on a connection of its own."""
        with (
            postgres_errors(action, self._where),
            Connection.connect(
                self._url,
                row_factory=dict_row,
                connect_timeout=self._connect_timeout,
                # Notice within a minute that the server's machine is gone.
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
            ) as connection,
        ):
            execute(connection, "session", self._session)
            yield connection


def _address(url: str) -> str:
    """Host, port and database of a connection string: what an error may show.

    Raises:
        ConfigurationError: when it is not a connection string.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigurationError(
            "the PostgreSQL connection string can't be parsed",
            remedy="Its form is postgresql://user:password@host:port/database.",
        ) from None
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def _columns(kind: type[AssetRecord | CheckRecord], records: Sequence[object]) -> dict[str, object]:
    """The attributes of all records as parallel arrays."""
    names = [field.name for field in fields(kind)]
    return {name: [getattr(record, name) for record in records] for name in names}


def _by_day(rows: Iterable[DictRow]) -> dict[date, int]:
    return {row["day"]: row["rows"] for row in rows}
