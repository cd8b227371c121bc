"""Signing in and out."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.auth import browser
from api.auth.forms import read_form
from api.auth.principal import Principal
from api.auth.service import SESSION_COOKIE
from api.dashboard.pages import LoginPage, MessagePage, SignedIn, html
from api.dashboard.selection import read_selection
from api.limits.dependencies import client_of
from api.problems import ProblemError
from api.services import ServicesDep

SESSION_ENDED = "Your session has ended. Sign in again to go on."


async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Open a session and lead to the dashboard, or show the form again and say why."""
    username = ""
    try:
        if services.limiter.has("token"):
            await services.limiter.check("token", client_of(request, services.auth))
        form = await read_form(request)
        username = form.get("username")
        session = await browser.sign_in(
            request, username, form.get("password"), form.get("csrf_token")
        )
    except ProblemError as problem:
        return login_page(request, problem.detail, problem.status, problem.headers, username)
    query = read_selection(request.query_params).query
    response = RedirectResponse(f"/{query}", HTTPStatus.SEE_OTHER)
    browser.set_session_cookie(response, session)
    return response


async def show_form(request: Request) -> Response:
    """Lead to where the form is shown: browsers ask for `/login` again after a failure."""
    query = read_selection(request.query_params).query
    return RedirectResponse(f"/{query}", HTTPStatus.SEE_OTHER)


async def sign_out(request: Request, services: ServicesDep) -> Response:
    """End the session, if there is one, and lead to the login page.

    Raises:
        ProblemError: 403 when another site sends the browser here.
    """
    browser.refuse_cross_site(request)
    principal = services.auth.session(request)
    if principal is not None:
        try:
            form = await read_form(request)
            await browser.sign_out(request, principal, form.get("csrf_token"))
        except ProblemError as problem:
            return failure_page(principal, problem)
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    if SESSION_COOKIE in request.cookies:
        browser.clear_session_cookie(response)
    return response


def login_page(
    request: Request,
    message: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
    username: str = "",
) -> Response:
    """The form to sign in with, and why it is shown."""
    failed = bool(message) and message != SESSION_ENDED
    if not message and SESSION_COOKIE in request.cookies:
        message = SESSION_ENDED
    token = browser.login_token(request)
    page = LoginPage(
        csrf_token=token,
        message=message,
        level="error" if failed else "note",
        username=username,
        query=read_selection(request.query_params).query,
    )
    response = html(page, status, headers)
    browser.set_login_cookie(response, token)
    return response


def failure_page(principal: Principal, problem: ProblemError) -> Response:
    """What went wrong, for who is signed in."""
    page = MessagePage(signed_in(principal), "That did not work", problem.detail)
    return html(page, problem.status, problem.headers)


def signed_in(principal: Principal) -> SignedIn:
    """What pages show of a user."""
    return SignedIn(principal.username, principal.csrf_token)
