"""A file or an upload as chunks of equal size, and the part of it that is being read."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from txn_platform.errors import InputFileError


@runtime_checkable
class Readable(Protocol):
    """A binary file, as far as it is needed here."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


Source = Readable | Iterable[bytes]
"""An open binary file, or the blocks of an upload; read once, from where it stands."""


@dataclass(frozen=True)
class Limits:
    """How much of a file is held at a time.

    Attributes:
        chunk_bytes: Bytes that are taken in together; peak memory is some 40 times that,
            and 21 to 43 bytes for each identifier besides.
        record_bytes: Size beyond which a record is rejected unread. No honest one comes near:
            the contract's own fields take a kilobyte, and a quote that never closes makes one
            record of the rest of the file.
    """

    chunk_bytes: int = 8 * 2**20
    record_bytes: int = 16 * 2**20


DEFAULT_LIMITS = Limits()


class Intake:
    """Reads a source in chunks, and knows the size and SHA-256 of what it has read.

    The chunks don't depend on how an upload is cut into blocks: the same bytes always give the
    same chunks, and with them the same row groups.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        chunk_bytes: int = DEFAULT_LIMITS.chunk_bytes,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        self._blocks = _blocks(source, chunk_bytes)
        self._name = name
        self._chunk_bytes = chunk_bytes
        self._on_progress = on_progress
        self._digest = hashlib.sha256()
        self.bytes_read = 0

    @property
    def sha256(self) -> str:
        """Lower-case hex digest of the bytes so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        """Chunks of exactly the chunk size; the last may be shorter.

        Raises:
            InputFileError: the source can't be read on.
        """
        pending = bytearray()
        for block in self._readable():
            pending += block
            while len(pending) >= self._chunk_bytes:
                yield self._account(bytes(pending[: self._chunk_bytes]))
                del pending[: self._chunk_bytes]
        if pending:
            yield self._account(bytes(pending))

        if self._on_progress:
            self._on_progress(self.bytes_read)

    def _readable(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        except OSError as error:
            raise InputFileError(
                f"{self._name}: can't be read after {self.bytes_read:,} bytes: "
                f"{error.strerror or type(error).__name__}"
            ) from error

    def _account(self, chunk: bytes) -> bytes:
        if self._on_progress and self.bytes_read:
            self._on_progress(self.bytes_read)
        self._digest.update(chunk)
        self.bytes_read += len(chunk)
        return chunk


class Window:
    """The bytes of a source that are held: from the first unread record on.

    Attributes:
        buffer: The bytes.
        offset: Where in the file the buffer starts.
        line: Number of the physical line with which it starts; the first is 1.
        final: Nothing follows the buffer.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.buffer = b""
        self.offset = 0
        self.line = 1
        self.final = False

    def grow(self) -> None:
        """Append the next chunk."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.final = True
        else:
            self.buffer += chunk

    def advance(self, size: int, lines: int) -> None:
        """Drop the first `size` bytes, in which `lines` physical lines end."""
        self.buffer = self.buffer[size:]
        self.offset += size
        self.line += lines


def _blocks(source: Source, size: int) -> Iterator[bytes]:
    if isinstance(source, Readable):
        return iter(partial(source.read, size), b"")
    return iter(source)
