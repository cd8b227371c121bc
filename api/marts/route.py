"""The way of a request to a mart: who asks, what is remembered, what is asked for, the answer."""

from collections.abc import Callable, Coroutine
from typing import Any, cast, get_type_hints
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from api.auth.dependencies import BearerWithScope
from api.limits.dependencies import client_of
from api.marts.filters import SalesFilters
from api.marts.serving import MartReader
from api.problems import InvalidParameter, invalid
from api.services import services
from api.validation import invalid_parameters

SCOPE = "sales:read"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_reader = BearerWithScope(SCOPE)


class MartRoute(APIRoute):
    """Serves an endpoint with three parameters: the request, the principal and `filters`.

    OpenAPI describes them from their annotations, as for any route. FastAPI's own way of resolving
    them takes 250 microseconds, ten times as long as this one, and more than reading a page.
    Authentication and rate limit come first, whether an answer is remembered or not.
    """

    def get_route_handler(self) -> Handler:
        """Resolves the parameters and calls the endpoint."""
        name, endpoint = self.name, self.endpoint
        model = cast("type[SalesFilters]", get_type_hints(endpoint)["filters"])

        async def answer(request: Request) -> Response:
            held = services(request)
            principal = await _reader(request)
            if held.limiter.has("reads"):
                await held.limiter.check("reads", client_of(request, held.auth))
            remembered = MartReader(held.results, held.watch).remembered(name, request.scope)
            if remembered is not None:
                return remembered
            filters = _filters(model, request.scope["query_string"])
            return await endpoint(request, principal, filters)

        return answer


def _filters(model: type[SalesFilters], query: bytes) -> SalesFilters:
    """The filters of a query string.

    Raises:
        ProblemError: 422 naming every parameter that can't be used.
    """
    given: dict[str, str] = {}
    repeated: list[InvalidParameter] = []
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in given:
            # No reading of it would be the only right one.
            repeated.append(InvalidParameter(name, "query", "is given more than once"))
        given[name] = value
    if repeated:
        raise invalid(*repeated)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
        raise invalid(*invalid_parameters(found)) from None
