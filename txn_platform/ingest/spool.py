"""Accepted rows on their way to one Parquet file for each sale date.

A file may have thousands of dates, more than files may be open; all of its rows are too many to
hold; and the batch id, a column of each row, is only known at its end. So the rows wait in parts,
each sorted by date, and the dates are put together from slices of the parts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from txn_platform.ingest.batch import ACCEPTED_SCHEMA

PART_ROWS = 2**18
"""Rows of a part, and at most of a group of dates that is sorted in memory: some 30 MB."""

_SPOOL_SCHEMA = ACCEPTED_SCHEMA.remove(ACCEPTED_SCHEMA.get_field_index("batch_id"))
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class _Part:
    """A spilled part: its days (since 1970) and the row with which each begins, and the end."""

    path: Path
    days: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    def slice(self, first: int, last: int) -> pa.Table:
        """Rows of the days from `first` to `last`, mapped from the disk."""
        start = int(self.offsets[np.searchsorted(self.days, first)])
        stop = int(self.offsets[np.searchsorted(self.days, last, side="right")])
        table = pa.ipc.open_file(pa.memory_map(str(self.path))).read_all()
        return table.slice(start, stop - start)


class DateSpool:
    """Collects accepted rows, and writes them by date.

    Attributes:
        counts: Rows by sale date, complete after `assemble`.
    """

    def __init__(self, folder: Path, *, part_rows: int = PART_ROWS) -> None:
        self.counts: dict[date, int] = {}
        self._folder = folder
        self._part_rows = part_rows
        self._held: list[pl.DataFrame] = []
        self._parts: list[_Part] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take in the next rows of the file."""
        self._held.append(rows)
        if sum(map(len, self._held)) >= self._part_rows:
            self._spill()

    def assemble(self, batch_id: str, folder: Path) -> dict[date, Path]:
        """Write one Parquet file for each date, rows in file order, and drop the parts."""
        self._spill()
        paths: dict[date, Path] = {}
        for days in self._groups():
            for day, tables in self._tables(days):
                paths[day] = folder / f"{day}.parquet"
                _write_parquet(paths[day], tables, batch_id)
        for part in self._parts:
            part.path.unlink()
        return dict(sorted(paths.items()))

    def _spill(self) -> None:
        if not any(map(len, self._held)):
            return
        rows = pl.concat(self._held).sort("date", maintain_order=True)
        self._held = []
        ordinals = rows["date"].to_physical().cast(pl.Int64).to_numpy()
        days, starts = np.unique(ordinals, return_index=True)
        offsets = np.append(starts, len(rows))
        part = _Part(self._folder / f"part-{len(self._parts):06d}.arrow", days, offsets)
        with pa.ipc.new_file(str(part.path), _SPOOL_SCHEMA) as writer:
            writer.write_table(rows.to_arrow().cast(_SPOOL_SCHEMA))
        self._parts.append(part)
        for day, count in zip(days.tolist(), np.diff(offsets).tolist(), strict=True):
            key = date.fromordinal(day + _EPOCH)
            self.counts[key] = self.counts.get(key, 0) + count

    def _groups(self) -> Iterator[list[date]]:
        """Consecutive dates with few enough rows to sort, or a single one."""
        group: list[date] = []
        rows = 0
        for day in sorted(self.counts):
            if group and rows + self.counts[day] > self._part_rows:
                yield group
                group, rows = [], 0
            group.append(day)
            rows += self.counts[day]
        if group:
            yield group

    def _tables(self, days: list[date]) -> Iterator[tuple[date, Iterable[pa.Table]]]:
        slices = self._slices(days[0], days[-1])
        if len(days) == 1:
            yield days[0], slices
            return
        rows = pl.DataFrame(pa.concat_tables(slices))
        for (day,), chosen in rows.partition_by("date", as_dict=True).items():
            yield day, [chosen.to_arrow().cast(_SPOOL_SCHEMA)]

    def _slices(self, first: date, last: date) -> Iterator[pa.Table]:
        for part in self._parts:
            table = part.slice(first.toordinal() - _EPOCH, last.toordinal() - _EPOCH)
            if len(table):
                yield table


def _write_parquet(path: Path, tables: Iterable[pa.Table], batch_id: str) -> None:
    # A dictionary of hashes, all of them different, would be built only to be thrown away.
    dictionary = [name for name in ACCEPTED_SCHEMA.names if name != "transaction_id"]
    with pq.ParquetWriter(
        path,
        ACCEPTED_SCHEMA,
        compression="zstd",
        use_dictionary=dictionary,  # pyright: ignore[reportArgumentType] - the stub is too narrow
    ) as writer:
        for table in tables:
            # Polars repeats it, as `pa.repeat` would import pandas: 0.4 s in a cold process.
            ids = pl.repeat(batch_id, len(table), eager=True).to_arrow().cast(pa.string())
            columns = [*table.columns, ids]
            writer.write_table(pa.Table.from_arrays(columns, schema=ACCEPTED_SCHEMA))
