"""The sales routes on real stores, and what a test needs to look behind them."""

import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import uuid4

import httpx2
import psycopg
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from api import problem_handlers
from api.auth.principal import Principal
from api.database import ApiDatabase
from api.marts.cache import ResultCache
from api.marts.router import router as sales
from api.meta.dependencies import Dependencies
from api.meta.router import router as meta
from api.problems import unauthorized
from api.responses import document_problems
from api.watch import Watch
from txn_platform.stores.published import (
    MartPage,
    Materialization,
    SortKey,
    SummaryFilter,
)

READER = {"Authorization": "Bearer reader"}
DEADLINE_SECONDS = 20
FIRST_POLL_SECONDS = 5.0


def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


class StandInAuth:
    """Knows two users: one may read the marts, the other may not."""

    _scopes: ClassVar[dict[str, frozenset[str]]] = {
        "Bearer reader": frozenset({"sales:read"}),
        "Bearer nobody": frozenset({"ingest:write"}),
    }

    def __init__(self) -> None:
        self.asked = 0

    def authenticate(self, request: HTTPConnection) -> Principal:
        self.asked += 1
        scopes = self._scopes.get(request.headers.get("Authorization", ""))
        if scopes is None:
            raise unauthorized("Sign in.")
        request.scope["state"]["username"] = "reader"
        return Principal("reader", scopes, "session")


@dataclass
class StandInLimiter:
    """Counts what it is asked."""

    limits: frozenset[str] = frozenset()
    checked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def has(self, name: str) -> bool:
        return name in self.limits

    async def check(self, name: str, client: str) -> None:
        self.checked.append((name, client))


@dataclass
class Observed:
    """Published marts that count their calls, and fail or wait when they are told to."""

    marts: Any
    blocking: bool = False
    calls: int = 0
    failure: Exception | None = None
    pause: Callable[[], object] | None = None

    def summary(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> MartPage:
        self.calls += 1
        if self.pause:
            self.pause()
        if self.failure:
            raise self.failure
        return self.marts.summary(filters, sort, limit, offset)


class ConstantMarts:
    """Published marts of one row."""

    blocking: ClassVar[bool] = False

    def __init__(self) -> None:
        self.materialization = Materialization("constant", datetime(2024, 1, 1, tzinfo=UTC))

    def summary(self, *_: object) -> MartPage:
        return MartPage(b'[{"product":"Halal"}]', 1, 1, self.materialization, 77)


@dataclass(frozen=True)
class Sale:
    """One row of `pg_sales`."""

    transaction_id: str
    product: str
    price: Decimal
    quantity: int
    sale_date: date

    @property
    def amount(self) -> Decimal:
        return self.price * self.quantity


class Pipeline:
    """Writes what the pipeline writes, as its role.

    Args:
        url: Of the operational database.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def execute(self, statement: str, values: Sequence[object] = ()) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement.encode(), values)

    def publish(self, mart: str, materialization_id: str, at: datetime, row_count: int = 1) -> None:
        """Write the marker of a mart."""
        self.execute(_VERSION, (mart, materialization_id, at, row_count))

    def create_sales(self) -> None:
        """The operational mart as dbt builds it, without rows."""
        self.execute(_PG_SALES)

    def materialize_sales(self, sales: Iterable[Sale]) -> str:
        """Replace all rows of the operational mart; returns the id of the materialization."""
        materialization_id = uuid4().hex
        rows = [(*_columns(sale),) for sale in sales]
        with psycopg.connect(self.url) as connection:
            connection.execute("DELETE FROM pg_sales")
            connection.cursor().executemany(
                "INSERT INTO pg_sales VALUES (%s, %s, %s, %s, %s, %s)", rows
            )
            values = ("pg_sales", materialization_id, datetime.now(UTC), len(rows))
            connection.execute(_VERSION.encode(), values)
        return materialization_id


def _columns(sale: Sale) -> tuple[object, ...]:
    return (
        sale.transaction_id,
        sale.product,
        sale.price,
        sale.quantity,
        sale.amount,
        sale.sale_date,
    )


@dataclass
class Serving:
    """The application, started."""

    client: TestClient
    watch: Watch
    results: ResultCache
    database: ApiDatabase
    auth: StandInAuth
    limiter: StandInLimiter
    states: list[dict[str, Any]]

    def get(self, path: str, query: str = "", **headers: str) -> httpx2.Response:
        url = f"{path}?{query}" if query else path
        return self.client.get(url, headers={**READER, **headers})

    def trends(self, query: str = "", **headers: str) -> httpx2.Response:
        return self.get("/api/v1/sales/trends", query, **headers)

    def pg_trends(self, query: str = "", **headers: str) -> httpx2.Response:
        return self.get("/api/v1/sales/pg-trends", query, **headers)

    def sees(self, mart: str, materialization_id: str) -> None:
        """Wait until the watch knows of a materialization."""

        def seen() -> bool:
            version = self.watch.status.versions.get(mart)
            return version is not None and version.materialization_id == materialization_id

        eventually(seen)

    def loses_postgres(self) -> None:
        """Wait until the watch knows that PostgreSQL is away."""
        eventually(lambda: not self.watch.reachable)


@contextmanager
def serving(
    url: str,
    marts: object,
    *,
    lake: object = None,
    cache_bytes: int = 2**20,
    statement_timeout: float = 5,
    limits: frozenset[str] = frozenset(),
) -> Generator[Serving]:
    """The sales and meta routes."""
    database = ApiDatabase(url, statement_timeout)
    watch = Watch(database, interval=0.02)
    results = ResultCache(cache_bytes)
    auth = StandInAuth()
    limiter = StandInLimiter(limits)
    states: list[dict[str, Any]] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        await database.open()
        watch.start()
        await watch.wait_for_first(FIRST_POLL_SECONDS)
        yield
        await watch.stop()
        await database.close()

    app = FastAPI(lifespan=lifespan)
    app.state.services = SimpleNamespace(
        database=database,
        marts=marts,
        watch=watch,
        results=results,
        auth=auth,
        limiter=limiter,
        dependencies=Dependencies(watch, marts, lake),  # pyright: ignore[reportArgumentType]
    )
    problem_handlers.install(app)
    document_problems(app)
    app.include_router(sales)
    app.include_router(meta)

    async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        if scope["type"] == "http":
            states.append(scope["state"])

    with TestClient(recorded, raise_server_exceptions=True) as client:
        yield Serving(client, watch, results, database, auth, limiter, states)


_VERSION = """
INSERT INTO mart_versions (mart, materialization_id, materialized_at, row_count)
VALUES (%s, %s, %s, %s)
ON CONFLICT (mart) DO UPDATE SET
    materialization_id = excluded.materialization_id,
    materialized_at = excluded.materialized_at,
    row_count = excluded.row_count
"""

_PG_SALES = """
CREATE TABLE pg_sales (
    transaction_id text NOT NULL,
    product text NOT NULL,
    price numeric(18, 2) NOT NULL,
    quantity bigint NOT NULL,
    amount numeric(18, 2) NOT NULL,
    sale_date date NOT NULL
);
CREATE UNIQUE INDEX ON pg_sales (sale_date, transaction_id COLLATE "C");
CREATE INDEX ON pg_sales (product text_pattern_ops, sale_date);
GRANT SELECT ON pg_sales TO mart_reader
"""
