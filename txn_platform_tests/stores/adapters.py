"""Every adapter of every port, once: the contract suites run against all of them.

A new adapter is one function here and its entry in `LAKES`, `WAREHOUSES` or `OPERATIONAL`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import psycopg
import pytest

from txn_platform.stores.lake_gcs import GcsLake
from txn_platform.stores.lake_local import LocalLake
from txn_platform.stores.ports import WarehouseTable
from txn_platform.stores.postgres import PostgresDatabase
from txn_platform.stores.warehouse_bigquery import BigQueryWarehouse
from txn_platform.stores.warehouse_duckdb import DuckDBWarehouse
from txn_platform_tests.stores.cases import LakeCase, OperationalCase, WarehouseCase
from txn_platform_tests.stores.emulators import PROJECT, CloudEmulators

Opener = Callable[[pytest.FixtureRequest], AbstractContextManager]
PREFIX = "raw/transactions"


@contextmanager
def local_lake(request: pytest.FixtureRequest) -> Iterator[LakeCase]:
    root: Path = request.getfixturevalue("tmp_path") / "lake"

    def objects() -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    yield LakeCase(
        lake=LocalLake(root, PREFIX),
        reopen=lambda: LocalLake(root, PREFIX),
        objects=objects,
    )


@contextmanager
def gcs_lake(request: pytest.FixtureRequest) -> Iterator[LakeCase]:
    emulators: CloudEmulators = request.getfixturevalue("cloud_emulators")
    client = emulators.storage_client()
    bucket = emulators.new_bucket()

    yield LakeCase(
        lake=GcsLake(client, bucket, PREFIX),
        reopen=lambda: GcsLake(emulators.storage_client(), bucket, PREFIX),
        objects=lambda: {blob.name for blob in client.list_blobs(bucket)},
    )


@contextmanager
def duckdb_warehouse(request: pytest.FixtureRequest) -> Iterator[WarehouseCase]:
    home: Path = request.getfixturevalue("tmp_path")
    database = home / "warehouse" / "warehouse.duckdb"

    def open_warehouse() -> DuckDBWarehouse:
        return DuckDBWarehouse(
            database,
            home / "warehouse" / "published.duckdb",
            dataset="transactions_warehouse",
            table="raw_transactions",
            mart_dataset="transactions_mart",
        )

    def build_marts() -> None:
        with duckdb.connect(database) as connection:
            connection.execute(_DUCKDB_MARTS)

    def published(mart: WarehouseTable) -> list[dict[str, Any]]:
        with duckdb.connect(home / "warehouse" / "published.duckdb", read_only=True) as connection:
            rows = connection.sql(_DUCKDB_PUBLISHED.format(mart=mart))
            return rows.to_arrow_table().to_pylist()

    warehouse = open_warehouse()
    warehouse.ensure_schema()
    yield WarehouseCase(
        warehouse=warehouse,
        lake=LocalLake(home / "lake", PREFIX),
        reopen=open_warehouse,
        build_marts=build_marts,
        published=published,
    )


@contextmanager
def bigquery_warehouse(request: pytest.FixtureRequest) -> Iterator[WarehouseCase]:
    emulators: CloudEmulators = request.getfixturevalue("cloud_emulators")
    bucket = emulators.new_bucket()
    suffix = uuid4().hex

    def open_warehouse() -> BigQueryWarehouse:
        return BigQueryWarehouse(
            client=emulators.bigquery_client(),
            project=PROJECT,
            dataset=f"warehouse_{suffix}",
            table="raw_transactions",
            mart_dataset=f"mart_{suffix}",
            location="EU",
            maximum_bytes_billed=10**9,
            labels={"app": "txn-platform"},
        )

    def build_marts() -> None:
        for sql in _BIGQUERY_MARTS.format(suffix=suffix).split(";"):
            emulators.bigquery_client().query_and_wait(sql)

    def published(mart: WarehouseTable) -> list[dict[str, Any]]:
        sql = f"SELECT * FROM mart_{suffix}.published_{mart}"
        return [dict(row) for row in emulators.bigquery_client().query_and_wait(sql)]

    warehouse = open_warehouse()
    warehouse.ensure_schema()
    yield WarehouseCase(
        warehouse=warehouse,
        lake=GcsLake(emulators.storage_client(), bucket, PREFIX),
        reopen=open_warehouse,
        build_marts=build_marts,
        published=published,
    )


@contextmanager
def postgres_database(request: pytest.FixtureRequest) -> Iterator[OperationalCase]:
    home: Path = request.getfixturevalue("tmp_path")
    url: str = request.getfixturevalue("postgres_url")

    def build_marts() -> None:
        with psycopg.connect(url) as connection:
            connection.execute(_POSTGRES_MART)

    def told(table: str) -> set[tuple[Any, ...]]:
        with psycopg.connect(url) as connection:
            return set(connection.execute(f"SELECT * FROM {table}".encode()).fetchall())

    database = PostgresDatabase(url, batch_size=1000)
    database.ensure_schema()
    yield OperationalCase(
        database=database,
        lake=LocalLake(home / "lake", PREFIX),
        reopen=lambda: PostgresDatabase(url, batch_size=1000),
        build_marts=build_marts,
        told=told,
    )


LAKES: dict[str, Opener] = {"directory": local_lake, "gcs": gcs_lake}
WAREHOUSES: dict[str, Opener] = {
    "duckdb": duckdb_warehouse,
    "bigquery": bigquery_warehouse,
}
OPERATIONAL: dict[str, Opener] = {"postgres": postgres_database}


_DUCKDB_MARTS = """
CREATE SCHEMA IF NOT EXISTS transactions_mart;
CREATE OR REPLACE TABLE transactions_mart.fact_sales AS
SELECT
    transaction_id, product, price, quantity,
    CAST(CAST(price AS DECIMAL(18, 6)) * quantity AS DECIMAL(38, 9)) AS amount,
    date AS sale_date
FROM transactions_warehouse.raw_transactions;
CREATE OR REPLACE VIEW transactions_mart.summary_sales AS
SELECT
    product, CAST(date_trunc('month', sale_date) AS DATE) AS sale_month,
    sum(amount) AS total_amount, CAST(avg(price) AS DECIMAL(38, 9)) AS avg_price,
    CAST(sum(quantity) AS BIGINT) AS total_quantity, count(*) AS transaction_count
FROM transactions_mart.fact_sales
GROUP BY product, sale_month;
CREATE OR REPLACE VIEW transactions_mart.summary_sales_daily AS
SELECT
    product, sale_date,
    sum(amount) AS total_amount, CAST(avg(price) AS DECIMAL(38, 9)) AS avg_price,
    CAST(sum(quantity) AS BIGINT) AS total_quantity, count(*) AS transaction_count
FROM transactions_mart.fact_sales
GROUP BY product, sale_date;
"""

_DUCKDB_PUBLISHED = "SELECT * FROM transactions_mart.{mart}, transactions_mart.materialization"

_BIGQUERY_MARTS = """
CREATE OR REPLACE TABLE mart_{suffix}.fact_sales AS
SELECT
    transaction_id, product, price, quantity,
    CAST(CAST(price AS NUMERIC(18, 6)) * quantity AS NUMERIC) AS amount,
    date AS sale_date
FROM warehouse_{suffix}.raw_transactions;
CREATE OR REPLACE VIEW mart_{suffix}.summary_sales AS
SELECT
    product, CAST(DATE_TRUNC(sale_date, MONTH) AS DATE) AS sale_month,
    SUM(amount) AS total_amount, CAST(AVG(price) AS NUMERIC) AS avg_price,
    SUM(quantity) AS total_quantity, COUNT(*) AS transaction_count
FROM mart_{suffix}.fact_sales
GROUP BY product, sale_month;
CREATE OR REPLACE VIEW mart_{suffix}.summary_sales_daily AS
SELECT
    product, sale_date,
    SUM(amount) AS total_amount, CAST(AVG(price) AS NUMERIC) AS avg_price,
    SUM(quantity) AS total_quantity, COUNT(*) AS transaction_count
FROM mart_{suffix}.fact_sales
GROUP BY product, sale_date
"""

_POSTGRES_MART = """
DROP TABLE IF EXISTS pg_sales;
CREATE TABLE pg_sales AS
SELECT transaction_id, product, price::numeric(18, 2), quantity,
       (price * quantity)::numeric(18, 2) AS amount, date AS sale_date
FROM transactions;
"""
