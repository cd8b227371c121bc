"""The dashboard's routes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth.principal import Principal
from api.dashboard.download import read_file
from api.dashboard.names import names_for
from api.dashboard.notices import parameter_notices, pipeline_notices, sales_notices
from api.dashboard.pages import DashboardPage, MessagePage, html
from api.dashboard.quality import quality_view
from api.dashboard.selection import Selection, read_selection
from api.dashboard.signing import (
    SESSION_ENDED,
    failure_page,
    login_page,
    show_form,
    sign_in,
    sign_out,
    signed_in,
)
from api.dashboard.views import SalesViews, Shown
from api.limits.dependencies import limited
from api.problems import InvalidParameter, ProblemError, StoreAwayError, invalid
from api.services import Services, ServicesDep
from txn_platform.errors import StoreError
from txn_platform.stores.published import Materialization

READ_SCOPE = "sales:read"
# Readers beyond this wait: other routes need threads, too.
_MOST_THREADS = 4


def dashboard_router() -> APIRouter:
    """The pages of one application, with the views that it keeps."""
    pages = _Dashboard()
    router = APIRouter(include_in_schema=False)
    for path, show in (("/", pages.look), ("/dashboard/sales.csv", pages.download)):
        router.add_api_route(
            path, show, methods=["GET"], response_model=None, dependencies=[limited("reads")]
        )
    router.add_api_route("/login", show_form, methods=["GET"], response_model=None)
    for path, change in (("/login", sign_in), ("/logout", sign_out)):
        router.add_api_route(path, change, methods=["POST"], response_model=None)
    return router


class _Dashboard:
    """The pages about sales."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(_MOST_THREADS)
        self._views = SalesViews(self._limiter)

    async def look(self, request: Request, services: ServicesDep) -> Response:
        """The login page without a session, else the dashboard."""
        try:
            principal = _principal(request, services)
        except StoreAwayError as away:
            return login_page(request, away.detail, HTTPStatus.SERVICE_UNAVAILABLE, away.headers)
        if principal is None:
            return login_page(request)
        if READ_SCOPE not in principal.scopes:
            return _forbidden(principal)
        return await self._dashboard(request, services, principal)

    async def download(self, request: Request, services: ServicesDep) -> Response:
        """The month's products, or the chosen one, as a CSV file."""
        principal = _principal(request, services)
        if principal is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="txn_platform"'}
            return login_page(request, SESSION_ENDED, HTTPStatus.UNAUTHORIZED, challenge)
        if READ_SCOPE not in principal.scopes:
            return _forbidden(principal)
        try:
            return await self._csv(request, services, principal)
        except ProblemError as problem:
            return failure_page(principal, problem)

    async def _dashboard(
        self, request: Request, services: Services, principal: Principal
    ) -> Response:
        selection = read_selection(request.query_params)
        shown, faults = await self._show(services, selection, principal)
        now = datetime.now(UTC)
        watch = services.watch
        quality = quality_view(watch.status, services.settings.dagster_url)
        page = DashboardPage(
            user=signed_in(principal),
            notices=[
                *parameter_notices(faults),
                *sales_notices(shown, now),
                *pipeline_notices(watch, quality.failed, now),
            ],
            sales=shown.view,
            quality=quality,
            clear_names=names_for(principal).clear,
            now=now,
        )
        request.state.cache = shown.source
        return html(page, _status(shown, faults), _headers(shown))

    async def _show(
        self, services: Services, selection: Selection, principal: Principal
    ) -> tuple[Shown, tuple[InvalidParameter, ...]]:
        """What can be shown, and what was wrong with the parameters."""
        names = names_for(principal)
        try:
            shown = await self._views.show(services.marts, services.watch, selection, names)
        except ProblemError as unknown:
            faults = (*selection.faults, *unknown.parameters)
            rest = Selection(selection.month)
            shown = await self._views.show(services.marts, services.watch, rest, names)
            return shown, faults
        return shown, selection.faults

    async def _csv(self, request: Request, services: Services, principal: Principal) -> Response:
        selection = read_selection(request.query_params)
        if selection.faults:
            raise invalid(*selection.faults)
        names = names_for(principal)
        try:
            file = await to_thread.run_sync(
                read_file, services.marts, selection, names, limiter=self._limiter
            )
        except StoreError:
            raise StoreAwayError("warehouse") from None
        if file is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "The marts hold no sales yet.")
        request.state.result_count = file.rows
        headers = {
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Cache-Control": "no-store",
            **_provenance(file.materialization),
        }
        return Response(file.content, headers=headers, media_type="text/csv; charset=utf-8")


def _principal(request: Request, services: Services) -> Principal | None:
    """The user by token, which a program sends, or by session."""
    if "Authorization" in request.headers:
        return services.auth.authenticate(request)
    return services.auth.session(request)


def _status(shown: Shown, faults: Sequence[InvalidParameter]) -> HTTPStatus:
    if shown.absence == "away":
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK


def _headers(shown: Shown) -> dict[str, str]:
    if shown.absence == "away":
        return StoreAwayError("warehouse").headers
    headers = _provenance(shown.view.materialization) if shown.view else {}
    return headers | ({"X-Data-Stale": "true"} if shown.source == "stale" else {})


def _provenance(shown: Materialization) -> dict[str, str]:
    return {
        "X-Materialization-Id": shown.materialization_id,
        "X-Materialized-At": shown.materialized_at.astimezone(UTC).isoformat(),
    }


def _forbidden(principal: Principal) -> Response:
    text = (
        f"Your account may not read sales: it lacks the scope {READ_SCOPE}. Ask an operator for "
        "it, then sign out and in again."
    )
    page = MessagePage(signed_in(principal), "No access to the figures", text)
    return html(page, HTTPStatus.FORBIDDEN)
