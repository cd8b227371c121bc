"""Static files: compressed once, served under addresses that change with their content."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from api.problems import ProblemError

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "dashboard.css": "text/css; charset=utf-8",
        "dashboard.js": "text/javascript; charset=utf-8",
        "docs.css": "text/css; charset=utf-8",
        "docs.js": "text/javascript; charset=utf-8",
        "favicon.svg": "image/svg+xml",
        "vendor/chartjs/chart.umd.min.js": "text/javascript; charset=utf-8",
        "vendor/chartjs/LICENSE.md": "text/plain; charset=utf-8",
        "vendor/swagger-ui/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
        "vendor/swagger-ui/swagger-ui.css": "text/css; charset=utf-8",
        "vendor/swagger-ui/LICENSE": "text/plain; charset=utf-8",
    }
)
"""The files that are served; no other name leads anywhere."""

_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATED = "public, no-cache"


def static_address(name: str) -> str:
    """The address of a file, which changes with its content.

    Raises:
        KeyError: when no such file is served.
    """
    return f"/static/{name}?v={_digest(name)}"


def static_response(name: str, request: Request) -> Response:
    """A file, compressed where the client can read that. Blocks when first asked for.

    The address names the content, so a browser may keep it for good; under an address without a
    version, or with that of another release, it must ask again.

    Raises:
        ProblemError: 404 when no such file is served.
    """
    if name not in MEDIA_TYPES:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is nothing at this path.")
    compressed = "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{_digest(name)}{"-gzip" if compressed else ""}"'
    current = request.query_params.get("v") == _digest(name)
    headers = {
        "ETag": etag,
        "Cache-Control": _FOREVER if current else _REVALIDATED,
        "Vary": "Accept-Encoding",
    }
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if compressed:
        headers["Content-Encoding"] = "gzip"
    content = _compressed(name) if compressed else _plain(name)
    return Response(content, headers=headers, media_type=MEDIA_TYPES[name])


@cache
def _plain(name: str) -> bytes:
    if name not in MEDIA_TYPES:
        raise KeyError(name)
    return files("api.dashboard").joinpath("static", name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_plain(name), mtime=0)


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_plain(name)).hexdigest()[:16]
