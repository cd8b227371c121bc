"""Traces reach a collector, hold nothing that a client wrote, and never disturb a request."""

import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.observability import logs
from api.observability.logs import logger
from api.observability.output import LogOutput
from api.observability.tracing import Tracing
from txn_platform.errors import ConfigurationError
from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.api.observability.recording import Recorder, observed_app

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "4111-1111"


class _Collector(ThreadingHTTPServer):
    """Keeps the spans that are sent to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.requests: list[ExportTraceServiceRequest] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def server_span(self) -> Span:
        """The only one of a request."""
        [span] = [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]
        return span


class _Receiver(BaseHTTPRequestHandler):
    server: _Collector  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces":
            self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Generator[_Collector]:
    with _Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def _traced(endpoint: str | None) -> Generator[TestClient]:
    """A traced application; afterwards all spans have been sent."""
    tracing = Tracing(endpoint)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        await tracing.close()

    app = observed_app(telemetry=tracing.telemetry, lifespan=lifespan)

    @app.get("/rows/{row}")
    async def read_row(row: str) -> str:
        logger().info("inside")
        return row

    @app.get("/broken/{row}")
    async def broken(row: str) -> None:
        raise LookupError(row)

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_request_is_a_span_named_by_its_route(collector: _Collector) -> None:
    with _traced(collector.url) as client:
        client.get(f"/rows/{SECRET}")
    span = collector.server_span()
    assert span.name == "GET /rows/{row}"
    assert _attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/rows/{row}",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }
    [resource] = [found.resource for found in collector.requests[0].resource_spans]
    names = {found.key: found.value.string_value for found in resource.attributes}
    assert names["service.name"] == "txn_platform-api"


def test_the_callers_trace_goes_on(collector: _Collector) -> None:
    with _traced(collector.url) as client:
        client.get("/rows/1", headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"})
    span = collector.server_span()
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)


def test_a_caller_that_does_not_record_is_followed(collector: _Collector) -> None:
    with _traced(collector.url) as client:
        client.get("/rows/1", headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-00"})
    assert collector.spans == []


def test_nothing_that_a_client_wrote_reaches_the_collector(collector: _Collector) -> None:
    headers = {
        "Authorization": f"Bearer {SECRET}",
        "Cookie": f"session={SECRET}",
        "User-Agent": SECRET,
        "X-Request-Id": SECRET,
        "Host": f"{SECRET}.example.com",
        "baggage": f"secret={SECRET}",
        "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01",
        "tracestate": f"vendor={SECRET}",
    }
    with _traced(collector.url) as client:
        for path in ("rows", "broken", "nothing"):
            client.get(f"/{path}/{SECRET}?secret={SECRET}", headers=headers)
        client.request(f"BREW{SECRET}", f"/rows/{SECRET}", headers=headers)
    servers = [span.name for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    assert servers == ["GET /rows/{row}", "GET /broken/{row}", "GET", "HTTP /rows/{row}"]
    sent = b"".join(request.SerializeToString() for request in collector.requests)
    assert SECRET.encode() not in sent


def test_a_failure_of_ours_is_marked_and_told_by_its_type_alone(collector: _Collector) -> None:
    with _traced(collector.url) as client:
        client.get(f"/broken/{SECRET}")
    span = collector.server_span()
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert not span.status.message
    assert _attributes(span)["error.type"] == "500"
    [endpoint] = [span for span in collector.spans if span.name == "fastapi.endpoint"]
    assert _attributes(endpoint)["error.type"] == "LookupError"
    assert not [event for span in collector.spans for event in span.events]


def test_probes_and_scrapes_are_not_traced(collector: _Collector) -> None:
    with _traced(collector.url) as client:
        for path in ("/metrics", "/livez", "/readyz"):
            client.get(path)
    assert collector.spans == []


def test_log_lines_name_the_trace(collector: _Collector, recorder: Recorder) -> None:
    output = LogOutput(recorder)
    logs.use(output, tracing=True)
    with _traced(collector.url) as client:
        client.get("/rows/1", headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"})
    output.close()
    inside, request = (
        event for event in recorder.events if event["event"] in {"inside", "request"}
    )
    assert inside["trace_id"] == request["trace_id"] == TRACE_ID
    assert request["span_id"] == collector.server_span().span_id.hex()


def test_a_collector_that_fails_disturbs_no_request(
    collector: _Collector, recorder: Recorder
) -> None:
    collector.status = 400
    with _traced(collector.url) as client:
        assert [client.get("/rows/1").status_code for _ in range(20)] == [200] * 20
    assert any("opentelemetry" in str(event.get("logger")) for event in recorder.events)


def test_a_collector_that_is_away_disturbs_no_request_and_holds_up_the_end_for_seconds_only(
    recorder: Recorder,
) -> None:
    with _traced("http://127.0.0.1:9") as client:
        assert [client.get("/rows/1").status_code for _ in range(20)] == [200] * 20
    assert any("opentelemetry" in str(event.get("logger")) for event in recorder.events)


def test_without_an_endpoint_nothing_is_traced_and_the_sdk_is_not_imported() -> None:
    program = (
        "import sys; from api.observability.tracing import Tracing; import api.observability.logs; "
        "print(Tracing(None).telemetry['tracing'], 'opentelemetry.sdk' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
    with _traced(None) as client:
        assert client.get("/rows/1").status_code == 200


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://x", "http://", "nonsense"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="OTEL_EXPORTER_OTLP_ENDPOINT"):
        Tracing(endpoint)


def _attributes(span: Span) -> dict[str, object]:
    return {
        found.key: getattr(found.value, str(found.value.WhichOneof("value")))
        for found in span.attributes
    }
