"""What the API is measured against, behind the same authentication.

`/constant` is a bare route: the ceiling of what the framework can do. `/naive` is what a first
version often looks like: a connection for each request, the month computed in SQL over a table
without an index, a model for each row.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated

import psycopg
from fastapi import FastAPI, Response
from psycopg.rows import class_row
from pydantic import BaseModel

from api.auth.dependencies import requires
from api.auth.principal import Principal
from api.services import open_services
from txn_platform.connections import api_postgres_url
from txn_platform.settings import load_settings

UNINDEXED = "bench_unindexed_sales"
SIZE_VARIABLE = "BENCH_CONSTANT_BYTES"
Reader = Annotated[Principal, requires("sales:read")]

NAIVE = """
SELECT transaction_id, product, sale_date, TO_CHAR(sale_date, 'YYYY-MM') || '-01' AS sale_month,
       SUM(amount) AS total_amount, ROUND(AVG(price), 2) AS avg_price,
       SUM(quantity) AS total_quantity, COUNT(*) AS transaction_count
FROM bench_unindexed_sales
WHERE TO_CHAR(sale_date, 'YYYY-MM') = %s AND product LIKE %s
GROUP BY transaction_id, product, sale_date
ORDER BY sale_date, transaction_id
LIMIT %s OFFSET %s
"""


class NaiveRow(BaseModel):
    transaction_id: str
    product: str
    sale_date: date
    sale_month: str
    total_amount: Decimal
    avg_price: Decimal
    total_quantity: int
    transaction_count: int


def create_app() -> FastAPI:
    settings = load_settings()
    body = b"0" * int(os.environ.get(SIZE_VARIABLE, "1000"))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            with api_postgres_url(settings) as url:
                app.state.url = url
                yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/livez")
    async def livez() -> Response:
        return Response()

    @app.get("/constant")
    async def constant(_reader: Reader) -> Response:
        return Response(body, media_type="application/json")

    @app.get("/naive")
    def naive(
        _reader: Reader, sale_month: str, product_prefix: str, limit: int, offset: int = 0
    ) -> list[NaiveRow]:
        parameters = (sale_month, f"{product_prefix}%", limit, offset)
        with psycopg.connect(app.state.url) as connection:
            cursor = connection.cursor(row_factory=class_row(NaiveRow))
            return cursor.execute(NAIVE, parameters).fetchall()

    return app
