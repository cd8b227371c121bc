"""The pages as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal, Protocol, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from api.dashboard import figures
from api.dashboard.assets import static_address
from api.dashboard.notices import Notice
from api.dashboard.quality import QualityView
from api.dashboard.sales import SalesView
from api.dashboard.selection import address_query

_HEADERS = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization"}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who looks at the page.

    Attributes:
        csrf_token: What the sign-out form carries; None for a bearer token, which needs none.
    """

    username: str
    csrf_token: str | None


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The form to sign in with.

    Attributes:
        message: Why the form is shown; empty the first time.
        level: `error` when signing in failed, `note` else.
        username: What to put into the form.
        query: What the dashboard is to show afterwards.
    """

    csrf_token: str
    message: str = ""
    level: Literal["error", "note"] = "note"
    username: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """A month at a glance.

    Attributes:
        notices: To be read before the figures.
        sales: None when there is nothing to see.
        now: When the page was made, in UTC.
    """

    user: SignedIn
    notices: Sequence[Notice]
    sales: SalesView | None
    quality: QualityView
    clear_names: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page that only says why there is nothing else."""

    user: SignedIn
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class DocsPage:
    """The API's documentation; `description` is the address of its OpenAPI document."""

    description: str


Page = LoginPage | DashboardPage | MessagePage | DocsPage

_TEMPLATES: dict[type[Page], str] = {
    LoginPage: "login.html",
    DashboardPage: "dashboard.html",
    MessagePage: "message.html",
    DocsPage: "docs.html",
}


_FILTERS = (
    figures.money,
    figures.count,
    figures.cents,
    figures.ago,
    figures.moment,
    figures.month_value,
    figures.month_label,
    figures.month_title,
)


class _WithNames(Protocol):
    """What templates may call; Jinja2 leaves these types open."""

    filters: dict[str, Any]
    globals: dict[str, Any]


def html(
    page: Page, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> HTMLResponse:
    """The page as an answer that nobody may keep."""
    return HTMLResponse(render(page), status, {**_HEADERS, **(headers or {})})


def render(page: Page) -> str:
    """The page as HTML."""
    return _environment.get_template(_TEMPLATES[type(page)]).render(page=page)


def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("api.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    names = cast("_WithNames", environment)
    names.filters.update({function.__name__: function for function in _FILTERS})
    names.globals.update(static=static_address, query=address_query)
    return environment


_environment = _make_environment()
