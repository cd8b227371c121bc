"""`limited(name)`: how often a route may be called, in its declaration."""

from typing import Any

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from api.auth.service import AuthService
from api.clients import address_of, network_of
from api.limits.limiter import LimitName
from api.problems import ProblemError
from api.services import services


def limited(name: LimitName) -> Any:  # noqa: ANN401 - what FastAPI's own `Depends` returns
    """For routes: `dependencies=[limited("healthz")]`. Answers 429 beyond the configured rate."""

    async def check(request: Request) -> None:
        held = services(request)
        if held.limiter.has(name):
            await held.limiter.check(name, client_of(request, held.auth))

    return Depends(check)


def client_of(request: HTTPConnection, auth: AuthService) -> str:
    """Who is counted: the user where the token or session proves one, else the network."""
    username = _username(request, auth)
    return f"user:{username}" if username else f"address:{network_of(address_of(request))}"


def _username(request: HTTPConnection, auth: AuthService) -> str | None:
    try:
        if "Authorization" in request.headers:
            return auth.authenticate(request).username
        session = auth.session(request)
    except ProblemError:
        return None
    return session.username if session else None
