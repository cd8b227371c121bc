"""Durable moves, and operating system errors as store errors."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from txn_platform.errors import StoreError

_REMEDIES = {
    errno.ENOSPC: "Free space on this disk and run again; nothing half-written is ever read.",
    errno.EDQUOT: "Raise the quota or free space and run again; nothing half-written is ever read.",
    errno.EROFS: "The file system is read-only: choose another state directory (--home).",
    errno.EACCES: "Make it readable and writable for this user, or choose another --home.",
    errno.EPERM: "Make it readable and writable for this user, or choose another --home.",
    errno.EXDEV: "Keep the staging folder and the lake on one file system.",
}


@contextmanager
def store_errors(action: str, path: Path, *, remedy: str = "") -> Generator[None]:
    """Turn an `OSError` into a `StoreError` that names the file and the next step.

    Args:
        action: What was being done, as in "can't <action>".
        path: Where, unless the error itself names a file.
        remedy: The next step for errors that have no better one.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or path
        reason = error.strerror or type(error).__name__
        raise StoreError(
            f"{where}: can't {action}: {reason}", remedy=_REMEDIES.get(error.errno or 0, remedy)
        ) from error


def move_durably(source: Path, target: Path) -> None:
    """Rename `source` to `target`, replacing it, so that it survives a power cut."""
    fsync(source)
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        fsync(target.parent.parent)
    source.replace(target)
    fsync(target.parent)


def fsync(path: Path) -> None:
    """Write a file, or the entries of a folder, through to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
