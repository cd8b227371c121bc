"""Where log lines go: standard output, and a rotated file where one is configured.

A thread writes, so that a slow disk, a full pipe or a reader that went away never delays a
request, and so that a burst of lines costs one system call instead of one each.
"""

import os
import sys
import threading
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from txn_platform.errors import ConfigurationError

STDOUT = 1
FILE_BYTES = 10 * 1024**2
FILE_BACKUPS = 5
# About 4 MB of access log: what a burst or a stalled reader may hold in memory.
MAX_WAITING = 10_000
GATHER_SECONDS = 0.02
CLOSE_SECONDS = 2.0
LOCK_SECONDS = 5.0


class Target(Protocol):
    """Something that takes whole lines."""

    def write(self, lines: bytes) -> None:
        """Take the lines.

        Raises:
            OSError: when they can't be written; they are lost, and the next ones are tried again.
        """
        ...


class Descriptor:
    """An open file descriptor, without a buffer that would keep lines after a failure."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, lines: bytes) -> None:
        """Write until the last byte is out, however little the pipe takes at a time."""
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class RotatedFile:
    """A file of at most 10 MB with five older ones beside it, shared by all workers.

    Args:
        path: Its folder is created where it is missing.

    Raises:
        ConfigurationError: when the file can't be opened.
    """

    def __init__(self, path: Path, *, most_bytes: int = FILE_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(self._open())
        except OSError as error:
            raise ConfigurationError(
                f"api.log_file: {path} can't be written: {error.strerror}",
                remedy="Name a file in a folder that the API may write to, or null.",
            ) from None
        # Only rotates: it never holds the file open, since another worker may rotate it, too.
        self._rotation = RotatingFileHandler(path, backupCount=FILE_BACKUPS, delay=True)
        self._lock = FileLock(f"{path}.lock", timeout=LOCK_SECONDS)

    def write(self, lines: bytes) -> None:
        """Append, after moving the file out of the way where the lines no longer fit."""
        with self._lock:
            size = self._path.stat().st_size if self._path.exists() else 0
            if size and size + len(lines) > self._most_bytes:
                self._rotation.doRollover()
            descriptor = self._open()
            try:
                Descriptor(descriptor).write(lines)
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)


class LogOutput:
    """Takes lines from any thread and never blocks, raises or grows without bound.

    Attributes:
        dropped: Lines lost since the start because a target failed or could not keep up.
    """

    def __init__(self, *targets: Target) -> None:
        self.dropped = 0
        self._targets = targets
        self._waiting: deque[bytes] = deque()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._run, name="log-output", daemon=True)
        self._writer.start()

    def write(self, line: bytes) -> None:
        """Take one line, without its line end."""
        if self._closing.is_set():
            self._send(line + b"\n")
            return
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(line)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Write what waits; later lines (of the server's own end) are written at once."""
        self._closing.set()
        self._wake.set()
        self._writer.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(GATHER_SECONDS)
            # Cleared before taking the lines: one that arrives in between wakes us again.
            self._wake.clear()
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        lines: list[bytes] = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        if lines:
            lines.append(b"")
            self._send(b"\n".join(lines))

    def _send(self, lines: bytes) -> None:
        for target in self._targets:
            try:
                target.write(lines)
            except (OSError, ValueError):
                # There is no better place to say so: the metric log_lines_dropped_total does.
                self.dropped += lines.count(b"\n")


def standard_output() -> list[Target]:
    """Standard output, or nothing where the process was started without.

    The descriptor may by now belong to a socket in that case.
    """
    return [] if sys.__stdout__ is None else [Descriptor(STDOUT)]
