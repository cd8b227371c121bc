"""Advisory file locks that the kernel drops however their holder ends."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path


class FileLock:
    """One `flock` on one file, shared or exclusive, never inherited by a child program.

    The file stays where it is after release: removing it would let two processes hold "the"
    lock on two different files of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def try_shared(self) -> bool:
        """Take the lock beside other shared holders; False where an exclusive one holds it."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Take the lock alone; False where anybody holds it."""
        return self._try(fcntl.LOCK_EX)

    def release(self) -> None:
        """Let go. A forked copy of this process that still runs keeps its own share."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_current(self) -> bool:
        """Whether the path still names the file that is locked here."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _try(self, mode: int) -> bool:
        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(self._descriptor, mode | fcntl.LOCK_NB)
            except BlockingIOError:
                self.release()
                return False
            if self.is_current():
                return True
            self.release()


def is_held(path: Path) -> bool:
    """Whether any process holds the lock on this file exclusively; creates nothing."""
    if not path.exists():
        return False
    lock = FileLock(path)
    free = lock.try_shared()
    lock.release()
    return not free


def wait_until(condition: Callable[[], bool], *, seconds: float, interval: float = 0.01) -> bool:
    """Poll until the condition holds; False when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True
