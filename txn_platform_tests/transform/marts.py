"""Both marts of transactions behind one interface, on real stores."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import yaml

from txn_platform.settings import Settings, load_settings
from txn_platform.transform import (
    DbtConnection,
    DbtOutcome,
    DbtTarget,
    duckdb_connection,
    invoke,
    postgres_connection,
)
from txn_platform.windows import DateWindow

FIRST = date(2023, 10, 1)
DUCKDB_RAW = """
    create schema if not exists {schema};
    create or replace table {schema}.raw_transactions (
        transaction_id varchar not null, product varchar not null, price decimal(38, 9) not null,
        quantity bigint not null, date date not null, batch_id varchar not null)
"""
POSTGRES_RAW = """
    drop table if exists transactions;
    create table transactions (
        transaction_id text collate "C" not null, product text not null,
        price numeric(18, 6) not null, quantity bigint not null, date date not null,
        batch_id text collate "C" not null)
"""


def identifier(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@dataclass(frozen=True)
class Row:
    """A raw transaction; eligible as it stands."""

    name: str
    day: int = 0
    price: str = "19.99"
    quantity: int = 1
    product: str = "Halal Beef"

    def raw(self) -> tuple[object, ...]:
        return (
            identifier(self.name),
            self.product,
            Decimal(self.price),
            self.quantity,
            day(self.day),
            "batch",
        )


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def days(start: int, end: int) -> DateWindow:
    return DateWindow(day(start), day(end))


def settings_with(folder: Path, **rules: object) -> Settings:
    """Settings whose business rules are those of the platform but for `rules`."""
    return settings_from(folder, {"ingestion": {"validation": rules}})


def settings_from(folder: Path, document: dict[str, object]) -> Settings:
    """Settings of a configuration file that says only this."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(config=config, home=folder / "home", environ={})


@dataclass
class Mart:
    """A mart of one row for each transaction, the raw table below it, and dbt between."""

    target: DbtTarget
    table: str
    raw: str
    models: Sequence[str]
    settings: Settings
    connection: DbtConnection
    execute: Callable[[str, Sequence[Sequence[object]]], list[Any]] = field(repr=False)

    def land(self, *rows: Row) -> None:
        """Make the raw table hold exactly these rows."""
        self.execute(f"delete from {self.raw}", [])
        marks = ", ".join("?" * 6 if self.target == "duckdb" else ["%s"] * 6)
        if rows:
            self.execute(f"insert into {self.raw} values ({marks})", [row.raw() for row in rows])

    def build(self, window: DateWindow | None = None) -> DbtOutcome:
        return invoke(
            self.target,
            settings=self.settings,
            connection=self.connection,
            select=self.models,
            window=window,
        )

    def must_build(self, window: DateWindow | None = None) -> None:
        outcome = self.build(window)
        assert outcome.success, outcome.error()

    def query(self, statement: str) -> list[Any]:
        return self.execute(statement.format(mart=self.table, raw=self.raw), [])

    def rows(self) -> list[tuple[Any, ...]]:
        return self.query("select * from {mart} order by sale_date, transaction_id")

    def amounts(self) -> dict[str, Decimal]:
        """Amounts by transaction."""
        return {row[0]: row[4] for row in self.rows()}


def duckdb_mart(folder: Path) -> Mart:
    path = folder / "warehouse.duckdb"

    def execute(statement: str, parameters: Sequence[Sequence[object]]) -> list[Any]:
        with duckdb.connect(str(path)) as connection:
            if parameters:
                connection.executemany(statement, parameters)
                return []
            return connection.execute(statement).fetchall()

    execute(DUCKDB_RAW.format(schema="transactions_warehouse"), [])
    return Mart(
        target="duckdb",
        table="transactions_mart.fact_sales",
        raw="transactions_warehouse.raw_transactions",
        models=["stg_transactions", "fact_sales", "summary_sales", "summary_sales_daily"],
        settings=settings_with(folder),
        connection=duckdb_connection(path),
        execute=execute,
    )


def postgres_mart(folder: Path, url: str) -> Mart:
    def execute(statement: str, parameters: Sequence[Sequence[object]]) -> list[Any]:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            if parameters:
                cursor.executemany(statement.encode(), parameters)
                return []
            cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    execute(POSTGRES_RAW, [])
    return Mart(
        target="postgres",
        table="pg_sales",
        raw="transactions",
        models=["pg_sales"],
        settings=settings_with(folder),
        connection=postgres_connection(url),
        execute=execute,
    )
