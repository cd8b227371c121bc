import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from txn_platform.ingest.batch import ACCEPTED_SCHEMA
from txn_platform.ingest.spool import DateSpool


def _rows(start: int, days: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "transaction_id": [f"{start + n:064x}" for n in range(len(days))],
            "product": "Halal",
            "price": pl.Series([Decimal("1.5")] * len(days), dtype=pl.Decimal(18, 6)),
            "quantity": pl.Series(range(start, start + len(days)), dtype=pl.Int64),
            "date": pl.Series([date(1969, 12, 30) + timedelta(day) for day in days], dtype=pl.Date),
        }
    )


@pytest.mark.parametrize("part_rows", [1, 7, 40, 10_000])
@pytest.mark.parametrize("dates", [1, 5, 300])
def test_each_date_gets_its_rows_in_file_order(tmp_path: Path, part_rows: int, dates: int) -> None:
    spool = DateSpool(tmp_path, part_rows=part_rows)
    chooser = random.Random(1)
    chunks = [_rows(n * 50, chooser.choices(range(dates), k=50)) for n in range(8)]
    for chunk in chunks:
        spool.add(chunk)
    paths = spool.assemble("b" * 64, tmp_path)
    expected = pl.concat(chunks).with_columns(batch_id=pl.lit("b" * 64))
    assert list(paths) == sorted(set(expected["date"]))
    for day, path in paths.items():
        assert path == tmp_path / f"{day}.parquet"
        assert pl.read_parquet(path).equals(expected.filter(pl.col("date") == day))
        assert spool.counts[day] == pq.read_metadata(path).num_rows
        assert pq.read_schema(path).equals(ACCEPTED_SCHEMA)
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())


def test_a_file_may_have_more_dates_than_files_may_be_open(tmp_path: Path) -> None:
    spool = DateSpool(tmp_path)
    spool.add(_rows(0, list(range(1500))))
    assert len(spool.assemble("b" * 64, tmp_path)) == 1500


def test_without_rows_there_are_no_files(tmp_path: Path) -> None:
    spool = DateSpool(tmp_path)
    spool.add(_rows(0, []))
    assert spool.assemble("b" * 64, tmp_path) == {}
    assert spool.counts == {}
    assert list(tmp_path.iterdir()) == []
