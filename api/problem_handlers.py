"""Every error answer as problem details (RFC 9457): what was wrong, never how we work inside."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from api.observability.logs import logger
from api.problems import InvalidParameter, ProblemError, invalid
from api.responses import ParameterProblem, ProblemDetails
from api.validation import invalid_parameters
from txn_platform.errors import StoreError

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = 5

_DETAILS = {
    HTTPStatus.BAD_REQUEST: "The request can't be read.",
    HTTPStatus.NOT_FOUND: "There is nothing at this path.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long.",
}
"""Said where the framework itself only repeats the status."""


def install(app: FastAPI) -> None:
    """Answer every error of the application with problem details.

    What nobody expected is left to `RequestMiddleware`, which logs it and answers
    `internal_error`.
    """
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _unusable)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(StoreError, _store_away)


def internal_error(scope: Scope) -> Response:
    """500: a defect of ours, about which the log says more."""
    return problem_response(
        scope,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here. The log holds it under the request's id.",
    )


def problem_response(
    scope: Scope,
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    parameters: Sequence[InvalidParameter] = (),
) -> Response:
    """An answer of `application/problem+json`."""
    problem = ProblemDetails(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        # The path alone: a query may hold what must not be repeated into logs of clients.
        instance=quote(scope["path"]),
        request_id=scope.get("state", {}).get("request_id"),
        parameters=[
            ParameterProblem(name=found.name, location=found.location, reason=found.reason)
            for found in parameters
        ]
        or None,
    )
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status, headers, media_type=PROBLEM_JSON)


async def _problem(request: Request, error: Exception) -> Response:
    found = cast("ProblemError", error)
    return problem_response(
        request.scope,
        found.status,
        found.detail,
        headers=found.headers,
        parameters=found.parameters,
    )


async def _unusable(request: Request, error: Exception) -> Response:
    found = cast("RequestValidationError", error)
    is_form = "form" in request.headers.get("Content-Type", "")
    parameters = invalid_parameters(found.errors(), body="form" if is_form else "body")
    return await _problem(request, invalid(*parameters))


async def _framework(request: Request, error: Exception) -> Response:
    found = cast("HTTPException", error)
    if isinstance(found.__cause__, ProblemError):
        # Raised while FastAPI read the body (too long, for one), which it takes for a bad one.
        return await _problem(request, found.__cause__)
    headers = dict(found.headers or {})
    if found.status_code < HTTPStatus.BAD_REQUEST:
        return Response(status_code=found.status_code, headers=headers)
    return problem_response(
        request.scope, found.status_code, _detail(found, headers), headers=headers
    )


async def _store_away(request: Request, error: Exception) -> Response:
    found = cast("StoreError", error)
    logger().warning("store failed", error=found.message, transient=found.transient)
    return problem_response(
        request.scope,
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"A store does not answer; try again in {RETRY_SECONDS} seconds.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _detail(error: HTTPException, headers: Mapping[str, str]) -> str:
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.METHOD_NOT_ALLOWED and "Allow" in headers:
        return f"This path accepts {headers['Allow']}."
    return _DETAILS.get(status, error.detail)
