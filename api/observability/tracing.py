"""Traces of FastAPI's own instrumentation, sent over OTLP/HTTP where an endpoint is set."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from txn_platform.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class Tracing:
    """What the application needs to trace its requests, or not to.

    Args:
        endpoint: Base address of an OTLP/HTTP collector, or None for no traces. The SDK is
            imported only where there is one.

    Attributes:
        telemetry: For `FastAPI(telemetry=…)`.

    Raises:
        ConfigurationError: for an endpoint that is no address.
    """

    telemetry: TelemetryConfig

    def __init__(self, endpoint: str | None) -> None:
        self._provider = None if endpoint is None else _provider(endpoint)
        self.telemetry = {
            "tracer_provider": self._provider,
            "tracing": self._provider is not None,
            "exclude": _is_probe,
            # Ours are Prometheus's and structlog's; FastAPI's logs would hold messages of errors.
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        }

    async def close(self) -> None:
        """Send what waits; a collector that is away costs a few seconds at most."""
        if self._provider is not None:
            await to_thread.run_sync(self._provider.shutdown)


def _provider(endpoint: str) -> "TracerProvider":
    address = urlsplit(endpoint)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ConfigurationError(
            "OTEL_EXPORTER_OTLP_ENDPOINT: not an address; accepted: one such as "
            "http://localhost:4318",
            remedy="Unset it for no traces.",
        )
    from api.observability.otlp import provider  # noqa: PLC0415 - 0.2 s, only where it is used

    return provider(endpoint)


def _is_probe(scope: Scope) -> bool:
    """Probes and scrapes would bury the requests of people and services."""
    return scope.get("path") in _PROBES
