"""The summary in memory, over rows of every kind."""

import json
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.stores.ports import SUMMARY_SCHEMA
from txn_platform.stores.published import SortKey, SummaryFilter
from txn_platform.stores.published_summary import SummaryIndex
from txn_platform_tests.stores.published_cases import MONTHS, Sales, expected

MEASURES = ["total_amount", "avg_price", "total_quantity", "transaction_count"]

texts = st.text(st.sampled_from('aB%_ "\\\nß\ud7ff\ue000😀\U0010ffff'), max_size=4)
amounts = st.decimals(0, 3, places=2) | st.decimals(0, 10**26, places=2)
sales = st.builds(
    Sales,
    texts,
    st.sampled_from(MONTHS),
    amounts,
    amounts,
    st.integers(0, 3) | st.integers(0, 2**62),
    st.integers(1, 3),
)
tables = st.lists(sales, max_size=30, unique_by=lambda row: (row.day, row.product))
filters = st.builds(
    SummaryFilter,
    st.none() | texts,
    st.lists(st.sampled_from(MONTHS), max_size=2).map(tuple),
    st.none() | amounts,
    st.none() | st.integers(-1, 5),
    st.none() | amounts,
    st.none() | amounts,
)
orders = st.lists(
    st.builds(
        SortKey, st.sampled_from(["product", "sale_month", *MEASURES]), descending=st.booleans()
    ),
    max_size=4,
)


def index_of(rows: list[Sales]) -> SummaryIndex:
    ordered = sorted(rows, key=lambda row: (row.day, row.product))
    columns = {
        "product": [row.product for row in ordered],
        "sale_month": [row.day for row in ordered],
        **{name: [getattr(row, name) for row in ordered] for name in MEASURES},
    }
    return SummaryIndex(pa.table(columns, schema=SUMMARY_SCHEMA))


@given(tables, filters, orders, st.integers(1, 40), st.integers(0, 40))
def test_a_page_is_what_filtering_and_sorting_all_rows_gives(
    rows: list[Sales], filters: SummaryFilter, sort: list[SortKey], limit: int, offset: int
) -> None:
    page = index_of(rows).page(filters, sort, limit, offset)
    wanted = expected(rows, filters, sort)
    assert json.loads(page.rows, parse_float=Decimal) == wanted[offset : offset + limit]
    assert page.count == len(wanted[offset : offset + limit])
    assert page.total == len(wanted)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0.005", b"0.01"),
        ("0.004999999", b"0.00"),
        ("1.115", b"1.12"),
        ("9007199254740993.01", b"9007199254740993.01"),
        ("12345678901234567890123456789.123456789", b"12345678901234567890123456789.12"),
    ],
)
def test_amounts_finer_than_cents_are_rounded_half_up_and_large_ones_exact(
    amount: str, written: bytes
) -> None:
    index = index_of([Sales("a", MONTHS[0], Decimal(amount), Decimal(1), 1, 1)])
    assert b'"total_amount":' + written + b"," in index.page(SummaryFilter(), [], 1, 0).rows


def test_bounds_are_compared_with_the_exact_amounts_and_not_with_the_rounded_ones() -> None:
    index = index_of([Sales("a", MONTHS[0], Decimal("9.995"), Decimal(1), 1, 1)])
    for bound, total in (("9.995", 1), ("9.9950000000001", 0), ("10", 0)):
        assert index.page(SummaryFilter(min_amount=Decimal(bound)), [], 1, 0).total == total


def test_rows_with_a_value_come_with_all_columns_in_order() -> None:
    rows = [
        Sales(product, month, Decimal(1), Decimal(2), 3, 4)
        for product in ("b", "a", "a ")
        for month in reversed(MONTHS)
    ]
    found = index_of(rows).rows_with("product", "a")
    assert found["sale_month"].to_pylist() == list(MONTHS)
    assert found.schema.equals(SUMMARY_SCHEMA)
    found = index_of(rows).rows_with("sale_month", MONTHS[1])
    assert found["product"].to_pylist() == ["a", "a ", "b"]
    assert index_of(rows).rows_with("sale_month", date(2020, 1, 1)).num_rows == 0
