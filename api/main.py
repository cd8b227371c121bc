"""The application: `uvicorn --factory api.main:create_app`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Scope

from api import problem_handlers
from api.auth.keys import load_keys
from api.auth.routes import router as authentication
from api.dashboard.routes import dashboard_router
from api.dashboard.site import site_router
from api.health import router as health
from api.ingest.routes import build_router as ingest_router
from api.ingest.routes import ingest_paths
from api.limits import install as limits
from api.limits.dependencies import limited
from api.limits.headers import SecurityHeaders
from api.marts.router import router as sales
from api.meta.router import router as meta
from api.observability import logs
from api.observability.metrics import Metrics, metrics_router
from api.observability.middleware import RequestMiddleware
from api.observability.tracing import Tracing
from api.responses import document_problems
from api.services import open_services
from api.start_errors import StartErrors
from txn_platform.errors import ConfigurationError, PlatformError
from txn_platform.settings import Settings, load_settings

DESCRIPTION = """
Monthly and operational sales, as Dagster last materialized them.

Get a token at `/token` (the button *Authorize* does it here) and send it as
`Authorization: Bearer …`. Amounts are JSON numbers with at most two decimals: read them as
decimals. Every answer about a mart says in its headers which materialization it shows; send its
`ETag` back as `If-None-Match` and an unchanged mart answers 304. Errors are
`application/problem+json`.
"""

TAGS = [
    {"name": "sales", "description": "The marts."},
    {"name": "ingest", "description": "Files in."},
    {"name": "meta", "description": "What is known about the marts."},
    {"name": "authentication", "description": "Tokens."},
    {"name": "operation", "description": "Probes and metrics."},
]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Assemble routes, middleware and services.

    Args:
        settings: From the environment and the configuration file by default.

    Raises:
        SystemExit: with a message for a person, when the configuration can't be used.
    """
    try:
        return _assemble(settings or load_settings())
    except PlatformError as error:
        raise SystemExit(f"error: {error}") from None


def _assemble(settings: Settings) -> FastAPI:
    if settings.profile != "local":
        load_keys(settings)  # Now, so that a missing secret ends the start with a message.
    metrics = Metrics()
    tracing = Tracing(settings.otlp_endpoint)
    app = FastAPI(
        title="txn_platform",
        summary="Sales marts over HTTP.",
        description=DESCRIPTION,
        version="1",
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        # Redirects would trust the header Host, and clients repeat their credentials there.
        redirect_slashes=False,
        telemetry=tracing.telemetry,
        lifespan=_lifespan(settings, metrics, tracing),
    )
    app.include_router(authentication, dependencies=[limited("token")])
    for router in (
        sales,
        meta,
        health,
        metrics_router(metrics),
        dashboard_router(),
        site_router,
    ):
        app.include_router(router)
    _refuse_taken_path(app, settings.config.ingestion.fastapi_endpoint)
    app.include_router(ingest_router(settings))
    problem_handlers.install(app)
    document_problems(app)
    limits.install(app, settings, uploads=ingest_paths(settings))
    # What is added later goes around: whatever the others answer is logged, counted and protected.
    app.add_middleware(RequestMiddleware, metrics=metrics)
    app.add_middleware(SecurityHeaders, encrypted=settings.profile != "local")
    app.add_middleware(StartErrors)
    return app


def _refuse_taken_path(app: FastAPI, path: str) -> None:
    """Uploads may be far larger than other bodies: no other route may share their path."""
    request: Scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "root_path": "",
        "headers": [],
    }
    if any(route.matches(request)[0] is not Match.NONE for route in app.routes):
        raise ConfigurationError(
            f"ingestion.fastapi_endpoint: {path} is the path of something else",
            remedy="Name a path of its own, such as /upload/transactions.",
        )


def _lifespan(settings: Settings, metrics: Metrics, tracing: Tracing) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        output = logs.configure(settings)
        try:
            async with open_services(settings) as services:
                app.state.services = services
                metrics.read_from(watch=services.watch, database=services.database, output=output)
                yield
        finally:
            await tracing.close()
            output.close()

    return lifespan
