"""What every operational database promises beyond loading the raw table."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.ports import DayTotals
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, land
from txn_platform_tests.stores.cases import EVER, OperationalCase


def test_the_schema_can_be_ensured_again_and_by_several_at_once(
    operational_case: OperationalCase,
) -> None:
    handles = [operational_case.reopen() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda handle: handle.ensure_schema(), handles))
    assert operational_case.database.row_count("transactions") == 0


def test_the_ledger_tells_which_batches_each_day_was_made_of(
    operational_case: OperationalCase,
) -> None:
    database = operational_case.database
    assert database.loaded_batches() == {}
    first = land(operational_case.lake, "a.csv", Row("1"), Row("2", DAYS[1])).batch_id
    second = land(operational_case.lake, "b.csv", Row("3")).batch_id
    operational_case.raw.load(ALL_DAYS)
    assert database.loaded_batches() == {DAYS[0]: {first, second}, DAYS[1]: {first}}
    files = [f for f in operational_case.lake.files(ALL_DAYS) if f.batch_id == second]
    operational_case.raw.replace(files, DateWindow.of_day(DAYS[0]))
    assert database.loaded_batches() == {DAYS[0]: {second}, DAYS[1]: {first}}
    operational_case.raw.replace([], EVER)
    assert database.loaded_batches() == {}


def test_a_load_that_fails_leaves_the_ledger_as_it_was(operational_case: OperationalCase) -> None:
    land(operational_case.lake, "a.csv", Row("1"))
    operational_case.raw.load(ALL_DAYS)
    before = operational_case.database.loaded_batches()
    land(operational_case.lake, "b.csv", Row("2"))
    first, last = operational_case.lake.files(ALL_DAYS)
    with pytest.raises(StoreError):
        operational_case.raw.replace([first, replace(last, uri=f"{last.uri}.gone")], ALL_DAYS)
    assert operational_case.database.loaded_batches() == before


def test_a_mart_that_is_not_built_reads_as_empty(operational_case: OperationalCase) -> None:
    database = operational_case.database
    assert database.row_count("pg_sales") == 0
    assert database.daily_totals(ALL_DAYS) == []
    assert database.unhashed_ids("pg_sales", ALL_DAYS) == {}
    assert database.preview("pg_sales", ALL_DAYS, 5).num_rows == 0


def test_the_mart_is_counted_totalled_checked_and_previewed(
    operational_case: OperationalCase,
) -> None:
    price = Decimal("0.10")
    land(
        operational_case.lake,
        "a.csv",
        *(Row(str(n), price=price, quantity=1) for n in range(10)),
        Row("T9", DAYS[1], clear=True),
        Row("x", DAYS[4]),
    )
    operational_case.raw.load(ALL_DAYS)
    operational_case.build_marts()
    database = operational_case.database
    assert database.row_count("pg_sales") == 12
    assert database.daily_totals(DateWindow(DAYS[0], DAYS[2])) == [
        DayTotals(DAYS[0], rows=10, quantity=10, amount=Decimal(1)),
        DayTotals(DAYS[1], rows=1, quantity=2, amount=Decimal(25)),
    ]
    assert database.unhashed_ids("pg_sales", ALL_DAYS) == {DAYS[1]: 1}
    assert database.preview("pg_sales", ALL_DAYS, 3)["sale_date"].to_pylist() == [DAYS[0]] * 3


def test_a_load_is_unfinished_until_it_is_finished_under_its_own_id(
    operational_case: OperationalCase,
) -> None:
    database, lake = operational_case.database, operational_case.lake
    manifest = land(lake, "one", Row("a"), Row("b", day=DAYS[1]))
    database.replace_partitions(lake, lake.files(ALL_DAYS), ALL_DAYS, "first")
    assert database.finished_batches() == {}

    second_day = DateWindow.of_day(DAYS[1])
    database.replace_partitions(lake, lake.files(second_day), second_day, "second")
    database.finish("first")
    assert database.finished_batches() == {DAYS[0]: frozenset({manifest.batch_id})}

    database.finish("second")
    assert database.finished_batches() == database.loaded_batches()
