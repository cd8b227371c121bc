"""The upload route in an application of its own, and requests as a server would hand them over."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.types import Message, Scope

from api import problem_handlers
from api.auth.principal import Principal
from api.database import ApiDatabase
from api.ingest.routes import build_router, ingest_paths
from api.limits.install import install
from api.limits.limiter import RateLimiter
from api.problems import unauthorized
from txn_platform.config import RateLimitsSection
from txn_platform.settings import Settings, load_settings

BOUNDARY = b"a-boundary-7a1f"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY.decode()}"
HEADER = "transaction_id,product,price,quantity,date\n"
CSV = (
    HEADER
    + "T1,Halal Lamb,10.50,2,2023-10-01\n"
    + "T2,Halal Beef,20.00,1,2023-10-02\n"
    + "T3,,20.00,1,2023-10-02\n"
).encode()
END = b"--" + BOUNDARY + b"--\r\n"


class Bearers:
    """Takes `Bearer <name> <scopes>` at its word."""

    def authenticate(self, request: HTTPConnection) -> Principal:
        given = request.headers.get("Authorization", "").split()
        if len(given) < 2:
            raise unauthorized("no token", error=None)
        return Principal(given[1], frozenset(given[2:]), "session")

    def session(self, _request: HTTPConnection) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """Why the parameter `file` was refused."""
        [parameter] = self.document["parameters"]
        assert parameter["name"] == "file"
        assert parameter["in"] == "form"
        return parameter["reason"]


def settings_with(**api: object) -> Settings:
    settings = load_settings(environ={})
    config = settings.config.model_copy(update={"api": settings.config.api.model_copy(update=api)})
    return settings.model_copy(update={"config": config})


def build_app(lake: object, settings: Settings | None = None) -> FastAPI:
    chosen = settings or settings_with()
    app = FastAPI()
    problem_handlers.install(app)
    app.include_router(build_router(chosen))
    install(app, chosen, uploads=ingest_paths(chosen))
    unlimited = RateLimiter(cast("ApiDatabase", None), RateLimitsSection(ingest=None))
    app.state.services = SimpleNamespace(
        settings=chosen, lake=lake, auth=Bearers(), limiter=unlimited
    )
    return app


def part(
    content: bytes = CSV,
    disposition: bytes = b'form-data; name="file"; filename="sales.csv"',
    *headers: bytes,
) -> bytes:
    lines = [b"Content-Disposition: " + disposition, *headers]
    return b"--" + BOUNDARY + b"\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts or (part(),)) + END


async def post(
    app: FastAPI,
    chunks: bytes | Iterable[bytes] | AsyncIterable[bytes],
    headers: Mapping[str, str] | None = None,
    *,
    path: str = "/api/v1/ingest",
    disconnect: bool = False,
) -> Answer:
    """Send a request the way a server does, the body in the given chunks.

    Args:
        app: What answers.
        chunks: The body.
        headers: Besides those of an authorized multipart request; empty ones are left out.
        path: Where to.
        disconnect: The client goes away instead of ending the body.
    """
    given = {
        "Authorization": "Bearer uploader ingest:write",
        "Content-Type": MULTIPART,
        **(headers or {}),
    }
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in given.items()
            if value
        ],
        "client": ("192.0.2.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    incoming = _messages(chunks, disconnect=disconnect)
    sent: list[Message] = []

    async def receive() -> Message:
        return await anext(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return _answer(sent)


async def _messages(
    chunks: bytes | Iterable[bytes] | AsyncIterable[bytes], *, disconnect: bool
) -> AsyncIterator[Message]:
    async for chunk in _async(chunks):
        yield {"type": "http.request", "body": chunk, "more_body": True}
    if not disconnect:
        yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield {"type": "http.disconnect"}


async def _async(
    chunks: bytes | Iterable[bytes] | AsyncIterable[bytes],
) -> AsyncIterator[bytes]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
        return
    for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
        yield chunk


def _answer(sent: list[Message]) -> Answer:
    start, *rest = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(found.get("body", b"") for found in rest))


def files_below(folder: Path) -> list[Path]:
    """Every file, staged or landed."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
