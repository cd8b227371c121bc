"""Published marts under test, and what a reader must see of given rows."""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pytest

from txn_platform.stores.published import (
    MartPage,
    Materialization,
    PublishedMarts,
    SortKey,
    SummaryFilter,
)
from txn_platform.stores.published_bigquery import BigQueryPublishedMarts
from txn_platform.stores.published_duckdb import DuckDBPublishedMarts
from txn_platform.stores.warehouse_bigquery import BigQueryWarehouse
from txn_platform.stores.warehouse_duckdb import DuckDBWarehouse
from txn_platform_tests.stores.emulators import PROJECT, CloudEmulators

MONTHS = (date(2023, 10, 1), date(2023, 11, 1), date(2024, 1, 1))
PRODUCTS = (
    "100% Halal",
    "100_ Halal",
    "1000 Halal",
    "Halal",
    "Halal *?[a]",
    'Halal "quoted" \\ back\nline',
    "Halal Zebra",
    "Halal \ud7ffa",
    "Halal \ue000b",
    "Halal äpfel",
    "Hålal",
    "halal",
    "\U0010ffff\U0010ffff",
    "😀 Halal",
)
"""In the order of code points."""

AT = datetime(2024, 2, 1, 12, 30, 15, 123456, UTC)


@dataclass(frozen=True)
class Sales:
    """One row of `summary_sales` (by the first day of the month) or of the daily summary."""

    product: str
    day: date
    total_amount: Decimal
    avg_price: Decimal
    total_quantity: int
    transaction_count: int


def some_sales(seed: int = 7) -> list[Sales]:
    """Each product in some of the months, with few enough amounts for ties."""
    chance = random.Random(seed)
    return [
        Sales(
            product,
            month,
            chance.choice([Decimal("0.10"), Decimal("12.50"), Decimal("12.51"), Decimal(1000)]),
            chance.choice([Decimal("0.10"), Decimal("2.25"), Decimal("20.00")]),
            chance.choice([1, 2, 100]),
            chance.choice([1, 3]),
        )
        for product in PRODUCTS
        for month in MONTHS
        if chance.random() < 0.8
    ]


def by_day(sales: Iterable[Sales]) -> list[Sales]:
    """Each month's sales over again on its first, its fifth and its last day."""
    return [
        Sales(row.product, day, row.total_amount, row.avg_price, row.total_quantity, 2)
        for row in sales
        for day in (row.day, row.day + timedelta(days=4), row.day + timedelta(days=29))
    ]


@dataclass(frozen=True)
class PublishedCase:
    """Published marts, and a way to publish.

    Attributes:
        publish: Publish these monthly and daily sales under an id and a time.
    """

    marts: PublishedMarts
    publish: Callable[[Sequence[Sales], Sequence[Sales], str, datetime], None]

    def publish_sales(self, sales: Sequence[Sales], materialization_id: str = "first") -> None:
        self.publish(sales, by_day(sales), materialization_id, AT)


@contextmanager
def published_duckdb(request: pytest.FixtureRequest) -> Iterator[PublishedCase]:
    folder: Path = request.getfixturevalue("tmp_path") / "warehouse"
    published = folder / "published.duckdb"
    warehouse = DuckDBWarehouse(
        folder / "warehouse.duckdb",
        published,
        dataset="transactions_warehouse",
        table="raw_transactions",
        mart_dataset="transactions_mart",
    )
    warehouse.ensure_schema()

    def publish(
        sales: Sequence[Sales], daily: Sequence[Sales], materialization_id: str, at: datetime
    ) -> None:
        with duckdb.connect(folder / "warehouse.duckdb") as connection:
            connection.execute(_DUCKDB_MARTS)
            for mart, rows in (("summary_sales", sales), ("summary_sales_daily", daily)):
                columns = [pa.array(column) for column in zip(*map(astuple, rows), strict=True)]
                if columns:
                    connection.register("given", pa.table(columns, _COLUMNS))
                    connection.execute(f"INSERT INTO transactions_mart.{mart} FROM given")
        warehouse.publish(materialization_id, at)

    marts = DuckDBPublishedMarts(published, "transactions_mart")
    yield PublishedCase(marts, publish)
    marts.close()


@contextmanager
def published_bigquery(request: pytest.FixtureRequest) -> Iterator[PublishedCase]:
    emulators: CloudEmulators = request.getfixturevalue("cloud_emulators")
    suffix = uuid4().hex
    client = emulators.bigquery_client()
    warehouse = BigQueryWarehouse(
        client,
        project=PROJECT,
        dataset=f"warehouse_{suffix}",
        table="raw_transactions",
        mart_dataset=f"mart_{suffix}",
        location="EU",
    )
    warehouse.ensure_schema()

    def publish(
        sales: Sequence[Sales], daily: Sequence[Sales], materialization_id: str, at: datetime
    ) -> None:
        build = f"CREATE OR REPLACE TABLE mart_{suffix}"
        client.query_and_wait(f"{build}.fact_sales AS SELECT 1 AS nothing_of_which_is_read")
        for mart, date_column, rows in (
            ("summary_sales", "sale_month", sales),
            ("summary_sales_daily", "sale_date", daily),
        ):
            columns = _BIGQUERY_COLUMNS.format(date_column=date_column)
            client.query_and_wait(f"{build}.{mart} ({columns})")
            if rows:
                given = [_json_row(row, date_column) for row in rows]
                assert not client.insert_rows_json(f"mart_{suffix}.{mart}", given)
        warehouse.publish(materialization_id, at)

    marts = BigQueryPublishedMarts(
        emulators.bigquery_client(),
        project=PROJECT,
        mart_dataset=f"mart_{suffix}",
        maximum_bytes_billed=10**9,
    )
    yield PublishedCase(marts, publish)
    marts.close()


PUBLISHED: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[PublishedCase]]] = {
    "duckdb": published_duckdb,
    "bigquery": published_bigquery,
}


def objects(page: MartPage) -> list[dict[str, Any]]:
    """The rows of a page, numbers as exact as they are written."""
    return json.loads(page.rows, parse_float=Decimal, parse_int=Decimal)


def expected(
    sales: Iterable[Sales], filters: SummaryFilter, sort: Sequence[SortKey]
) -> list[dict[str, Any]]:
    """What all pages of the summary must hold: filtered and sorted row by row."""
    rows = [
        {"product": row.product, "sale_month": row.day.isoformat(), **_measures(row)}
        for row in sorted(sales, key=lambda row: (row.day, row.product))
        if _matches(row, filters)
    ]
    for key in reversed(sort):
        rows.sort(key=lambda row: row[key.column], reverse=key.descending)
    return rows


def totals(sales: Iterable[Sales]) -> list[tuple[Any, ...]]:
    """Over all products, by day: amount, mean of the averages, quantity, transactions."""
    days: dict[date, list[Sales]] = {}
    for row in sales:
        days.setdefault(row.day, []).append(row)
    result: list[tuple[Any, ...]] = []
    for day, rows in sorted(days.items()):
        count = sum(row.transaction_count for row in rows)
        mean = sum(row.avg_price * row.transaction_count for row in rows) / count
        result.append(
            (
                day,
                sum(row.total_amount for row in rows),
                Decimal(mean).quantize(Decimal("0.01"), ROUND_HALF_UP),
                sum(row.total_quantity for row in rows),
                count,
            )
        )
    return result


FIRST = Materialization("first", AT)


def _matches(row: Sales, filters: SummaryFilter) -> bool:
    return (
        row.product.startswith(filters.product_prefix or "")
        and all(row.day == month for month in filters.months)
        and (filters.min_amount is None or row.total_amount >= filters.min_amount)
        and (filters.max_quantity is None or row.total_quantity <= filters.max_quantity)
        and (filters.min_avg_price is None or row.avg_price >= filters.min_avg_price)
        and (filters.max_avg_price is None or row.avg_price <= filters.max_avg_price)
    )


def _measures(row: Sales) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name not in {"product", "day"}}


def _json_row(row: Sales, date_column: str) -> dict[str, Any]:
    measures = {name: str(value) for name, value in _measures(row).items()}
    return {"product": row.product, date_column: row.day.isoformat(), **measures}


_COLUMNS = [field.name for field in fields(Sales)]

_DUCKDB_MARTS = """
CREATE OR REPLACE TABLE transactions_mart.fact_sales (sale_date DATE, product TEXT);
CREATE OR REPLACE TABLE transactions_mart.summary_sales (
    product TEXT, sale_month DATE, total_amount DECIMAL(38, 9), avg_price DECIMAL(38, 9),
    total_quantity BIGINT, transaction_count BIGINT
);
CREATE OR REPLACE TABLE transactions_mart.summary_sales_daily (
    product TEXT, sale_date DATE, total_amount DECIMAL(38, 9), avg_price DECIMAL(38, 9),
    total_quantity BIGINT, transaction_count BIGINT
);
"""

_BIGQUERY_COLUMNS = """
    product STRING, {date_column} DATE, total_amount NUMERIC, avg_price NUMERIC,
    total_quantity INT64, transaction_count INT64
"""
