"""The summaries are exact, and round as PostgreSQL's numeric does."""

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txn_platform_tests.transform.marts import Mart, Row, day

EXISTS = "select count(*) from information_schema.tables where table_name = 'summary_sales'"
SUMMARY = "select * from transactions_mart.summary_sales order by sale_month, product"

DAILY = "select * from transactions_mart.summary_sales_daily order by sale_date, product"


def summary(mart: Mart) -> list[tuple[Any, ...]]:
    return mart.query(SUMMARY)


def test_a_month_has_one_row_for_each_product(warehouse: Mart) -> None:
    warehouse.land(
        Row("A", day=0, price="10.00", quantity=2),
        Row("B", day=30, price="20.00", quantity=1),
        Row("C", day=31, price="20.00", quantity=1),
        Row("D", day=31, price="30.00", quantity=1, product="Halal Lamb"),
    )
    warehouse.must_build()
    assert summary(warehouse) == [
        ("Halal Beef", day(0), Decimal("40.00"), Decimal("15.00"), 3, 2),
        ("Halal Beef", day(31), Decimal("20.00"), Decimal("20.00"), 1, 1),
        ("Halal Lamb", day(31), Decimal("30.00"), Decimal("30.00"), 1, 1),
    ]


def test_a_sale_date_has_one_row_for_each_product_of_that_day(warehouse: Mart) -> None:
    warehouse.land(
        Row("A", day=30, price="10.00", quantity=2),
        Row("B", day=30, price="10.01", quantity=1),
        Row("C", day=31, price="20.00", quantity=1),
        Row("D", day=31, price="30.00", quantity=1, product="Halal Lamb"),
    )
    warehouse.must_build()
    assert warehouse.query(DAILY) == [
        ("Halal Beef", day(30), Decimal("30.01"), Decimal("10.01"), 3, 2),
        ("Halal Beef", day(31), Decimal("20.00"), Decimal("20.00"), 1, 1),
        ("Halal Lamb", day(31), Decimal("30.00"), Decimal("30.00"), 1, 1),
    ]


def test_half_a_cent_is_rounded_up(warehouse: Mart) -> None:
    warehouse.land(Row("A", price="10.00"), Row("B", price="10.01"))
    warehouse.must_build()
    assert summary(warehouse)[0][3] == Decimal("10.01")


def test_totals_of_the_largest_amounts_are_exact(warehouse: Mart) -> None:
    warehouse.land(*(Row(str(n), price="999999999999.99", quantity=100) for n in range(3)))
    warehouse.must_build()
    _, _, total, average, _, _ = summary(warehouse)[0]
    assert total == Decimal("299999999999997.00")
    assert average == Decimal("999999999999.99")


def test_an_empty_mart_has_an_empty_summary(warehouse: Mart) -> None:
    warehouse.must_build()
    assert summary(warehouse) == []


PRICES = st.decimals(min_value=10, max_value=Decimal(10) ** 12 - 1, places=2)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(prices=st.lists(PRICES, min_size=1, max_size=9))
def test_the_average_is_rounded_as_exact_arithmetic_does(
    warehouse: Mart, prices: list[Decimal]
) -> None:
    """Half up, of the exact quotient: no float and no second rounding."""
    if not warehouse.query(EXISTS)[0][0]:
        warehouse.must_build()
    warehouse.query("delete from {mart}")
    values = ", ".join(f"('A', 'P', {price}, 1, {price}, '2023-10-01')" for price in prices)
    warehouse.query(f"insert into {{mart}} values {values}")
    cents = sum(int(price * 100) for price in prices)
    half_up = (2 * cents + len(prices)) // (2 * len(prices))
    assert summary(warehouse)[0][3] == Decimal(half_up) / 100
