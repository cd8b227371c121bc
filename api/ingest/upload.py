"""An upload as it is read: bounded in size, in memory, and in how long it makes others wait."""

from collections.abc import Iterator
from http import HTTPStatus

from anyio import current_time, fail_after, from_thread
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from api.ingest.multipart import FilePart, refused
from api.limits.bodies import announced_bytes
from api.problems import ProblemError, too_large

BLOCK_BYTES = 256 * 1024
"""What is handed to the thread at once. Each time takes a tenth of a millisecond."""
IDLE_SECONDS = 30.0
START_SECONDS = 30.0
"""How long a client may be waited for in all, before what it has sent earns it more."""
BYTES_PER_SECOND = 64_000
"""The slowest pace after that. Only few uploads fit at once: clients that send a byte now and then
would keep everybody else out. A poor mobile connection is faster than this."""
CONTENT_TYPE = "multipart/form-data"


class Upload:
    """The file of a request. Nothing is read of it before somebody asks for more.

    Args:
        request: With a body of `multipart/form-data` that nobody has read.
        max_bytes: Of the whole body.

    Raises:
        ProblemError: 413 or 415 where the headers say that reading is useless, 422 for a boundary
            that can't be used.
    """

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._part = FilePart(_boundary(request))
        if (announced_bytes(request.scope) or 0) > max_bytes:
            raise too_large(max_bytes)
        self._receive = request.receive
        self._max_bytes = max_bytes
        self._received = 0
        self._waited = 0.0
        self._blocks: list[bytes] = []
        self._ended = False

    async def begin(self) -> str:
        """Read until the file begins.

        Returns:
            Its name.

        Raises:
            ProblemError: 408, 413 or 422.
            ClientDisconnect: the client is gone.
        """
        while self._part.name is None:
            await self._read()
        return self._part.name

    def __iter__(self) -> Iterator[bytes]:
        """The file in blocks, for a worker thread of the loop that serves the request.

        It ends only when the whole body was well-formed and held one file. Before that it raises
        what `begin` may raise, so whoever consumes it never takes a part for the whole.
        """
        while block := from_thread.run(self._next_block):
            yield block

    async def _next_block(self) -> bytes:
        """The next bytes of the file; none at its end."""
        size = sum(map(len, self._blocks))
        while size < BLOCK_BYTES and not self._ended:
            size += await self._read()
        block = b"".join(self._blocks)
        self._blocks = []
        return block

    async def _read(self) -> int:
        """Take in one piece of the body; returns how many bytes of the file were in it."""
        message = await self._next_message()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        self._received += len(body)
        if self._received > self._max_bytes:
            raise too_large(self._max_bytes)
        found = self._part.feed(body)
        self._blocks += found
        if not message.get("more_body", False):
            self._part.finish()
            self._ended = True
        return sum(map(len, found))

    async def _next_message(self) -> Message:
        """Wait for the client, as long as it may be waited for.

        Only this counts, not how long the landing took over what came.
        """
        left = START_SECONDS + self._received / BYTES_PER_SECOND - self._waited
        if left <= 0:
            raise _too_slow()
        began = current_time()
        try:
            with fail_after(min(left, IDLE_SECONDS)):
                return await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        finally:
            self._waited += current_time() - began


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("Content-Type"))
    if kind != CONTENT_TYPE.encode():
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Send the file as {CONTENT_TYPE}, in the part `file`.",
        )
    boundary = options.get(b"boundary")
    if not boundary:
        raise refused("the header Content-Type names no boundary")
    return boundary


def _too_slow() -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_TIMEOUT,
        "The file came in too slowly; nothing was stored. Send it again over a faster connection:"
        f" at least {BYTES_PER_SECOND // 1000} kB a second, without pauses of"
        f" {IDLE_SECONDS:.0f} seconds.",
    )
