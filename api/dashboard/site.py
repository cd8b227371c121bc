"""What everybody may load: static files and the API's documentation."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dashboard.assets import static_response
from api.dashboard.pages import DocsPage, html

site_router = APIRouter(include_in_schema=False)


@site_router.get("/static/{name:path}", response_model=None)
def static_file(name: str, request: Request) -> Response:
    """A style sheet, script or picture. A plain function: it compresses when first asked."""
    return static_response(name, request)


@site_router.get("/docs", response_model=None)
async def docs(request: Request) -> Response:
    """The API's documentation, with a form to try each route."""
    return html(DocsPage(request.app.openapi_url))
