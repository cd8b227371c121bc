"""What routes declare: who may call them (`requires`), or that they sign people in."""

from typing import Annotated, Any, cast

from fastapi import Depends, Request, Security
from fastapi.security import OAuth2
from starlette.requests import HTTPConnection

from api.auth.principal import Principal
from api.auth.scopes import DESCRIPTIONS
from api.auth.service import AuthService
from api.problems import forbidden


def auth_service(request: HTTPConnection) -> AuthService:
    """The authentication of the application that got the request."""
    return cast("AuthService", request.app.state.services.auth)


async def _auth_service(request: HTTPConnection) -> AuthService:
    # FastAPI would run a plain function in a thread.
    return auth_service(request)


AuthDep = Annotated[AuthService, Depends(_auth_service)]


class BearerWithScope(OAuth2):
    """One dependency that verifies the token and checks the scope.

    FastAPI resolves each dependency by itself; as one instead of three it costs a third.
    """

    def __init__(self, scope: str) -> None:
        super().__init__(
            flows=cast(
                "Any",
                {
                    "password": {
                        "tokenUrl": "/token",
                        "refreshUrl": "/token",
                        "scopes": DESCRIPTIONS,
                    }
                },
            ),
            scheme_name="OAuth2",
            description="Sign in at `/token`; send the token as `Authorization: Bearer …`.",
        )
        self._scope = scope

    async def __call__(self, request: Request) -> Principal:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The user of the request.

        Raises:
            ProblemError: 401 without a valid token, 403 without the scope.
        """
        principal = auth_service(request).authenticate(request)
        if self._scope not in principal.scopes:
            raise forbidden(self._scope)
        return principal


def requires(scope: str) -> Any:  # noqa: ANN401 - what FastAPI's own `Security` returns
    """The user, who must have a scope.

    For signatures such as `principal: Annotated[Principal, requires("sales:read")]`.
    """
    return Security(BearerWithScope(scope), scopes=[scope])
