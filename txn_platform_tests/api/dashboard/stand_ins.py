"""The dashboard over stand-ins for the stores, so that each of them can fail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from api.auth.principal import Principal
from api.auth.service import SESSION_COOKIE, BrowserSession
from api.dashboard.routes import dashboard_router
from api.dashboard.site import site_router
from api.limits.headers import SecurityHeaders
from api.problem_handlers import install
from api.problems import ProblemError, StoreAwayError, unauthorized
from api.watch import MartVersion, PipelineStatus
from txn_platform.config import PipelineConfig
from txn_platform.errors import StoreError, TransientStoreError
from txn_platform.stores.published import (
    MartPage,
    Materialization,
    Reading,
    SortKey,
    SummaryFilter,
)
from txn_platform.stores.status import AssetRecord, CheckRecord

PASSWORD = "a long password"
CSRF_TOKEN = "the token of the session's forms"
SCOPES = {
    "ana": frozenset({"sales:read", "products:read"}),
    "masked": frozenset({"sales:read"}),
    "loader": frozenset({"ingest:write"}),
}
REJECTED = {"missing_product": 500, "invalid_date": 1500}
OCTOBER, NOVEMBER = date(2023, 10, 1), date(2023, 11, 1)

MONEY = pa.decimal128(38, 2)
_MEASURES = [
    pa.field("total_amount", MONEY),
    pa.field("avg_price", MONEY),
    pa.field("total_quantity", pa.int64()),
    pa.field("transaction_count", pa.int64()),
]


@dataclass(frozen=True)
class Sale:
    """Sales of one product on one day."""

    product: str
    day: date
    price: Decimal
    quantity: int
    transactions: int = 1


@dataclass
class Marts:
    """Published marts in memory, as `PublishedMarts`.

    Attributes:
        away: Every read fails.
        unpublished: So it does, because nothing was ever published.
        reads: How many there were.
        swap_after: The next materialization comes after so many reads.
    """

    sales: Sequence[Sale]
    materialization: Materialization
    away: bool = False
    unpublished: bool = False
    reads: int = 0
    swap_after: int | None = None
    blocking: bool = True

    def summary(
        self, filters: SummaryFilter, sort: Sequence[SortKey], limit: int, offset: int
    ) -> MartPage:
        raise NotImplementedError  # the pages have no use for it

    def close(self) -> None:
        """Nothing is open."""

    def months(self, product: str | None) -> Reading:
        chosen = [sale for sale in self.sales if product in (None, sale.product)]
        return self._grouped("sale_month", chosen, lambda sale: sale.day.replace(day=1))

    def products(self, month: date) -> Reading:
        chosen = [sale for sale in self.sales if sale.day.replace(day=1) == month]
        reading = self._grouped("product", chosen, lambda sale: sale.product)
        order: Any = [("total_amount", "descending"), ("product", "ascending")]
        return Reading(reading.rows.sort_by(order), reading.materialization, 0)

    def days(self, month: date, product: str | None) -> Reading:
        chosen = [
            sale
            for sale in self.sales
            if sale.day.replace(day=1) == month and product in (None, sale.product)
        ]
        return self._grouped("sale_date", chosen, lambda sale: sale.day)

    def _grouped(
        self, name: str, sales: Sequence[Sale], key: Callable[[Sale], str | date]
    ) -> Reading:
        self._read()
        kind = pa.string() if name == "product" else pa.date32()
        keys = sorted({key(sale) for sale in sales}, key=str)
        rows = [{name: each, **totals([s for s in sales if key(s) == each])} for each in keys]
        schema = pa.schema([pa.field(name, kind), *_MEASURES])
        return Reading(pa.Table.from_pylist(rows, schema), self.materialization, 0)

    def _read(self) -> None:
        if self.unpublished:
            raise StoreError("no marts have been published")
        if self.away:
            raise TransientStoreError("the warehouse does not answer")
        if self.swap_after is not None and self.reads == self.swap_after:
            at = self.materialization.materialized_at + timedelta(minutes=1)
            self.materialization = Materialization("second", at)
        self.reads += 1


def totals(sales: Sequence[Sale]) -> dict[str, Any]:
    """The measures of a mart's row."""
    count = sum(sale.transactions for sale in sales)
    prices = sum((sale.price * sale.transactions for sale in sales), Decimal(0))
    amount = sum((sale.price * sale.quantity for sale in sales), Decimal(0))
    return {
        "total_amount": amount.quantize(Decimal("0.01")),
        "avg_price": (prices / count).quantize(Decimal("0.01")) if count else Decimal(0),
        "total_quantity": sum(sale.quantity for sale in sales),
        "transaction_count": count,
    }


class Auth:
    """Sessions whose cookie is the user's name, as `AuthService` as far as pages need it.

    Attributes:
        failure: What every sign-in and sign-out ends with.
        blind: Nobody knows yet which sessions were revoked.
    """

    def __init__(self) -> None:
        self.failure: ProblemError | None = None
        self.blind = False

    def session(self, request: HTTPConnection) -> Principal | None:
        if self.blind:
            raise StoreAwayError("postgres")
        name = request.cookies.get(SESSION_COOKIE, "")
        return Principal(name, SCOPES[name], "session", CSRF_TOKEN) if name in SCOPES else None

    def authenticate(self, request: HTTPConnection) -> Principal:
        name = request.headers["Authorization"].removeprefix("Bearer ")
        if name not in SCOPES:
            raise unauthorized("The token is invalid.")
        return Principal(name, SCOPES[name], "session")

    async def open_browser_session(
        self, username: str, password: str, _who: object
    ) -> BrowserSession:
        if self.failure:
            raise self.failure
        if username not in SCOPES or password != PASSWORD:
            raise unauthorized("The user name or the password is wrong.", error=None)
        return BrowserSession(username, 600)

    async def end_session(self, _principal: Principal, _who: object) -> None:
        if self.failure:
            raise self.failure


@dataclass
class Limiter:
    """Lets everything pass, or nothing."""

    failure: ProblemError | None = None

    def has(self, name: str) -> bool:
        return name == "token"

    async def check(self, _name: str, _client: str) -> None:
        if self.failure:
            raise self.failure


@dataclass
class Watch:
    """What PostgreSQL said last."""

    status: PipelineStatus
    reachable: bool = True
    last_seen: datetime | None = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Stage:
    """The application and what stands behind it."""

    app: FastAPI
    marts: Marts
    watch: Watch
    auth: Auth
    limiter: Limiter


def stage(
    sales: Sequence[Sale], status: PipelineStatus | None = None, *, at: datetime | None = None
) -> Stage:
    """The dashboard over these sales."""
    moment = at or datetime.now(UTC) - timedelta(minutes=12)
    marts = Marts(sales, Materialization("first", moment))
    watch = Watch(status or pipeline_status(marts.materialization))
    auth, limiter = Auth(), Limiter()
    app = FastAPI(title="txn_platform", docs_url=None, redoc_url=None)
    app.include_router(dashboard_router())
    app.include_router(site_router)
    install(app)
    app.add_middleware(SecurityHeaders, encrypted=False)
    app.state.services = SimpleNamespace(
        settings=SimpleNamespace(
            config=PipelineConfig(), dagster_url=PipelineConfig().api.dagster_url
        ),
        marts=marts,
        watch=watch,
        auth=auth,
        limiter=limiter,
    )
    return Stage(app, marts, watch, auth, limiter)


def pipeline_status(
    materialization: Materialization | None,
    *,
    failed: Sequence[str] = (),
    rejected: Mapping[str, int] = REJECTED,
) -> PipelineStatus:
    """A status with five checks and three assets of the same time."""
    if materialization is None:
        return PipelineStatus()
    at = materialization.materialized_at
    checks = [
        ("fact_sales", "expected_row_count"),
        ("fact_sales", "pii_hashed"),
        ("lake_transactions", "row_accounting"),
        ("pg_sales", "marts_agree"),
        ("pg_sales", "pii_hashed"),
    ]
    version = MartVersion(materialization.materialization_id, at, 6)
    return PipelineStatus(
        versions={"summary_sales": version, "pg_sales": version},
        assets=[
            AssetRecord(asset, "run", at)
            for asset in ("lake_transactions", "fact_sales", "summary_sales")
        ],
        checks=[
            CheckRecord(asset, name, name not in failed, "ERROR", True, "run", at)
            for asset, name in checks
        ],
        accepted_rows=9000,
        rejected_rows={"missing_product": 500, "invalid_date": 1500}
        if rejected is None
        else rejected,
    )
