"""What the lake accounts for, and what the stores should hold because of it.

This is the second opinion to the SQL of the loaders and of dbt, so it shares none of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import polars as pl
import pyarrow.parquet as pq

from txn_platform.ingest.batch import Manifest
from txn_platform.ingest.rules import IngestRules, eligible_expr
from txn_platform.stores.ports import Lake, LakeFile
from txn_platform.windows import ONE_DAY, DateWindow


@dataclass(frozen=True)
class ExpectedDay:
    """What the lake accounts for on one sale date.

    Attributes:
        accepted: Rows in the lake, of all batches.
        eligible: Those that pass the business tier.
        superseded: Eligible rows that a later batch of the same date replaces, eligible or not.
    """

    day: date
    accepted: int
    eligible: int
    superseded: int

    @property
    def mart_rows(self) -> int:
        """Rows that each mart must hold for this date."""
        return self.eligible - self.superseded


def expected_days(lake: Lake, window: DateWindow, rules: IngestRules) -> Iterator[ExpectedDay]:
    """Yield one count for each date of the window that has a batch, one date in memory at a time.

    Raises:
        StoreError: when a data file holds another number of rows than its manifest says.
    """
    for day, files in groupby(lake.files(window), key=lambda file: file.day):
        yield _expected_day(lake, day, list(files), rules)


def eligible_rows(lake: Lake, manifest: Manifest, rules: IngestRules) -> int:
    """Rows of one batch that pass the business tier under the present rules."""
    return sum(
        int(_read(lake, file, rules)["eligible"].sum()) for file in _own_files(lake, manifest)
    )


def accounting_errors(lake: Lake, manifests: Sequence[Manifest]) -> list[str]:
    """Where the account of a batch doesn't add up, in its manifest or against its files."""
    stored = _stored_rows(lake, manifests)
    return [error for manifest in manifests for error in _errors_of(lake, manifest, stored)]


def _errors_of(lake: Lake, manifest: Manifest, stored: Mapping[str, int]) -> list[str]:
    name = f"{manifest.name} ({manifest.batch_id[:12]})"
    in_lake = stored.get(manifest.batch_id, 0)
    totals = [
        ("rows", manifest.rows, "accepted + rejected", manifest.accepted + manifest.rejected),
        ("accepted", manifest.accepted, "rows by date", sum(manifest.dates.values())),
        ("rejected", manifest.rejected, "rows by reason", sum(manifest.reasons.values())),
        ("accepted", manifest.accepted, "rows in the lake", in_lake),
        ("rejected", manifest.rejected, "stored rejects", _stored_rejects(lake, manifest)),
    ]
    return [
        f"{name}: {left_name} {left:,}, but {right_name} {right:,}"
        for left_name, left, right_name, right in totals
        if left != right
    ]


def landed_batches(manifests: Sequence[Manifest]) -> dict[date, frozenset[str]]:
    """The batches that hold accepted rows of each sale date."""
    landed: dict[date, set[str]] = {}
    for manifest in manifests:
        for day in manifest.dates:
            landed.setdefault(day, set()).add(manifest.batch_id)
    return {day: frozenset(batches) for day, batches in landed.items()}


def unloaded_days(
    manifests: Sequence[Manifest], loaded: Mapping[date, frozenset[str]]
) -> list[date]:
    """Sale dates whose landed batches differ from those that the stores were loaded from."""
    landed = landed_batches(manifests)
    return sorted(
        day
        for day in landed.keys() | loaded.keys()
        if landed.get(day, frozenset()) != loaded.get(day, frozenset())
    )


def _expected_day(
    lake: Lake, day: date, files: Sequence[LakeFile], rules: IngestRules
) -> ExpectedDay:
    frames = [_read(lake, file, rules) for file in files]
    rows = pl.concat(frames)
    latest = rows.unique("transaction_id", keep="last") if len(frames) > 1 else rows
    eligible = int(rows["eligible"].sum())
    return ExpectedDay(day, rows.height, eligible, eligible - int(latest["eligible"].sum()))


def _read(lake: Lake, file: LakeFile, rules: IngestRules) -> pl.DataFrame:
    with lake.open(file) as source:
        columns = pl.read_parquet(
            source, columns=["transaction_id", "product", "price", "quantity"]
        )
    return columns.select("transaction_id", eligible_expr(rules).alias("eligible"))


def _own_files(lake: Lake, manifest: Manifest) -> list[LakeFile]:
    if not manifest.dates:
        return []
    window = DateWindow(min(manifest.dates), max(manifest.dates) + ONE_DAY)
    return [file for file in lake.files(window) if file.batch_id == manifest.batch_id]


def _stored_rows(lake: Lake, manifests: Sequence[Manifest]) -> dict[str, int]:
    """Rows in the data files of each batch; the lake refuses a file that lacks some."""
    days = [day for manifest in manifests for day in manifest.dates]
    rows: dict[str, int] = {}
    if days:
        for file in lake.files(DateWindow(min(days), max(days) + ONE_DAY)):
            rows[file.batch_id] = rows.get(file.batch_id, 0) + file.rows
    return rows


def _stored_rejects(lake: Lake, manifest: Manifest) -> int:
    with lake.rejects(manifest.batch_id) as source:
        return pq.ParquetFile(source).metadata.num_rows
