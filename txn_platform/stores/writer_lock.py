"""One writer at a time, across threads and processes."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from txn_platform.errors import TransientStoreError
from txn_platform.stores.disk import store_errors


class WriterLock:
    """A flock that says who holds it, re-entrant within a thread.

    Args:
        path: The lock file; it stays behind, empty of meaning, when nobody holds the lock.
        timeout: Seconds to wait for another holder.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the lock.

        Raises:
            TransientStoreError: naming the holder, when it does not let go in time.
            StoreError: when the lock file can't be made.
        """
        # One instance for each path and process: only so is it re-entrant between two handles.
        lock = FileLock(self._path, is_singleton=True, on_acquired=_sign)
        with store_errors("take the writer's lock", self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=self._timeout)
            except Timeout:
                raise TransientStoreError(
                    f"{self._path}: held for more than {self._timeout:g} s by {self._holder()}",
                    remedy="Wait until it has finished, or stop it.",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def _holder(self) -> str:
        return self._path.read_text(encoding="utf-8").strip() or "another process"


def _sign(descriptor: int) -> None:
    """Write into the lock file who holds it."""
    program = Path(sys.argv[0]).name or "python"
    line = f"process {os.getpid()} ({program}) since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, line.encode(), 0)
