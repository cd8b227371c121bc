"""Bodies of a bounded size."""

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problem_handlers import problem_response
from api.problems import too_large


class BodyLimit:
    """Answers 413 to a body that is longer than allowed, before or while it is read.

    Args:
        app: What answers the others.
        max_bytes: Of one body.
        unlimited: Paths that look after their bodies themselves.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, unlimited: Collection[str] = ()) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._unlimited = frozenset(unlimited)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, unless it says by itself that it is too long."""
        if scope["type"] != "http" or _path(scope) in self._unlimited:
            await self._app(scope, receive, send)
        elif (announced_bytes(scope) or 0) > self._max_bytes:
            problem = too_large(self._max_bytes)
            response = problem_response(scope, problem.status, problem.detail)
            await response(scope, receive, send)
        else:
            await self._app(scope, _counted(receive, self._max_bytes), send)


def _path(scope: Scope) -> str:
    """The path below the one that a proxy serves the application under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def announced_bytes(scope: Scope) -> int | None:
    """The `Content-Length`; None for a body of unknown length, or none."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            # Twenty digits are too many for any limit, and few enough to convert.
            return int(value[:20]) if value.isdigit() else None
    return None


def _counted(receive: Receive, max_bytes: int) -> Receive:
    """Whoever reads the body gets the problem: it may have any length where it comes in chunks."""
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise too_large(max_bytes)
        return message

    return counting
