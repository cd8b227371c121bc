"""A small application, observed as the real one is: for a server process of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.observability import logs
from api.observability.tracing import Tracing
from txn_platform.settings import load_settings
from txn_platform_tests.api.observability.recording import observed_app


def create_app() -> FastAPI:
    """The factory that uvicorn calls."""
    settings = load_settings()
    output = logs.configure(settings)
    tracing = Tracing(settings.otlp_endpoint)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        await tracing.close()
        output.close()

    app = observed_app(lifespan=lifespan, telemetry=tracing.telemetry)

    @app.get("/hello")
    async def hello() -> str:
        return "world"

    return app
