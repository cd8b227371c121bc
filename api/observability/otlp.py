"""The OpenTelemetry SDK, set up so that no span holds what a client wrote."""

from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import DEFAULT_ON, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

# Spans end on the event loop; sending them is a background thread's work and may fail there.
EXPORT_SECONDS = 3.0
MAX_WAITING = 2048
ALLOWED = frozenset(
    {"code.function.name", "http.request.method", "network.protocol.version", "url.scheme"}
)
"""Attributes that a span may start with. Route, status and type of error come later."""


def provider(endpoint: str) -> TracerProvider:
    """A provider that sends to `<endpoint>/v1/traces`; shut it down to send what waits."""
    found = TracerProvider(
        sampler=_WithoutRequest(),
        resource=Resource.create(
            {"service.name": "txn_platform-api", "service.version": version("txn-platform")}
        ),
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    # All that waits in one request: the last one, at shutdown, has one time limit.
    found.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MAX_WAITING, max_export_batch_size=MAX_WAITING)
    )
    return found


class _WithoutRequest(Sampler):
    """Follows the caller's decision, and drops paths, queries and the caller's trace state.

    A sampler is the SDK's place to decide what a new span holds.
    """

    def should_sample(  # noqa: PLR0913, PLR0917 - given by the SDK
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        allowed = {key: value for key, value in (attributes or {}).items() if key in ALLOWED}
        result = DEFAULT_ON.should_sample(
            parent_context, trace_id, name, kind, allowed, links, trace_state
        )
        return SamplingResult(result.decision, allowed)

    def get_description(self) -> str:
        return "WithoutRequest"
