"""Signing in and out with a browser: cookies, and forms that no other site can send."""

import hmac
import re
import secrets
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from api.auth.audit import caller
from api.auth.dependencies import auth_service
from api.auth.principal import Principal
from api.auth.service import SESSION_COOKIE, BrowserSession
from api.problems import ProblemError
from txn_platform.users import MAX_PASSWORD_LENGTH

LOGIN_COOKIE = "__Host-txn_login"
"""Holds what the login form must repeat. By the rules for `__Host-` nobody else can set it."""

_LOGIN_SECONDS = 3600
_LOGIN_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def login_token(request: Request) -> str:
    """What the login form carries as `csrf_token`; hand it to `set_login_cookie` as well.

    The one that the browser has already, so that the form works in several tabs.
    """
    known = request.cookies.get(LOGIN_COOKIE, "")
    return known if _LOGIN_TOKEN.fullmatch(known) else secrets.token_urlsafe(32)


def set_login_cookie(response: Response, token: str) -> None:
    """Let the browser remember what the login form carries."""
    _set_cookie(response, LOGIN_COOKIE, token, _LOGIN_SECONDS)


async def sign_in(
    request: Request, username: str, password: str, form_token: str
) -> BrowserSession:
    """Open a session for the browser that sent the login form.

    Args:
        request: It carries the login cookie.
        username: As typed.
        password: As typed.
        form_token: The field `csrf_token` of the form.

    Raises:
        ProblemError: 401 when something is wrong, 403 when the form isn't ours or too old, 429
            after too many failures, 503 when PostgreSQL is away.
    """
    refuse_cross_site(request)
    expected = request.cookies.get(LOGIN_COOKIE, "")
    if not _LOGIN_TOKEN.fullmatch(expected) or not _equal(expected, form_token):
        raise _foreign()
    # Longer ones don't exist; hashing them would only cost time.
    return await auth_service(request).open_browser_session(
        username, password[: MAX_PASSWORD_LENGTH + 1], caller(request)
    )


async def sign_out(request: Request, principal: Principal, form_token: str) -> None:
    """End the browser's session; the answer should then call `clear_session_cookie`.

    Raises:
        ProblemError: 403 when the form isn't ours, 503 when PostgreSQL is away.
    """
    check_csrf(request, form_token, principal)
    await auth_service(request).end_session(principal, caller(request))


def check_csrf(request: Request, form_token: str, principal: Principal) -> None:
    """Make sure that a form was sent by a page of this session.

    Raises:
        ProblemError: 403 when it wasn't.
    """
    refuse_cross_site(request)
    if not principal.csrf_token or not _equal(principal.csrf_token, form_token):
        raise _foreign()


def set_session_cookie(response: Response, session: BrowserSession) -> None:
    """Let the browser keep the session; no script can read it, no other site's form send it."""
    _set_cookie(response, SESSION_COOKIE, session.cookie, session.seconds)
    response.delete_cookie(LOGIN_COOKIE, secure=True, httponly=True, samesite="lax")


def clear_session_cookie(response: Response) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")


def _set_cookie(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
    )


def refuse_cross_site(request: Request) -> None:
    """Go by what the browser itself says about the sender, where it says anything.

    Raises:
        ProblemError: 403 when a page of another site sent the request.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        # `none`: typed or bookmarked. Origin may then be `null`, by the referrer policy.
        own = site in {"same-origin", "none"}
    else:
        own = origin is None or _host(origin) == request.headers.get("Host")
    if not own:
        raise _foreign()


def _host(origin: str) -> str:
    """Host and port; nothing for an origin that no browser writes so."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode(errors="replace"))


def _foreign() -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN, "The form is too old, or was not sent by this site; try again."
    )
