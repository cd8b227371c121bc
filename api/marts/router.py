"""`/sales/trends` and `/sales/pg-trends`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.auth.dependencies import requires
from api.auth.principal import Principal
from api.marts import operational, summary
from api.marts.filters import OperationalFilters, TrendFilters
from api.marts.models import CONDITIONS, MART_RESPONSES, OperationalRow, SummaryRow
from api.marts.route import SCOPE, MartRoute
from api.marts.serving import Asked, MartReader
from api.problems import StoreAwayError
from api.responses import problems
from api.services import services
from txn_platform.stores.published import MartPage

TRENDS = "/api/v1/sales/trends"
PG_TRENDS = "/api/v1/sales/pg-trends"

Reader = Annotated[Principal, requires(SCOPE)]

router = APIRouter(tags=["sales"], route_class=MartRoute)


async def trends(
    request: Request,
    _principal: Reader,
    filters: Annotated[TrendFilters, Query()],
) -> Response:
    """Sales by product and month, from the warehouse's published summary.

    The filters apply together; ones that contradict each other select nothing. Also served at
    `/sales/trends`.
    """
    held = services(request)
    asked = Asked(mart="summary_sales", route="trends", path=TRENDS, filters=filters)
    return await MartReader(held.results, held.watch).answer(
        request, asked, lambda: summary.read_page(held.marts, filters)
    )


async def pg_trends(
    request: Request,
    _principal: Reader,
    filters: Annotated[OperationalFilters, Query()],
) -> Response:
    """Sales by transaction, product and date, from the operational database.

    The filters apply together; ones that contradict each other select nothing. `sale_month`,
    `date_from` and `date_to` (both inclusive) and `product_prefix` use indexes. Also served at
    `/sales/pg-trends`.
    """
    held = services(request)

    async def read() -> MartPage:
        if not held.watch.reachable:
            raise StoreAwayError("postgres")
        return await operational.read_page(held.database, held.results, filters)

    asked = Asked(mart="pg_sales", route="pg_trends", path=PG_TRENDS, filters=filters)
    return await MartReader(held.results, held.watch).answer(request, asked, read)


def _add(
    path: str,
    endpoint: Callable[..., Awaitable[Response]],
    row: type[BaseModel],
    title: str,
) -> None:
    """Serve a route, and its alias without the version; document it once.

    What serves it is not what documents it, since FastAPI would describe GET and HEAD under one
    operation id, which OpenAPI forbids.
    """
    for served in (path, path.removeprefix("/api/v1")):
        router.add_api_route(
            served, endpoint, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
        )
    router.add_api_route(
        path,
        endpoint,
        summary=title,
        response_model=list[row],
        responses={**MART_RESPONSES, **problems(401, 403, 422, 429, 503)},
        openapi_extra=CONDITIONS,
    )


_add(TRENDS, trends, SummaryRow, "Monthly sales by product")
_add(PG_TRENDS, pg_trends, OperationalRow, "Sales by transaction")
