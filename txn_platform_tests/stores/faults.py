"""Break chosen requests of a Google client; the others reach the emulator."""

import json
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import requests
from urllib3 import HTTPResponse

Fault = Callable[[requests.PreparedRequest, Callable[[], requests.Response]], requests.Response]
"""Answers a request, after or without sending it."""


class FaultySession(requests.Session):
    """A session that records what is sent, and breaks what it has been told to.

    Attributes:
        sent: Method, URL and JSON body (where it is JSON) of every request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, Any]] = []
        self._faults: list[tuple[str, str, Fault]] = []

    def breaks(self, method: str, pattern: str, fault: Fault, *, times: int = 1) -> None:
        """Let `fault` answer the next requests with `pattern` in their URL or body."""
        self._faults += [(method, pattern, fault)] * times

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        self.sent.append((request.method or "", request.url or "", _json(request.body)))
        send = super().send
        for number, (method, pattern, fault) in enumerate(self._faults):
            if method == request.method and re.search(pattern, f"{request.url} {request.body}"):
                del self._faults[number]
                return fault(request, lambda: send(request, **options))
        return send(request, **options)

    def bodies(self, method: str, pattern: str) -> list[Any]:
        """The bodies of all requests with `pattern` in their URL or body."""
        return [
            body
            for sent, url, body in self.sent
            if sent == method and re.search(pattern, f"{url} {json.dumps(body)}")
        ]


def answers(content: dict[str, Any]) -> Fault:
    """Answer with the body that was sent and `content`, without sending the request."""
    return lambda request, _: _answer(request, 200, {**(_json(request.body) or {}), **content})


def refuses(status: int, reason: str = "", message: str = "told to fail") -> Fault:
    """Answer with an error, without sending the request."""
    return lambda request, _: _answer(request, status, _error(status, reason, message))


def loses_the_answer(status: int = 503) -> Fault:
    """Send the request, and answer as a proxy does whose upstream went away."""

    def fault(
        request: requests.PreparedRequest, send: Callable[[], requests.Response]
    ) -> requests.Response:
        send()
        return _answer(request, status, _error(status, "backendError", "lost"))

    return fault


def fails_the_job(reason: str, message: str) -> Fault:
    """Accept a job, and report that it has failed."""
    error = {"reason": reason, "message": message}
    return answers({"status": {"state": "DONE", "errorResult": error, "errors": [error]}})


def damages_the_content(
    _: requests.PreparedRequest, send: Callable[[], requests.Response]
) -> requests.Response:
    """Flip a bit of what is downloaded."""
    response = send()
    content = bytearray(response.raw.read())
    content[len(content) // 2] ^= 1
    response.raw = HTTPResponse(
        BytesIO(content), headers=response.raw.headers, preload_content=False
    )
    return response


def _error(status: int, reason: str, message: str) -> dict[str, Any]:
    problem = {"reason": reason, "message": message}
    return {"error": {"code": status, "message": message, "errors": [problem]}}


def _answer(
    request: requests.PreparedRequest, status: int, content: dict[str, Any]
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = request.url or ""
    response.headers["Content-Type"] = "application/json"
    response.raw = HTTPResponse(
        BytesIO(json.dumps(content).encode()), headers=response.headers, preload_content=False
    )
    return response


def _json(body: object) -> Any:  # noqa: ANN401
    try:
        return json.loads(body) if isinstance(body, str | bytes) else None
    except ValueError:
        return None
