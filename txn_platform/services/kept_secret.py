"""Secrets that the local profile makes up once and keeps in its state directory."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from txn_platform.services.diagnosis import storage_errors


def kept_secret(home: Path, name: str) -> str:
    """The secret in `<home>/secrets/<name>`, readable for its owner only; made on first use.

    Processes that ask at the same moment get the same one.

    Raises:
        ServiceError: when the file can't be read or written.
    """
    path = home / "secrets" / name
    with storage_errors(home):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        return path.read_text(encoding="ascii")


def _create(path: Path) -> None:
    """Write it whole under another name first; the first one to link it there wins."""
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        Path(draft).unlink()
