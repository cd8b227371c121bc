import re
from collections.abc import Generator
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.marts.filters import OPERATIONAL_COLUMNS, SUMMARY_COLUMNS, OperationalFilters, TrendFilters
from api.marts.parameters import Sorting
from txn_platform_tests.api.conftest import Databases
from txn_platform_tests.api.marts.support import ConstantMarts, Pipeline, Serving, serving

BOTH = [
    ("product_prefix", "Halal'%3B--"),
    ("product_prefix", "Halal%25"),
    ("product_prefix", "Halal_"),
    ("product_prefix", "Caf%C3%A9"),
    ("product_prefix", "a%00b"),
    ("product_prefix", "a%0A"),
    ("product_prefix", "%FF"),
    ("product_prefix", "x" * 257),
    ("sale_month", ""),
    ("sale_month", "2023-13"),
    ("sale_month", "2023-00"),
    ("sale_month", "0000-01"),
    ("sale_month", "2023-1"),
    ("sale_month", "2023-10-32"),
    ("sale_month", "2023-02-29"),
    ("sale_month", "20231001"),
    ("sale_month", "2023-10-01T00:00:00"),
    ("sale_month", "2023-10%0A"),
    ("sale_month", "1696118400"),
    ("sale_month", "%D9%A2%D9%A0%D9%A2%D9%A3-10"),
    ("sale_month", "October"),
    ("month", "2023-13"),
    ("month", "null"),
    *[
        (name, value)
        for name in ("min_amount", "min_avg_price", "max_avg_price")
        for value in (
            *("", "abc", "-1", "%2B1", "1e3", "NaN", "inf", "-Infinity", "1_000", "1,000", ".5"),
            *("5.", "0x10", "1.0000001", "1" * 19, "%D9%A1", "null", "1%0A", "%201"),
        )
    ],
    *[
        ("max_quantity", value)
        for value in ("", "-1", "1.5", "1e3", "1_0", "abc", "9223372036854775808", "null", "%2B1")
    ],
    *[
        ("limit", value)
        for value in ("0", "1001", "-1", "", "ten", "1.5", "5.0", "1_0", "%2010", "null", "9" * 40)
    ],
    *[("offset", value) for value in ("-1", "", "x", "2147483648", "1e2", "9" * 5000)],
    *[
        ("sort", value)
        for value in (
            *("", "amount", "product;drop", "--product", "+product", "product,", ",product", "-"),
            *("product,product", "product,-product", "product desc", "Product", "product%0A"),
            "product,sale_month,total_amount,avg_price,total_quantity",
        )
    ],
    ("unknown", "1"),
    ("Limit", "1"),
    ("", "1"),
]


@pytest.fixture(scope="module")
def lasting_api(databases: Databases) -> Generator[Serving]:
    """The routes on a summary of one row and an operational mart of none."""
    with databases.copy() as name:
        pipeline = Pipeline(databases.as_owner(name))
        pipeline.create_sales()
        pipeline.publish("summary_sales", "constant", datetime(2024, 1, 1, tzinfo=UTC))
        last = pipeline.materialize_sales([])
        with serving(databases.as_api(name), ConstantMarts()) as api:
            api.sees("pg_sales", last)
            yield api


@pytest.mark.parametrize(("name", "value"), BOTH)
@pytest.mark.parametrize("route", ["trends", "pg-trends"])
def test_a_bad_value_is_422_and_names_the_parameter(
    lasting_api: Serving, route: str, name: str, value: str
) -> None:
    answer = lasting_api.get(f"/api/v1/sales/{route}", f"{name}={value}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    [problem] = answer.json()["parameters"]
    assert problem["name"] == name or (name == "" and problem["name"] == "query")
    assert problem["in"] == "query"


@pytest.mark.parametrize("name", [*TrendFilters.model_fields, "unknown"])
def test_a_bad_value_is_not_repeated(lasting_api: Serving, name: str) -> None:
    answer = lasting_api.trends(f"{name}=s%21cret")
    assert answer.status_code == 422
    assert "cret" not in answer.text


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize(
    "value", ["", "2023-10", "2023-13-01", "2023-10-32", "today", "0000-01-01"]
)
def test_a_bad_date_is_422_and_names_the_parameter(
    lasting_api: Serving, name: str, value: str
) -> None:
    answer = lasting_api.pg_trends(f"{name}={value}")
    assert answer.status_code == 422
    assert [problem["name"] for problem in answer.json()["parameters"]] == [name]


@pytest.mark.parametrize("query", ["date_from=2023-10-01", "sort=sale_date", "transaction_id=x"])
def test_what_only_the_operational_view_has_is_422_on_trends(
    lasting_api: Serving, query: str
) -> None:
    assert lasting_api.trends(query).status_code == 422


def test_everything_wrong_is_named_at_once(lasting_api: Serving) -> None:
    answer = lasting_api.trends("limit=0&sale_month=x&colour=red")
    named = {problem["name"] for problem in answer.json()["parameters"]}
    assert named == {"limit", "sale_month", "colour"}


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=1&limit=1", "sort=product&%73ort="])
def test_a_parameter_given_twice_is_422(lasting_api: Serving, query: str) -> None:
    for _ in range(2):
        answer = lasting_api.trends(query)
        assert answer.status_code == 422
        [problem] = answer.json()["parameters"]
        assert "more than once" in problem["reason"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&",
        "limit=1",
        "limit=1000",
        "offset=2147483647",
        "product_prefix=",
        f"product_prefix={'x' * 256}",
        "sale_month=0001-01",
        "sale_month=9999-12",
        "month=9999-12-31",
        "min_amount=0",
        "min_amount=999999999999999999.999999",
        "max_quantity=0",
        "max_quantity=9223372036854775807",
        "min_avg_price=2&max_avg_price=1",
        "sort=product,-sale_month,total_amount,-avg_price",
        "sort=-total_quantity,transaction_count",
    ],
)
@pytest.mark.parametrize("route", ["trends", "pg-trends"])
def test_what_is_just_within_the_rules_is_accepted(
    lasting_api: Serving, route: str, query: str
) -> None:
    assert lasting_api.get(f"/api/v1/sales/{route}", query).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "date_from=0001-01-01&date_to=9999-12-31",
        "date_from=2023-10-02&date_to=2023-10-01",
        "sort=-transaction_id,sale_date",
    ],
)
def test_dates_within_the_rules_are_accepted(lasting_api: Serving, query: str) -> None:
    assert lasting_api.pg_trends(query).status_code == 200


@pytest.mark.parametrize(
    ("given_filters", "window"),
    [
        ({}, (None, None)),
        ({"date_from": "2023-10-02"}, (date(2023, 10, 2), None)),
        ({"date_to": "2023-10-31"}, (None, date(2023, 11, 1))),
        ({"date_to": "9999-12-31"}, (None, None)),
        ({"sale_month": "2023-12"}, (date(2023, 12, 1), date(2024, 1, 1))),
        ({"sale_month": "2024-02-29"}, (date(2024, 2, 1), date(2024, 3, 1))),
        ({"sale_month": "9999-12"}, (date(9999, 12, 1), None)),
        ({"sale_month": "2023-10", "month": "2023-11"}, (date(2023, 11, 1), date(2023, 11, 1))),
        (
            {"sale_month": "2023-10", "date_from": "2023-10-05", "date_to": "2023-12-01"},
            (date(2023, 10, 5), date(2023, 11, 1)),
        ),
    ],
)
def test_inclusive_dates_make_a_half_open_window(
    given_filters: dict[str, str], window: tuple[date | None, date | None]
) -> None:
    assert OperationalFilters.model_validate(given_filters).window() == window


def _amounts() -> st.SearchStrategy[str]:
    return st.decimals(min_value=0, max_value=Decimal(10) ** 17, places=6).map(lambda n: f"{n:f}")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "product_prefix": st.from_regex(r"[A-Za-z0-9 ]{0,20}", fullmatch=True),
            "sale_month": st.dates().map(date.isoformat),
            "month": st.dates().map(lambda day: day.isoformat()[:7]),
            "min_amount": _amounts(),
            "max_quantity": st.integers(0, 2**63 - 1).map(str),
            "min_avg_price": _amounts(),
            "limit": st.integers(1, 1000).map(str),
            "date_from": st.dates().map(date.isoformat),
            "sort": st.permutations(OPERATIONAL_COLUMNS).map(lambda keys: ",".join(keys[:4])),
        },
    )
)
def test_the_canonical_query_means_the_same(texts: dict[str, str]) -> None:
    filters = OperationalFilters.model_validate(texts)
    again = OperationalFilters.model_validate(dict(parse_qsl(filters.canonical)))
    assert again.canonical == filters.canonical
    assert again.window() == filters.window()
    assert again.min_amount == filters.min_amount
    assert again.sort_keys() == filters.sort_keys()
    assert (again.product_prefix or None) == (filters.product_prefix or None)


@given(
    st.text(alphabet="-,abcdegilmnopqrstuvxy_ \n", max_size=60) | st.sampled_from(SUMMARY_COLUMNS)
)
def test_sort_accepts_exactly_what_its_documented_pattern_matches(text: str) -> None:
    documented = re.fullmatch(Sorting(SUMMARY_COLUMNS).pattern, text) is not None
    try:
        TrendFilters(sort=text)
        accepted = True
    except ValidationError:
        accepted = False
    assert accepted == documented


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("product", True),
        ("-product,sale_month", True),
        ("product,-product", False),
        ("total_amount,avg_price,total_quantity,transaction_count", True),
        ("total_amount,total_quantity,total_amount", False),
    ],
)
def test_each_column_sorts_once(text: str, accepted: bool) -> None:
    assert (re.fullmatch(Sorting(SUMMARY_COLUMNS).pattern, text) is not None) is accepted
