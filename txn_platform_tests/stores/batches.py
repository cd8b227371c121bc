"""Batches as the ingest core stages them, made from a few rows."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from txn_platform.ingest.batch import ACCEPTED_SCHEMA, Manifest, StagedBatch
from txn_platform.stores.ports import Lake
from txn_platform.windows import DateWindow

DAYS = tuple(date(2023, 10, day) for day in range(1, 6))
ALL_DAYS = DateWindow(DAYS[0], date(2023, 10, 6))


@dataclass(frozen=True)
class Row:
    """One accepted row; `key` is hashed into its transaction_id, unless that is to be `clear`."""

    key: str
    day: date = DAYS[0]
    price: Decimal = Decimal("12.50")
    product: str = "Halal Laptop"
    quantity: int = 2
    clear: bool = False

    @property
    def transaction_id(self) -> str:
        return self.key if self.clear else hashed(self.key)


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def stage(folder: Path, name: str, rows: Iterable[Row]) -> StagedBatch:
    """Write the files of a batch whose id is derived from `name`."""
    batch_id = hashed(name)
    by_day: dict[date, list[Row]] = defaultdict(list)
    for row in rows:
        by_day[row.day].append(row)
    accepted = {day: folder / f"{day}.parquet" for day in sorted(by_day)}
    for day, path in accepted.items():
        pq.write_table(_table(by_day[day], batch_id), path)
    rejected = folder / "rejected.parquet"
    pq.write_table(pa.table({"line": pa.array([], pa.int64())}), rejected)
    count = sum(map(len, by_day.values()))
    manifest = Manifest(
        batch_id=batch_id,
        name=name,
        bytes=count,
        landed_at=datetime.now(UTC),
        rows=count,
        accepted=count,
        rejected=0,
        eligible=count,
        reasons={},
        dates={day: len(by_day[day]) for day in accepted},
        unknown_columns=(),
        seconds=0.0,
    )
    return StagedBatch(manifest, accepted, rejected)


def land(lake: Lake, name: str, *rows: Row) -> Manifest:
    """Stage and commit a batch."""
    with lake.staging_folder() as folder:
        return lake.commit(stage(folder, name, rows))


def stored(manifest: Manifest, *rows: Row) -> set[tuple[object, ...]]:
    """The rows as a raw table holds them."""
    return {
        (row.transaction_id, row.product, row.price, row.quantity, row.day, manifest.batch_id)
        for row in rows
    }


def contents(table: pa.Table) -> set[tuple[object, ...]]:
    """The rows of a table, which must not hold any twice."""
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert len(set(rows)) == len(rows)
    return set(rows)


def _table(rows: list[Row], batch_id: str) -> pa.Table:
    columns = {
        "transaction_id": [row.transaction_id for row in rows],
        "product": [row.product for row in rows],
        "price": [row.price for row in rows],
        "quantity": [row.quantity for row in rows],
        "date": [row.day for row in rows],
        "batch_id": [batch_id] * len(rows),
    }
    return pa.table(columns, schema=ACCEPTED_SCHEMA)
