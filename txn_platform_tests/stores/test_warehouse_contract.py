"""What every warehouse promises beyond loading the raw table."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from txn_platform.errors import StoreError
from txn_platform.stores.ports import SUMMARY_SCHEMA, DayTotals, WarehouseTable
from txn_platform.windows import DateWindow
from txn_platform_tests.stores.batches import ALL_DAYS, DAYS, Row, land
from txn_platform_tests.stores.cases import EVER, WarehouseCase

NOVEMBER = date(2023, 11, 3)
PUBLISHED_AT = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)


def load(case: WarehouseCase, *rows: Row) -> None:
    land(case.lake, "a.csv", *rows)
    case.raw.load(EVER)


def published(case: WarehouseCase, mart: WarehouseTable) -> set[tuple[object, ...]]:
    return {tuple(row.values()) for row in case.published(mart)}


def test_the_schema_can_be_ensured_again_and_by_several_at_once(
    warehouse_case: WarehouseCase,
) -> None:
    handles = [warehouse_case.reopen() for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda handle: handle.ensure_schema(), handles))
    assert warehouse_case.warehouse.row_count("raw_transactions") == 0


def test_marts_that_are_not_built_read_as_empty(warehouse_case: WarehouseCase) -> None:
    warehouse = warehouse_case.warehouse
    assert warehouse.row_count("fact_sales") == 0
    assert warehouse.daily_totals(ALL_DAYS) == []
    assert warehouse.unhashed_ids("fact_sales", ALL_DAYS) == {}
    assert warehouse.preview("summary_sales", ALL_DAYS, 5).num_rows == 0
    assert warehouse.summary().num_rows == 0
    assert warehouse.summary().schema.equals(SUMMARY_SCHEMA)


def test_marts_that_are_not_built_can_not_be_published(warehouse_case: WarehouseCase) -> None:
    with pytest.raises(StoreError, match="Materialize"):
        warehouse_case.warehouse.publish("first", PUBLISHED_AT)


def test_daily_totals_are_exact(warehouse_case: WarehouseCase) -> None:
    tenth = Decimal("0.1")
    load(
        warehouse_case,
        *(Row(str(n), price=tenth, quantity=1) for n in range(10)),
        Row("x", DAYS[2], price=Decimal("1234567.89"), quantity=100),
        Row("y", DAYS[4]),
    )
    warehouse_case.build_marts()
    assert warehouse_case.warehouse.daily_totals(DateWindow(DAYS[0], DAYS[4])) == [
        DayTotals(DAYS[0], rows=10, quantity=10, amount=Decimal(1)),
        DayTotals(DAYS[2], rows=1, quantity=100, amount=Decimal(123456789)),
    ]


def test_the_summary_is_exact_and_ordered_by_month_and_product(
    warehouse_case: WarehouseCase,
) -> None:
    load(
        warehouse_case,
        Row("1", price=Decimal("10.10"), quantity=3, product="Halal B"),
        Row("2", NOVEMBER, product="Halal A"),
        Row("3", product="Halal A"),
    )
    warehouse_case.build_marts()
    summary = warehouse_case.warehouse.summary()
    assert summary.schema.equals(SUMMARY_SCHEMA)
    november, price = date(2023, 11, 1), Decimal("12.5")
    assert [tuple(row.values()) for row in summary.to_pylist()] == [
        ("Halal A", DAYS[0], 25, price, 2, 1),
        ("Halal B", DAYS[0], Decimal("30.3"), Decimal("10.1"), 3, 1),
        ("Halal A", november, 25, price, 2, 1),
    ]


def test_marts_are_counted_checked_and_previewed(warehouse_case: WarehouseCase) -> None:
    load(warehouse_case, Row("1"), Row("T2", NOVEMBER, clear=True))
    warehouse_case.build_marts()
    warehouse = warehouse_case.warehouse
    assert warehouse.row_count("fact_sales") == 2
    assert warehouse.row_count("summary_sales") == 2
    assert warehouse.unhashed_ids("fact_sales", EVER) == {NOVEMBER: 1}
    (sale,) = warehouse.preview("fact_sales", ALL_DAYS, 5).to_pylist()
    assert (sale["sale_date"], sale["amount"]) == (DAYS[0], 25)


def test_a_month_of_the_summary_is_previewed_when_the_window_overlaps_it(
    warehouse_case: WarehouseCase,
) -> None:
    load(warehouse_case, Row("1"), Row("2", NOVEMBER))
    warehouse_case.build_marts()
    preview = warehouse_case.warehouse.preview("summary_sales", DateWindow.of_day(NOVEMBER), 5)
    assert preview["sale_month"].to_pylist() == [date(2023, 11, 1)]


def test_the_published_summaries_are_those_of_the_marts_under_the_given_id_and_time(
    warehouse_case: WarehouseCase,
) -> None:
    load(warehouse_case, Row("1", quantity=3), Row("2", DAYS[1]), Row("3", NOVEMBER))
    warehouse_case.build_marts()
    warehouse_case.warehouse.publish("first", PUBLISHED_AT)
    price = Decimal("12.5")
    assert published(warehouse_case, "summary_sales") == {
        ("Halal Laptop", DAYS[0], Decimal("62.5"), price, 5, 2, "first", PUBLISHED_AT),
        ("Halal Laptop", date(2023, 11, 1), Decimal(25), price, 2, 1, "first", PUBLISHED_AT),
    }
    assert published(warehouse_case, "summary_sales_daily") == {
        ("Halal Laptop", DAYS[0], Decimal("37.5"), price, 3, 1, "first", PUBLISHED_AT),
        ("Halal Laptop", DAYS[1], Decimal(25), price, 2, 1, "first", PUBLISHED_AT),
        ("Halal Laptop", NOVEMBER, Decimal(25), price, 2, 1, "first", PUBLISHED_AT),
    }


def test_readers_see_new_marts_when_they_are_published_and_then_no_others(
    warehouse_case: WarehouseCase,
) -> None:
    load(warehouse_case, Row("1"), Row("2", NOVEMBER))
    warehouse_case.build_marts()
    warehouse_case.warehouse.publish("first", PUBLISHED_AT)
    warehouse_case.raw.replace([], DateWindow.of_day(NOVEMBER))
    warehouse_case.build_marts()
    assert len(published(warehouse_case, "summary_sales")) == 2

    later = PUBLISHED_AT + timedelta(microseconds=1)
    warehouse_case.reopen().publish("second", later)
    for mart in ("summary_sales", "summary_sales_daily"):
        (row,) = published(warehouse_case, mart)
        assert row[-2:] == ("second", later)


def test_marts_without_a_row_can_be_published(warehouse_case: WarehouseCase) -> None:
    load(warehouse_case, Row("1"))
    warehouse_case.build_marts()
    warehouse_case.warehouse.publish("first", PUBLISHED_AT)
    warehouse_case.raw.replace([], EVER)
    warehouse_case.build_marts()
    warehouse_case.warehouse.publish("second", PUBLISHED_AT)
    assert published(warehouse_case, "summary_sales") == set()


def test_the_adapter_and_dbt_work_inside_the_exclusive_right(
    warehouse_case: WarehouseCase,
) -> None:
    with warehouse_case.warehouse.exclusive(), warehouse_case.reopen().exclusive():
        load(warehouse_case, Row("1"))
        warehouse_case.build_marts()
        assert warehouse_case.warehouse.row_count("fact_sales") == 1
