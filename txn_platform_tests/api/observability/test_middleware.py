"""Every request has an id, one log line, and its place in the metrics, whatever happens to it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from anyio import to_thread
from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from api.observability.logs import logger
from api.observability.metrics import Metrics
from api.observability.middleware import RequestMiddleware
from txn_platform_tests.api.observability.recording import Recorder, observed_app

MADE_ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def app() -> FastAPI:
    app = observed_app()

    @app.get("/marts/{mart}")
    async def mart(request: Request, mart: str) -> str:
        request.state.username = "ada"
        request.state.result_count = 3
        request.state.bytes_processed = 10_485_760
        request.state.cache = "miss"
        logger().info("inside", about=mart)
        await to_thread.run_sync(lambda: logger().info("in a thread"))
        return request.state.request_id

    @app.get("/broken")
    async def broken() -> None:
        secret = "4111-1111"
        raise ValueError(f"no such card: {secret}")

    @app.get("/cut")
    async def cut() -> StreamingResponse:
        async def rows() -> AsyncIterator[bytes]:
            yield b"[1,"
            raise RuntimeError("lost at row 4111-1111")

        return StreamingResponse(rows())

    @app.get("/gone")
    async def gone() -> None:
        raise ClientDisconnect

    @app.get("/busy")
    async def busy() -> None:
        raise HTTPException(503)

    return app


@pytest.fixture
def client(app: FastAPI, recorder: Recorder) -> TestClient:
    assert recorder.events == []
    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("given", ["a", "trace-1.2_3", "Z" * 128])
def test_a_harmless_request_id_of_the_client_is_kept(client: TestClient, given: str) -> None:
    response = client.get("/marts/sales", headers={"X-Request-Id": given})
    assert response.headers["X-Request-Id"] == given == response.json()


@pytest.mark.parametrize(
    "given",
    ["", "a b", "Z" * 129, "x\ty", '"}{"level":"error"', "é", "<script>", "a;b", "../../etc"],
)
def test_any_other_request_id_is_replaced(
    client: TestClient, recorder: Recorder, given: str
) -> None:
    response = client.get("/marts/sales", headers={b"X-Request-Id": given.encode()})
    assert MADE_ID.fullmatch(response.headers["X-Request-Id"])
    [line] = recorder.requests()
    assert line["request_id"] == response.headers["X-Request-Id"]


def test_requests_without_an_id_get_different_ones(client: TestClient) -> None:
    ids = {client.get("/marts/sales").headers["X-Request-Id"] for _ in range(50)}
    assert len(ids) == 50


@pytest.mark.parametrize("path", ["/marts/a", "/nothing", "/broken", "/busy", "/metrics"])
def test_every_answer_carries_the_id(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"


def test_a_request_leaves_one_line_that_says_who_what_and_how_long(
    client: TestClient, recorder: Recorder
) -> None:
    client.get("/marts/sales?month=2023-10", headers={"X-Request-Id": "mine"})
    [line] = recorder.requests()
    timestamp, duration = line.pop("timestamp"), line.pop("duration_ms")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", timestamp)
    assert 0 < duration < 60_000
    assert line == {
        "level": "info",
        "event": "request",
        "request_id": "mine",
        "method": "GET",
        "route": "/marts/{mart}",
        "status": 200,
        "user": "ada",
        "result_count": 3,
        "bytes_processed": 10_485_760,
        "cache": "miss",
        "client": "testclient",
    }


@pytest.mark.parametrize(
    ("host", "logged"),
    [
        ("2001:db8::1", "2001:db8::1"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",) * 2,
        ("1" * 6000, "unknown"),
    ],
)
def test_no_address_makes_a_line_of_the_access_log_long(
    app: FastAPI, recorder: Recorder, host: str, logged: str
) -> None:
    TestClient(app, client=(host, 50_000)).get("/marts/sales")
    assert [line["client"] for line in recorder.requests()] == [logged]


def test_what_a_request_logs_carries_its_id_in_threads_too(
    client: TestClient, recorder: Recorder
) -> None:
    client.get("/marts/sales", headers={"X-Request-Id": "mine"})
    assert [(event["event"], event["request_id"]) for event in recorder.events] == [
        ("inside", "mine"),
        ("in a thread", "mine"),
        ("request", "mine"),
    ]


def test_an_exception_becomes_a_problem_and_one_line_without_its_values(
    client: TestClient, recorder: Recorder
) -> None:
    response = client.get("/broken")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong here. The log holds it under the request's id.",
        "instance": "/broken",
        "request_id": response.headers["X-Request-Id"],
    }
    [line] = recorder.events
    assert (line["level"], line["status"], line["route"]) == ("error", 500, "/broken")
    assert line["exception"]["type"] == "builtins.ValueError"
    assert re.search(r"test_middleware\.py:\d+ .*broken$", line["exception"]["frames"][-1])
    assert "4111" not in recorder.text + response.text


def test_an_exception_after_the_answer_began_is_logged_and_cuts_the_answer(
    client: TestClient, recorder: Recorder
) -> None:
    response = client.get("/cut")
    assert response.text == "[1,"
    [line] = recorder.requests()
    assert (line["level"], line["status"]) == ("error", 200)
    assert "4111" not in recorder.text


def test_a_client_that_went_away_is_no_error_of_ours(
    client: TestClient, recorder: Recorder
) -> None:
    client.get("/gone")
    [line] = recorder.requests()
    assert (line["level"], line["status"]) == ("info", 499)
    assert 'route="/gone",status="499"} 1.0' in client.get("/metrics").text


def test_a_store_that_is_away_is_a_warning(client: TestClient, recorder: Recorder) -> None:
    client.get("/busy")
    [line] = recorder.requests()
    assert (line["level"], line["status"]) == ("warning", 503)


def test_routes_are_named_by_their_templates(recorder: Recorder, tmp_path: Path) -> None:
    app = observed_app()
    inner, router = APIRouter(prefix="/sales"), APIRouter()

    @inner.get("/{product}")
    async def product(product: str) -> str:
        return product

    router.include_router(inner, prefix="/v1")
    app.include_router(router, prefix="/api")
    app.include_router(inner)
    (tmp_path / "a.css").touch()
    app.mount("/static", StaticFiles(directory=tmp_path))
    client = TestClient(app)
    paths = [
        "/api/v1/sales/x",
        "/sales/x",
        "/static/a.css",
        "/static/wp-login.php",
        "/openapi.json",
        "/docs",
        "/sales/x/",
        "/wp-login.php",
    ]
    for path in paths:
        client.get(path, follow_redirects=False)
    client.post("/sales/x")
    assert [(line["route"], line["status"]) for line in recorder.requests()] == [
        ("/api/v1/sales/{product}", 200),
        ("/sales/{product}", 200),
        ("/static/{path}", 200),
        ("/static/{path}", 404),
        ("/openapi.json", 200),
        ("/docs", 200),
        ("unmatched", 307),
        ("unmatched", 404),
        ("/sales/{product}", 405),
    ]


def test_an_answer_that_is_kept_for_others_does_not_collect_ids(recorder: Recorder) -> None:
    kept: Message = {"type": "http.response.start", "status": 200, "headers": []}

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(kept)
        await send({"type": "http.response.body"})

    client = TestClient(RequestMiddleware(app, Metrics()))
    for _ in range(2):
        assert len(client.get("/").headers.get_list("X-Request-Id")) == 1
    assert kept["headers"] == []
    assert len(recorder.requests()) == 2


def test_requests_in_flight_are_counted_until_they_end() -> None:
    metrics = Metrics()
    seen: list[int] = []

    async def scenario() -> None:
        release = asyncio.Event()

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            seen.append(metrics.in_flight)
            await release.wait()
            raise ClientDisconnect

        middleware = RequestMiddleware(app, metrics)
        requests = [asyncio.create_task(_call(middleware)) for _ in range(3)]
        await asyncio.sleep(0)  # each task runs until it waits
        assert metrics.in_flight == 3
        release.set()
        await asyncio.gather(*requests)

    asyncio.run(scenario())
    assert seen == [1, 2, 3]
    assert metrics.in_flight == 0


def test_a_cancelled_request_is_counted_and_stays_cancelled(recorder: Recorder) -> None:
    metrics = Metrics()

    async def scenario() -> None:
        started = asyncio.Event()

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            started.set()
            await asyncio.Event().wait()

        request = asyncio.create_task(_call(RequestMiddleware(app, metrics)))
        await started.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(scenario())
    assert metrics.in_flight == 0
    assert [line["status"] for line in recorder.requests()] == [499]


async def _call(app: RequestMiddleware) -> None:
    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        pass

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": None}
    await app(scope, receive, send)
