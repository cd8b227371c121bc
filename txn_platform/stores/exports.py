"""Where exported files go, and the folder of the local profile."""

import os
import tempfile
from pathlib import Path
from typing import Protocol

from txn_platform.errors import StoreError


class Exports(Protocol):
    """A place for small files that other people's programs read."""

    def write(self, name: str, content: bytes) -> str:
        """Replace the file atomically; its path or address is returned."""
        ...


class LocalExports:
    """Files in one folder. A reader sees the old file or the new one, never a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: bytes) -> str:
        """See `Exports.write`."""
        target = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for stray in self._folder.glob(f".{name}.*"):
                stray.unlink(missing_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._folder, prefix=f".{name}.", delete=False
            ) as draft:
                draft.write(content)
                draft.flush()
                os.fsync(draft.fileno())
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(target)
        except OSError as error:
            raise StoreError(
                f"{target}: can't be written: {error.strerror}",
                remedy="Check free space and permissions of the state directory.",
            ) from error
        return str(target)
