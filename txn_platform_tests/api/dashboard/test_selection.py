from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from api.dashboard.selection import Selection, address_query, read_selection


def test_month_and_product_are_read() -> None:
    chosen = read_selection(QueryParams("month=2023-10&product=Halal+Mouse"))
    assert chosen == Selection(date(2023, 10, 1), "Halal Mouse")
    assert chosen.query == "?month=2023-10&product=Halal+Mouse"


def test_empty_values_choose_nothing() -> None:
    assert read_selection(QueryParams("month=&product=")) == Selection()
    assert Selection().query == ""


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("month=2023-13", "month"),
        ("month=2023-1", "month"),
        ("month=2023-10-01", "month"),
        ("month=0001-01", "month"),
        ("month=9999-12", "month"),
        ("month=%D9%A2%D9%A0%D9%A2%D9%A3-10", "month"),
        ("month=2023-10&month=2023-11", "month"),
        ("product=" + "a" * 257, "product"),
        ("product=a%00b", "product"),
        ("product=a&product=b", "product"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_repeated(query: str, name: str) -> None:
    (fault,) = read_selection(QueryParams(query)).faults
    assert (fault.name, fault.location) == (name, "query")
    assert "13" not in fault.reason
    assert "aaa" not in fault.reason


@given(st.text(), st.text())
def test_no_text_can_break_the_reading(month: str, product: str) -> None:
    chosen = read_selection(QueryParams([("month", month), ("product", product)]))
    again = read_selection(QueryParams(chosen.query.removeprefix("?")))
    assert (again.month, again.product) == (chosen.month, chosen.product)


def test_a_name_is_escaped_in_an_address() -> None:
    assert address_query(None, 'a&month=2023-10#"') == "?product=a%26month%3D2023-10%23%22"
