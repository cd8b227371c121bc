"""What every answer carries, and how long a body may be."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Form, Request
from fastapi.testclient import TestClient
from starlette.responses import HTMLResponse, Response

from api import problem_handlers
from api.ingest.routes import ingest_paths
from api.limits.headers import DATA_POLICY, PAGE_POLICY, SecurityHeaders
from api.limits.install import install
from txn_platform.settings import Settings, load_settings

LIMIT = 1024
ORIGIN = "https://reports.example.com"


def settings_with(profile: str = "local", **api: object) -> Settings:
    settings = load_settings(environ={})
    changed = settings.config.api.model_copy(update={"max_body_bytes": LIMIT, **api})
    config = settings.config.model_copy(update={"api": changed})
    return settings.model_copy(update={"config": config, "profile": profile})


def client_of(settings: Settings) -> TestClient:
    app = FastAPI()
    problem_handlers.install(app)

    @app.get("/data")
    async def data() -> dict[str, Any]:
        return {}

    @app.get("/page")
    async def page() -> Response:
        return HTMLResponse("<p>")

    @app.get("/own")
    async def own() -> Response:
        return HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

    @app.post("/form")
    async def form(field: str = Form()) -> int:
        return len(field)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/ingest")
    async def ingest(request: Request) -> int:
        return len(await request.body())

    install(app, settings, uploads=ingest_paths(settings))
    app.add_middleware(SecurityHeaders, encrypted=settings.profile != "local")
    return TestClient(app)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(settings_with())


def chunked(size: int) -> Iterator[bytes]:
    """A body whose length is not announced."""
    yield b"field="
    for _ in range(size - len(b"field=")):
        yield b"x"


@pytest.mark.parametrize("path", ["/form", "/raw"])
@pytest.mark.parametrize("send_chunked", [False, True])
def test_a_body_of_the_limit_passes_and_one_byte_more_is_413(
    client: TestClient, path: str, send_chunked: bool
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def post(size: int) -> httpx2.Response:
        body = chunked(size) if send_chunked else b"".join(chunked(size))
        return client.post(path, content=body, headers=headers)

    assert post(LIMIT).status_code == 200
    refused = post(LIMIT + 1)
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert "1,024 bytes" in refused.json()["detail"]
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_a_body_that_is_longer_than_announced_is_413(client: TestClient) -> None:
    headers = {"Content-Length": "5"}
    assert client.post("/raw", content=b"x" * (LIMIT + 1), headers=headers).status_code == 413


def test_a_body_is_not_read_when_its_announced_length_is_too_much(client: TestClient) -> None:
    def unread() -> Iterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    for length in (str(LIMIT + 1), "9" * 5000):
        answer = client.post("/raw", content=unread(), headers={"Content-Length": length})
        assert answer.status_code == 413


def test_uploads_have_a_limit_of_their_own(client: TestClient) -> None:
    body = b"x" * (LIMIT + 1)
    assert client.post("/ingest", content=body).status_code == 200
    behind_a_proxy = TestClient(client.app, root_path="/sales")
    assert behind_a_proxy.post("/sales/ingest", content=body).status_code == 200
    assert behind_a_proxy.post("/sales/raw", content=body).status_code == 413


@pytest.mark.parametrize(
    ("path", "policy"), [("/data", DATA_POLICY), ("/missing", DATA_POLICY), ("/page", PAGE_POLICY)]
)
def test_every_answer_carries_the_security_headers(
    client: TestClient, path: str, policy: bytes
) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"] == policy.decode()
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("policy", [DATA_POLICY, PAGE_POLICY])
def test_no_policy_lets_inline_code_or_frames_in(policy: bytes) -> None:
    assert b"unsafe" not in policy
    assert b"frame-ancestors 'none'" in policy


def test_an_answer_that_brings_its_own_policy_keeps_it_alone(client: TestClient) -> None:
    policies = client.get("/own").headers.get_list("content-security-policy")
    assert policies == ["default-src 'self'"]


def test_browsers_are_told_to_use_https_outside_local_only() -> None:
    headers = client_of(settings_with("gcp")).get("/data").headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")


PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "Authorization",
}


def test_no_other_origin_is_let_in_unless_configured(client: TestClient) -> None:
    for answer in (
        client.get("/data", headers={"Origin": ORIGIN}),
        client.options("/data", headers=PREFLIGHT),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_configured_origin_is_let_in_and_no_other() -> None:
    client = client_of(settings_with(cors_origins=(ORIGIN,)))
    preflight = client.options("/data", headers=PREFLIGHT)
    answer = client.get("/data", headers={"Origin": ORIGIN})
    other = client.get("/data", headers={"Origin": "https://evil.example.com"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in other.headers
