"""Log lines as objects, and an application that is observed as the real one is."""

import logging
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import Lifespan

from api import problem_handlers
from api.observability import logs
from api.observability.metrics import Metrics, metrics_router
from api.observability.middleware import RequestMiddleware
from api.observability.output import LogOutput


class Recorder:
    """A target that keeps what is written to it."""

    def __init__(self) -> None:
        self._written = b""
        self._output = LogOutput(self)

    def write(self, lines: bytes) -> None:
        self._written += lines

    def start(self) -> None:
        """Get every log line of the process."""
        logs.use(self._output)

    def stop(self) -> None:
        """Leave logging as it was found."""
        self._output.close()
        structlog.reset_defaults()
        logs.logger.cache_clear()
        root = logging.getLogger()
        for handler in [found for found in root.handlers if type(found).__name__ == "_Bridge"]:
            root.removeHandler(handler)
        root.setLevel(logging.WARNING)

    @property
    def text(self) -> str:
        """All lines until now; later ones are written at once."""
        self._output.close()
        return self._written.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        """All lines until now, parsed."""
        return [orjson.loads(line) for line in self.text.splitlines()]

    def requests(self) -> list[dict[str, Any]]:
        """The lines of the access log."""
        return [event for event in self.events if event["event"] == "request"]


def observed_app(
    metrics: Metrics | None = None,
    *,
    telemetry: TelemetryConfig | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
) -> FastAPI:
    """An application without routes of its own but `/metrics`."""
    used = metrics or Metrics()
    app = FastAPI(telemetry=telemetry, lifespan=lifespan)
    problem_handlers.install(app)
    app.add_middleware(RequestMiddleware, metrics=used)
    app.include_router(metrics_router(used))
    return app
