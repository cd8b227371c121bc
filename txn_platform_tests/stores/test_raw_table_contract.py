"""What loading the raw table promises, in every warehouse and operational database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txn_platform.errors import StoreError
from txn_platform.stores.ports import LakeFile
from txn_platform.windows import DateWindow, contiguous_windows
from txn_platform_tests.stores.batches import (
    ALL_DAYS,
    DAYS,
    Row,
    contents,
    land,
    stored,
)
from txn_platform_tests.stores.cases import EVER, RawTable

FIRST_DAY = DateWindow.of_day(DAYS[0])


def test_a_load_holds_exactly_the_rows_of_the_window(raw_table: RawTable) -> None:
    inside = [Row("1"), Row("2"), Row("3", DAYS[1])]
    batch = land(raw_table.lake, "a.csv", *inside, Row("4", DAYS[2]))
    report = raw_table.load(DateWindow(DAYS[0], DAYS[2]))
    assert (report.rows, report.superseded) == (3, 0)
    assert report.rows_by_day == {DAYS[0]: 2, DAYS[1]: 1}
    assert raw_table.contents() == stored(batch, *inside)
    assert raw_table.row_count() == 3


def test_files_of_other_days_are_left_out(raw_table: RawTable) -> None:
    batch = land(raw_table.lake, "a.csv", Row("1"), Row("2", DAYS[1]))
    report = raw_table.replace(raw_table.lake.files(ALL_DAYS), FIRST_DAY)
    assert (report.rows, report.superseded) == (1, 0)
    assert raw_table.contents() == stored(batch, Row("1"))


def test_loading_again_changes_nothing(raw_table: RawTable) -> None:
    land(raw_table.lake, "a.csv", *(Row(str(n), DAYS[n % 3]) for n in range(20)))
    first = raw_table.load(ALL_DAYS)
    before = raw_table.contents()
    assert raw_table.reopen().load(ALL_DAYS) == first
    assert raw_table.contents() == before


def test_a_range_equals_its_single_days_in_any_order(raw_table: RawTable) -> None:
    for name in "ab":
        land(raw_table.lake, name, *(Row(f"{name}{n}", DAYS[n % 3]) for n in range(9)))
        land(raw_table.lake, name + "2", *(Row(f"{name}{n}", DAYS[n % 3]) for n in range(3)))
    raw_table.load(ALL_DAYS)
    whole = raw_table.contents()
    for order in permutations(DAYS[:3]):
        raw_table.replace([], EVER)
        for day in order:
            raw_table.load(DateWindow.of_day(day))
        assert raw_table.contents() == whole


def test_other_days_stay_as_they_are(raw_table: RawTable) -> None:
    rows = [Row(str(n), day) for n, day in enumerate(DAYS)]
    batch = land(raw_table.lake, "a.csv", *rows)
    raw_table.load(ALL_DAYS)
    report = raw_table.replace([], DateWindow(DAYS[1], DAYS[3]))
    assert report.rows_by_day == {DAYS[1]: 0, DAYS[2]: 0}
    assert raw_table.contents() == stored(batch, rows[0], *rows[3:])


def test_an_empty_window_of_an_empty_lake_loads_nothing(raw_table: RawTable) -> None:
    report = raw_table.load(ALL_DAYS)
    assert (report.rows, report.superseded) == (0, 0)
    assert report.rows_by_day == dict.fromkeys(DAYS, 0)


def test_an_empty_batch_loads_nothing(raw_table: RawTable) -> None:
    land(raw_table.lake, "empty.csv")
    assert raw_table.load(ALL_DAYS).rows == 0


def test_the_later_batch_wins_and_what_it_superseded_returns_without_it(
    raw_table: RawTable,
) -> None:
    old, kept, new = Row("1", product="old"), Row("2"), Row("1", product="new")
    elsewhere = Row("1", DAYS[1], product="another day")
    first = land(raw_table.lake, "first.csv", old, kept, elsewhere)
    second = land(raw_table.lake, "second.csv", new)
    report = raw_table.load(ALL_DAYS)
    assert (report.rows, report.superseded) == (3, 1)
    assert raw_table.contents() == stored(first, kept, elsewhere) | stored(second, new)
    without = [f for f in raw_table.lake.files(ALL_DAYS) if f.batch_id != second.batch_id]
    assert raw_table.replace(without, ALL_DAYS).superseded == 0
    assert raw_table.contents() == stored(first, old, kept, elsewhere)


def test_landing_order_decides_whatever_the_order_of_ids_and_files(raw_table: RawTable) -> None:
    versions = [Row("1", product=f"version {number}") for number in range(6)]
    batches = [land(raw_table.lake, row.product, row) for row in versions]
    assert [b.batch_id for b in batches] != sorted(b.batch_id for b in batches)
    report = raw_table.replace(raw_table.lake.files(FIRST_DAY)[::-1], FIRST_DAY)
    assert (report.rows, report.superseded) == (1, 5)
    assert raw_table.contents() == stored(batches[-1], versions[-1])


def test_decimals_are_exact(raw_table: RawTable) -> None:
    prices = "0 0.1 0.000001 -0.000001 12.50 10000 999999999999.999999 -999999999999.999999"
    rows = [Row(price, price=Decimal(price)) for price in prices.split()]
    batch = land(raw_table.lake, "a.csv", *rows)
    raw_table.load(ALL_DAYS)
    assert raw_table.contents() == stored(batch, *rows)


def test_text_is_kept_to_the_character(raw_table: RawTable) -> None:
    products = ["Halal\nLaptop", 'Halal "x", y', "Halal ☪ 茶 \U0001f600", "\\N", "NULL", " a\tb "]
    rows = [Row(product, product=product) for product in [*products, "x" * 256]]
    rows.append(Row("quantities", quantity=-(2**31)))
    batch = land(raw_table.lake, "a.csv", *rows)
    raw_table.load(ALL_DAYS)
    assert raw_table.contents() == stored(batch, *rows)


def test_a_load_that_fails_midway_leaves_the_previous_state(raw_table: RawTable) -> None:
    land(raw_table.lake, "a.csv", Row("1"), Row("2", DAYS[1]))
    raw_table.load(ALL_DAYS)
    before = raw_table.contents()
    land(raw_table.lake, "b.csv", Row("3"), Row("4", DAYS[1]))
    *good, last = raw_table.lake.files(ALL_DAYS)
    with pytest.raises(StoreError):
        raw_table.replace([*good, replace(last, uri=f"{last.uri}.gone")], ALL_DAYS)
    assert raw_table.contents() == before
    raw_table.load(ALL_DAYS)
    assert raw_table.row_count() == 4


def test_writers_at_the_same_time_take_turns(raw_table: RawTable) -> None:
    rows = [Row(str(n), DAYS[n % 3]) for n in range(30)]
    batch = land(raw_table.lake, "a.csv", *rows)
    handles = [raw_table.reopen() for _ in range(4)]
    windows = [*contiguous_windows(DAYS[:1]), *contiguous_windows(DAYS[1:3]), ALL_DAYS, ALL_DAYS]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(RawTable.load, handles, windows))
    assert [report.rows for report in reports] == [10, 20, 30, 30]
    assert raw_table.contents() == stored(batch, *rows)


def test_ids_that_are_no_hashes_are_counted_by_day(raw_table: RawTable) -> None:
    ids = ["T0001", "A" * 64, "a" * 63, "a" * 64 + "\n"]
    batch = land(raw_table.lake, "a.csv", Row("fine"), *(Row(i, clear=True) for i in ids))
    land(raw_table.lake, "b.csv", Row("", DAYS[1], clear=True), Row("T2", DAYS[2], clear=True))
    raw_table.load(ALL_DAYS)
    assert raw_table.unhashed_ids(ALL_DAYS) == {DAYS[0]: 4, DAYS[2]: 1}
    assert raw_table.unhashed_ids(DateWindow(DAYS[1], DAYS[2])) == {}
    assert raw_table.row_count() == batch.rows + 2


def test_a_preview_is_the_first_rows_of_the_window(raw_table: RawTable) -> None:
    rows = [Row(str(n), DAYS[n % 3]) for n in range(9)]
    batch = land(raw_table.lake, "a.csv", *rows)
    raw_table.load(ALL_DAYS)
    expected = sorted((r for r in rows if r.day == DAYS[1]), key=lambda r: r.transaction_id)
    preview = raw_table.preview(DateWindow(DAYS[1], DAYS[3]), 2)
    assert contents(preview) == stored(batch, *expected[:2])
    assert raw_table.preview(DateWindow.of_day(DAYS[4]), 2).num_rows == 0


_subsets = st.sets(st.integers(0, 9))
_windows = st.tuples(st.integers(0, 3), st.integers(1, 4)).map(
    lambda at: DateWindow(DAYS[at[0]], date(2023, 10, min(at[0] + at[1], 4) + 1))
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(loads=st.lists(st.tuples(_subsets, _windows), max_size=5))
def test_any_sequence_of_loads_equals_the_model(
    raw_table: RawTable, loads: list[tuple[set[int], DateWindow]]
) -> None:
    rows = {}
    for number in range(4):
        mine = [Row(str(n), DAYS[n % 4], quantity=number) for n in range(number, 8)]
        rows[land(raw_table.lake, f"{number}.csv", *mine).batch_id] = mine
    manifests = {manifest.batch_id: manifest for manifest in raw_table.lake.manifests()}
    available = raw_table.lake.files(ALL_DAYS)
    raw_table.replace([], EVER)
    model: dict[tuple[date, str], tuple[LakeFile, Row]] = {}
    for chosen, window in loads:
        files = [file for at, file in enumerate(available) if at in chosen]
        raw_table.replace(files, window)
        model = {key: value for key, value in model.items() if key[0] not in window}
        for file in files:
            for row in rows[file.batch_id]:
                if row.day == file.day and file.day in window:
                    model[row.day, row.key] = (file, row)
    expected = [stored(manifests[file.batch_id], row) for file, row in model.values()]
    assert raw_table.contents() == set().union(*expected)
