import json
import random
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL

from api.marts.filters import OPERATIONAL_COLUMNS, OperationalFilters
from api.marts.operational import page_query
from txn_platform_tests.api.marts.support import (
    ConstantMarts,
    Pipeline,
    Sale,
    Serving,
    eventually,
    serving,
)

PRODUCTS = ("Halal", "Halal Zebra", "Halal a", 'Halal "quoted" \\ \n', "Halal äpfel", "100_ x")
DAY = date(2023, 10, 30)


def some_sales(number: int, seed: int = 1) -> list[Sale]:
    """Sales around the turn of a month, some of the same transaction on several dates."""
    chance = random.Random(seed)
    sales = {
        (identifier, day): Sale(
            sha256(str(identifier).encode()).hexdigest(),
            chance.choice(PRODUCTS),
            Decimal(chance.randrange(1, 500_00)) / 100,
            chance.randrange(1, 101),
            DAY + timedelta(days=day),
        )
        for identifier in range(number)
        for day in chance.sample(range(4), k=chance.choice([1, 1, 2]))
    }
    return list(sales.values())


def naive(sales: Iterable[Sale]) -> list[dict[str, Any]]:
    """Grouped by transaction, product and sale date, row by row."""

    def group(sale: Sale) -> tuple[date, str, str]:
        return sale.sale_date, sale.transaction_id, sale.product

    rows: list[dict[str, Any]] = []
    for (day, transaction_id, product), group_of in groupby(sorted(sales, key=group), group):
        members = list(group_of)
        mean = sum(sale.price for sale in members) / len(members)
        rows.append(
            {
                "product": product,
                "sale_month": day.replace(day=1).isoformat(),
                "total_amount": sum(sale.amount for sale in members),
                "avg_price": Decimal(mean).quantize(Decimal("0.01"), ROUND_HALF_UP),
                "total_quantity": sum(sale.quantity for sale in members),
                "transaction_count": len(members),
                "transaction_id": transaction_id,
                "sale_date": day.isoformat(),
            }
        )
    return rows


def selected(rows: Iterable[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """What the filters leave, in the order of `sort`."""
    tests = {
        "product_prefix": lambda row, value: row["product"].startswith(value),
        "sale_month": lambda row, value: row["sale_month"][:7] == value[:7],
        "month": lambda row, value: row["sale_month"][:7] == value[:7],
        "min_amount": lambda row, value: row["total_amount"] >= Decimal(value),
        "max_quantity": lambda row, value: row["total_quantity"] <= int(value),
        "min_avg_price": lambda row, value: row["avg_price"] >= Decimal(value),
        "max_avg_price": lambda row, value: row["avg_price"] <= Decimal(value),
        "date_from": lambda row, value: row["sale_date"] >= value,
        "date_to": lambda row, value: row["sale_date"] <= value,
    }
    kept = [
        row
        for row in rows
        if all(tests[name](row, value) for name, value in query.items() if name in tests)
    ]
    for key in reversed(query["sort"].split(",") if "sort" in query else []):
        kept.sort(key=lambda row: row[key.removeprefix("-")], reverse=key.startswith("-"))
    return kept


def decoded(content: bytes) -> list[dict[str, Any]]:
    return json.loads(content, parse_float=Decimal, parse_int=Decimal)


@pytest.fixture
def filled(small_api: Serving, pipeline: Pipeline) -> Serving:
    small_api.sees("pg_sales", pipeline.materialize_sales(some_sales(60)))
    return small_api


queries = st.fixed_dictionaries(
    {},
    optional={
        "product_prefix": st.sampled_from(
            ["Halal", "Halal Z", "Halal ", "H", "halal", "z", "9", "100", ""]
        ),
        "sale_month": st.sampled_from(["2023-10", "2023-11-15", "2024-01"]),
        "month": st.sampled_from(["2023-10-31", "2023-11"]),
        "min_amount": st.sampled_from(["0", "100.50", "20000", "999999999999999999"]),
        "max_quantity": st.sampled_from(["0", "1", "50", "9223372036854775807"]),
        "min_avg_price": st.sampled_from(["0.01", "250"]),
        "max_avg_price": st.sampled_from(["0", "250.01"]),
        "date_from": st.sampled_from(["2023-10-30", "2023-10-31", "2023-11-02", "9999-12-31"]),
        "date_to": st.sampled_from(["2023-10-30", "2023-11-01", "0001-01-01", "9999-12-31"]),
        "sort": st.lists(
            st.tuples(st.sampled_from(["", "-"]), st.sampled_from(OPERATIONAL_COLUMNS)),
            min_size=1,
            max_size=4,
            unique_by=lambda key: key[1],
        ).map(lambda keys: ",".join("".join(key) for key in keys)),
    },
)


@given(query=queries, page=st.tuples(st.integers(1, 40), st.integers(0, 100)))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_answer_equals_a_naive_grouping_of_the_table(
    filled: Serving, query: dict[str, str], page: tuple[int, int]
) -> None:
    limit, offset = page
    answer = filled.pg_trends(urlencode({**query, "limit": limit, "offset": offset}))
    expected = selected(naive(some_sales(60)), query)
    assert answer.status_code == 200
    assert decoded(answer.content) == expected[offset : offset + limit]
    assert answer.headers["X-Total-Count"] == str(len(expected))
    assert filled.states[-1]["result_count"] == len(expected[offset : offset + limit])


def test_an_answer_says_which_materialization_it_shows(
    small_api: Serving, pipeline: Pipeline
) -> None:
    last = pipeline.materialize_sales(some_sales(3))
    small_api.sees("pg_sales", last)
    answer = small_api.pg_trends("date_from=2023-10-30&limit=1")
    assert answer.headers["X-Materialization-Id"] == last
    assert answer.headers["X-Materialized-At"].endswith("Z")
    assert answer.headers["ETag"]
    assert answer.links["next"]["url"] == (
        "/api/v1/sales/pg-trends?date_from=2023-10-30&limit=1&offset=1"
    )
    unchanged = small_api.pg_trends(
        "date_from=2023-10-30&limit=1", **{"If-None-Match": answer.headers["ETag"]}
    )
    assert unchanged.status_code == 304


@pytest.mark.parametrize("query", ["", "min_amount=0", "sort=-total_amount", "sort=product"])
def test_following_next_shows_every_row_exactly_once(filled: Serving, query: str) -> None:
    path, seen = "/api/v1/sales/pg-trends", list[dict[str, Any]]()
    text = "&".join(part for part in (query, "limit=13") if part)
    while True:
        answer = filled.get(path, text)
        seen += decoded(answer.content)
        if "next" not in answer.links:
            break
        path, _, text = answer.links["next"]["url"].partition("?")
    key = ("sale_date", "transaction_id")
    rows = naive(some_sales(60))
    assert sorted(seen, key=lambda row: [row[name] for name in key]) == rows
    assert answer.headers["X-Total-Count"] == str(len(rows))


def test_a_new_materialization_is_visible_with_its_own_total(
    filled: Serving, pipeline: Pipeline
) -> None:
    assert filled.pg_trends("product_prefix=Halal").json()
    filled.sees("pg_sales", pipeline.materialize_sales(some_sales(2, seed=3)))
    expected = selected(naive(some_sales(2, seed=3)), {"product_prefix": "Halal"})
    answer = filled.pg_trends("product_prefix=Halal")
    assert decoded(answer.content) == expected
    assert answer.headers["X-Total-Count"] == str(len(expected))
    assert filled.pg_trends().headers["X-Total-Count"] == str(len(some_sales(2, seed=3)))


def test_rows_total_and_materialization_belong_together_while_the_mart_is_replaced(
    small_api: Serving, pipeline: Pipeline
) -> None:
    sizes = {pipeline.materialize_sales(some_sales(1)): len(some_sales(1))}
    small_api.sees("pg_sales", next(iter(sizes)))
    shown = set[str]()
    for number in range(2, 12):
        sales = some_sales(number)
        # Its rows are committed together with its marker, long before the watch looks again.
        sizes[pipeline.materialize_sales(sales)] = len(sales)
        answer = small_api.pg_trends(f"limit=1000&max_quantity={100 + number}")
        shown.add(answer.headers["X-Materialization-Id"])
        size = sizes[answer.headers["X-Materialization-Id"]]
        assert answer.headers["X-Total-Count"] == str(size)
        assert len(answer.json()) == size
    assert len(shown) > 1


def test_a_database_without_the_mart_has_nothing_to_show(api_url: str) -> None:
    with serving(api_url, ConstantMarts()) as api:
        answer = api.pg_trends()
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["X-Total-Count"] == "0"


def test_a_mart_that_may_not_be_read_is_503(filled: Serving, pipeline: Pipeline) -> None:
    pipeline.execute("REVOKE SELECT ON pg_sales FROM mart_reader")
    assert filled.pg_trends("limit=3").status_code == 503


def test_a_statement_that_takes_too_long_is_503_and_others_go_on(
    api_url: str, pipeline: Pipeline
) -> None:
    pipeline.create_sales()
    last = pipeline.materialize_sales(some_sales(3))
    with (
        serving(api_url, ConstantMarts(), statement_timeout=0.2) as api,
        psycopg.connect(pipeline.url) as writer,
    ):
        api.sees("pg_sales", last)
        writer.execute("LOCK TABLE pg_sales IN ACCESS EXCLUSIVE MODE")
        answer = api.pg_trends()
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "PostgreSQL" in answer.json()["detail"]
        writer.rollback()
        assert api.pg_trends().status_code == 200


def test_a_connection_that_was_lost_is_replaced(filled: Serving, pipeline: Pipeline) -> None:
    assert filled.pg_trends("limit=1").status_code == 200
    pipeline.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = 'txn_api' AND datname = current_database()"
    )
    eventually(lambda: filled.pg_trends("limit=2").status_code == 200)


def test_the_filters_use_the_indexes(api_url: str, pipeline: Pipeline) -> None:
    pipeline.create_sales()
    pipeline.materialize_sales([])
    pipeline.execute(_MANY_SALES)
    pipeline.execute("ANALYZE pg_sales")
    for query in (
        {},
        {"date_from": "2023-10-05", "date_to": "2023-10-05"},
        {"product_prefix": "Product 12"},
        {"product_prefix": "Product 12", "sale_month": "2023-10"},
    ):
        plan = _plan(api_url, query)
        assert "Seq Scan" not in plan, (query, plan)
        assert ("product ~>=~" in plan) == ("product_prefix" in query)


def _plan(url: str, query: dict[str, str]) -> str:
    """How PostgreSQL reads a page, from what the application itself sends."""
    text, values = page_query(OperationalFilters.model_validate(query))
    with psycopg.connect(url) as connection:
        found = connection.execute(SQL("EXPLAIN ") + text, values, prepare=False)
        return "\n".join(row[0] for row in found)


_MANY_SALES = """
INSERT INTO pg_sales
SELECT
    encode(sha256(number::text::bytea), 'hex'), 'Product ' || mod(number, 97), 10, 1, 10,
    date '2023-10-01' + mod(number, 61)
FROM generate_series(1, 40000) AS number
"""
