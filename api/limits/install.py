"""The middleware that refuses before a route is asked."""

from collections.abc import Collection

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api.limits.bodies import BodyLimit
from txn_platform.settings import Settings

_REQUEST_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-Request-Id")
_RESPONSE_HEADERS = (
    "ETag",
    "Link",
    "Retry-After",
    "Warning",
    "WWW-Authenticate",
    "X-Data-Stale",
    "X-Materialization-Id",
    "X-Materialized-At",
    "X-Request-Id",
    "X-Total-Count",
)
_PREFLIGHT_SECONDS = 600


def install(app: FastAPI, settings: Settings, *, uploads: Collection[str]) -> None:
    """Limit bodies, and let in the configured origins only.

    Args:
        app: What is protected.
        settings: The limits.
        uploads: Paths that limit their bodies themselves.
    """
    api = settings.config.api
    app.add_middleware(BodyLimit, max_bytes=api.max_body_bytes, unlimited=uploads)
    if api.cors_origins:
        # Tokens travel in a header that scripts set; cookies stay with the dashboard's own pages.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=api.cors_origins,
            allow_methods=("GET", "POST"),
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_RESPONSE_HEADERS,
            max_age=_PREFLIGHT_SECONDS,
        )
