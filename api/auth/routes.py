"""`POST /token` and `POST /token/revoke`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from api.auth.audit import caller
from api.auth.dependencies import AuthDep
from api.auth.forms import FORM, MAX_LENGTH, Form, read_form
from api.auth.scopes import parse_scopes
from api.auth.service import Grant
from api.problems import InvalidParameter, invalid
from api.responses import headers, problems
from txn_platform.users import MAX_PASSWORD_LENGTH, SCOPES

router = APIRouter(tags=["authentication"])

FormDep = Annotated[Form, Depends(read_form)]

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


Scope = Annotated[
    str,
    Field(
        pattern=rf"^(({'|'.join(SCOPES)})( |$))*$",
        description=f"Some of {', '.join(SCOPES)}, separated by spaces; those that the user lacks "
        "are left out. Everything that the user may do by default.",
        examples=["sales:read"],
    ),
]


class TokenAnswer(BaseModel):
    """An access token, and what gets the next one."""

    access_token: str = Field(description="Send it as `Authorization: Bearer …`.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme
    expires_in: int = Field(description="Seconds that the access token lives.", examples=[900])
    refresh_token: str = Field(description="Can be used once; a second use ends the login.")
    scope: str = Field(description="What the token allows.", examples=["sales:read"])


class PasswordForm(BaseModel):
    """User name and password (RFC 6749, 4.3)."""

    grant_type: Literal["password"] = "password"
    username: str = Field(min_length=1, max_length=MAX_LENGTH, examples=["ana"])
    password: str = Field(
        min_length=1, max_length=MAX_PASSWORD_LENGTH, json_schema_extra={"format": "password"}
    )
    scope: Scope = ""


class RefreshForm(BaseModel):
    """A refresh token (RFC 6749, 6)."""

    grant_type: Literal["refresh_token"]
    refresh_token: str = Field(min_length=1, max_length=MAX_LENGTH)
    scope: Scope = ""


class RevocationForm(BaseModel):
    """The token whose login is to end."""

    token: str = Field(
        min_length=1, max_length=MAX_LENGTH, description="An access or a refresh token."
    )


def _form(*models: type[BaseModel]) -> dict[str, Any]:
    """How OpenAPI describes a body that the route reads itself: one of these forms."""
    schemas = [model.model_json_schema() for model in models]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


@router.post(
    "/token",
    summary="Sign in, or get the next token",
    openapi_extra=_form(PasswordForm, RefreshForm),
    responses={
        200: {"headers": headers(Cache_Control=("`no-store`.", {"type": "string"}))},
        **problems(401, 403, 413, 422, 429, 503),
    },
)
async def token(request: Request, response: Response, form: FormDep, auth: AuthDep) -> TokenAnswer:
    """OAuth2's password form (the grant type may be left out) or a refresh token.

    Wrong passwords are answered alike whether or not the user exists; repeated ones lock the
    login out for longer each time (429). A refresh token can be used once.
    """
    scopes = parse_scopes(form.get("scope"))
    who = caller(request)
    match form.get("grant_type", "password"):
        case "password":
            username = form.required("username")
            password = form.required("password", max_length=MAX_PASSWORD_LENGTH)
            grant = await auth.login(username, password, scopes, who)
        case "refresh_token":
            grant = await auth.refresh(form.required("refresh_token"), scopes, who)
        case _:
            reason = "must be password or refresh_token"
            raise invalid(InvalidParameter("grant_type", "form", reason))
    response.headers.update(_NO_STORE)
    return _answer(grant)


@router.post(
    "/token/revoke",
    summary="End a login",
    openapi_extra=_form(RevocationForm),
    response_class=Response,
    responses={
        200: {"description": "No such token works any more.", "content": {}},
        **problems(413, 422, 429, 503),
    },
)
async def revoke(request: Request, form: FormDep, auth: AuthDep) -> Response:
    """End the login that an access or a refresh token belongs to (RFC 7009).

    All of its tokens are refused from now on, in every replica within a second. A token that
    nobody knows is no error.
    """
    await auth.revoke(form.required("token"), caller(request))
    return Response(headers=_NO_STORE)


def _answer(grant: Grant) -> TokenAnswer:
    return TokenAnswer(
        access_token=grant.access_token,
        expires_in=grant.expires_in,
        refresh_token=grant.refresh_token,
        scope=" ".join(sorted(grant.scopes)),
    )
