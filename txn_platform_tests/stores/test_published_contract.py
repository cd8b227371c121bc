"""What all published marts promise their readers."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txn_platform.errors import StoreError
from txn_platform.stores.published import Reading, SortKey, SummaryFilter
from txn_platform_tests.stores.published_cases import (
    FIRST,
    MONTHS,
    PRODUCTS,
    PUBLISHED,
    PublishedCase,
    Sales,
    by_day,
    expected,
    objects,
    some_sales,
    totals,
)

EVERYTHING = SummaryFilter()
SALES = some_sales()
MEASURES = ["total_amount", "avg_price", "total_quantity", "transaction_count"]
MANY = 1000


@pytest.fixture(params=PUBLISHED)
def unpublished(request: pytest.FixtureRequest) -> Iterator[PublishedCase]:
    with PUBLISHED[request.param](request) as case:
        yield case


@pytest.fixture
def case(unpublished: PublishedCase) -> PublishedCase:
    unpublished.publish_sales(SALES)
    return unpublished


amounts = st.sampled_from(
    [Decimal(text) for text in ("-1", "0", "0.1", "12.5", "12.505", "12.51", "1e3", "1e40")]
)
filters = st.builds(
    SummaryFilter,
    product_prefix=st.none()
    | st.sampled_from([product[:length] for product in PRODUCTS for length in range(12)])
    | st.sampled_from(["%", "_", "Halal\\", "HALAL", "\ud7ff", "zzz"]),
    months=st.lists(st.sampled_from([*MONTHS, date(2023, 12, 1)]), max_size=2).map(tuple),
    min_amount=st.none() | amounts,
    max_quantity=st.none() | st.sampled_from([-1, 0, 1, 2, 99, 100, 10**30]),
    min_avg_price=st.none() | amounts,
    max_avg_price=st.none() | amounts,
)
orders = st.lists(
    st.builds(
        SortKey, st.sampled_from(["product", "sale_month", *MEASURES]), descending=st.booleans()
    ),
    max_size=3,
)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    filters=filters,
    sort=orders,
    limit=st.sampled_from([1, 2, 7, MANY]),
    offset=st.sampled_from([0, 1, 5, 39, MANY, 2**62]),
)
def test_a_page_is_what_filtering_and_sorting_all_rows_gives(
    case: PublishedCase, filters: SummaryFilter, sort: list[SortKey], limit: int, offset: int
) -> None:
    page = case.marts.summary(filters, sort, limit, offset)
    rows = expected(SALES, filters, sort)
    assert objects(page) == rows[offset : offset + limit]
    assert page.count == len(rows[offset : offset + limit])
    assert page.total == len(rows)
    assert page.materialization == FIRST


@pytest.mark.parametrize(
    "filters",
    [
        SummaryFilter(product_prefix="Halal"),
        SummaryFilter(months=(MONTHS[1],)),
        SummaryFilter(months=(MONTHS[1], MONTHS[1])),
        SummaryFilter(min_amount=Decimal("12.51")),
        SummaryFilter(max_quantity=2),
        SummaryFilter(min_avg_price=Decimal("2.25")),
        SummaryFilter(max_avg_price=Decimal("2.25")),
        SummaryFilter("Halal", (MONTHS[0],), Decimal(1), 99, Decimal(1), Decimal(10)),
    ],
)
def test_each_filter_alone_and_all_together_select_some_rows(
    case: PublishedCase, filters: SummaryFilter
) -> None:
    page = case.marts.summary(filters, [], MANY, 0)
    assert objects(page) == expected(SALES, filters, [])
    assert 0 < page.total < len(SALES)


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("100%", ["100% Halal"]),
        ("100_", ["100_ Halal"]),
        ("Halal *", ["Halal *?[a]"]),
        ("Halal \\", []),
        ("hal", ["halal"]),
        ("Hå", ["Hålal"]),
        ("Halal \ud7ff", ["Halal \ud7ffa"]),
        ("😀", ["😀 Halal"]),
        ("\U0010ffff", ["\U0010ffff\U0010ffff"]),
        ("", sorted(PRODUCTS)),
    ],
)
def test_a_prefix_is_taken_literally(case: PublishedCase, prefix: str, found: list[str]) -> None:
    one_each = [Sales(product, MONTHS[0], Decimal(1), Decimal(1), 1, 1) for product in PRODUCTS]
    case.publish_sales(one_each, "second")
    page = case.marts.summary(SummaryFilter(product_prefix=prefix), [], MANY, 0)
    assert [row["product"] for row in objects(page)] == found


def test_rows_without_an_order_and_ties_come_by_month_and_product(case: PublishedCase) -> None:
    page = case.marts.summary(EVERYTHING, [], MANY, 0)
    keys = [(row["sale_month"], row["product"]) for row in objects(page)]
    assert keys == sorted(keys)
    page = case.marts.summary(EVERYTHING, [SortKey("total_amount", descending=True)], MANY, 0)
    tied = [(-row["total_amount"], row["sale_month"], row["product"]) for row in objects(page)]
    assert tied == sorted(tied)
    assert len({amount for amount, _, _ in tied}) < len(tied)


def test_an_offset_beyond_the_end_gives_no_rows_and_the_right_total(case: PublishedCase) -> None:
    page = case.marts.summary(EVERYTHING, [], 10, len(SALES))
    assert (page.rows, page.count, page.total) == (b"[]", 0, len(SALES))
    assert page.materialization == FIRST


def test_two_different_months_select_nothing(case: PublishedCase) -> None:
    page = case.marts.summary(SummaryFilter(months=MONTHS[:2]), [], 10, 0)
    assert (page.rows, page.count, page.total) == (b"[]", 0, 0)
    assert page.materialization == FIRST


def test_a_page_is_compact_json_with_exact_amounts(case: PublishedCase) -> None:
    case.publish_sales([Sales('"ä\n', MONTHS[0], Decimal("20.5"), Decimal(3), 4, 5)], "second")
    assert re.fullmatch(
        rb'\[{"product":"\\"\xc3\xa4\\n","sale_month":"2023-10-01","total_amount":20.50?,'
        rb'"avg_price":3.00,"total_quantity":4,"transaction_count":5}\]',
        case.marts.summary(EVERYTHING, [], 10, 0).rows,
    )


def test_months_are_the_totals_over_all_products(case: PublishedCase) -> None:
    reading = case.marts.months(None)
    assert tuples(reading, "sale_month", *MEASURES) == totals(SALES)
    assert reading.materialization == FIRST


def test_months_of_one_product_are_its_rows(case: PublishedCase) -> None:
    own = [row for row in SALES if row.product == "Halal äpfel"]
    reading = case.marts.months("Halal äpfel")
    assert tuples(reading, "sale_month", *MEASURES) == totals(own)
    assert own
    assert tuples(case.marts.months("Halal äpfe"), "sale_month", *MEASURES) == []


def test_products_of_a_month_come_by_amount(case: PublishedCase) -> None:
    rows = expected(
        SALES, SummaryFilter(months=(MONTHS[2],)), [SortKey("total_amount", descending=True)]
    )
    reading = case.marts.products(MONTHS[2])
    assert tuples(reading, "product", *MEASURES) == [
        tuple(row[name] for name in ("product", *MEASURES)) for row in rows
    ]
    assert rows
    assert reading.materialization == FIRST


@pytest.mark.parametrize("product", [None, "Halal Zebra", "Halal"])
def test_days_of_a_month_are_totals_from_its_first_to_its_last_day(
    case: PublishedCase, product: str | None
) -> None:
    daily = [
        row
        for row in by_day(SALES)
        if row.day.month == 10 and (product is None or row.product == product)
    ]
    reading = case.marts.days(MONTHS[0], product)
    assert tuples(reading, "sale_date", *MEASURES) == totals(daily)


@pytest.mark.parametrize("month", [date(1, 1, 1), date(2023, 12, 1), date(9999, 12, 1)])
def test_a_month_without_sales_has_no_days_and_no_products(
    case: PublishedCase, month: date
) -> None:
    for reading in (case.marts.days(month, None), case.marts.products(month)):
        assert reading.rows.num_rows == 0
        assert reading.materialization == FIRST


def test_means_round_half_up_and_large_sums_are_exact(case: PublishedCase) -> None:
    month, cent = MONTHS[0], Decimal("0.01")
    case.publish_sales(
        [
            Sales("a", month, Decimal("90071992547409.93"), cent, 1, 1),
            Sales("b", month, Decimal("0.01"), 2 * cent, 2, 1),
        ],
        "second",
    )
    [row] = tuples(case.marts.months(None), "sale_month", *MEASURES)
    assert row == (month, Decimal("90071992547409.94"), 2 * cent, 3, 2)


def test_empty_marts_are_published_as_such(unpublished: PublishedCase) -> None:
    marts = unpublished.marts
    unpublished.publish_sales([])
    page = marts.summary(SummaryFilter(product_prefix="H"), [SortKey("product")], 10, 0)
    assert (page.rows, page.count, page.total) == (b"[]", 0, 0)
    for reading, key in (
        (marts.months(None), "sale_month"),
        (marts.months("x"), "sale_month"),
        (marts.products(MONTHS[0]), "product"),
        (marts.days(MONTHS[0], None), "sale_date"),
        (marts.days(MONTHS[0], "x"), "sale_date"),
    ):
        assert reading.rows.column_names == [key, *MEASURES]
        assert reading.rows.num_rows == 0
        assert reading.materialization == page.materialization


def test_a_new_publication_is_seen_at_once_under_its_own_materialization(
    case: PublishedCase,
) -> None:
    later = datetime(2024, 2, 2, tzinfo=UTC)
    assert case.marts.summary(EVERYTHING, [], 1, 0).total == len(SALES)
    case.publish(SALES[:2], by_day(SALES[:1]), "second", later)
    page = case.marts.summary(EVERYTHING, [], 10, 0)
    assert page.total == 2
    assert case.marts.days(SALES[0].day, None).rows.num_rows == 3
    assert page.materialization.materialization_id == "second"
    assert page.materialization.materialized_at == later
    assert page.materialization.materialized_at.tzinfo is UTC


def test_before_anything_is_published_reading_is_an_error_with_the_next_step(
    unpublished: PublishedCase,
) -> None:
    marts = unpublished.marts
    for read in (
        lambda: marts.summary(EVERYTHING, [], 10, 0),
        lambda: marts.months(None),
        lambda: marts.products(MONTHS[0]),
        lambda: marts.days(MONTHS[0], None),
    ):
        with pytest.raises(StoreError, match="Materialize the marts") as caught:
            read()
        assert not caught.value.transient


def tuples(reading: Reading, *columns: str) -> list[tuple[object, ...]]:
    """The rows, which must have exactly these columns."""
    assert reading.rows.column_names == list(columns)
    return [tuple(row.values()) for row in reading.rows.to_pylist()]
