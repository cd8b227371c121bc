"""Where the files of the embedded PostgreSQL lie below a state directory."""

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

HOST = "127.0.0.1"
ROLE = "txn_platform"

_MAX_LOG_BYTES = 1_000_000
_UNFINISHED = "data.new-"


@dataclass(frozen=True)
class ServerState:
    """What the keeper says about the running server.

    Attributes:
        pid: Process id of the postmaster.
        port: TCP port on 127.0.0.1.
        version: Such as "18.4".
    """

    pid: int
    port: int
    version: str


@dataclass(frozen=True)
class ServiceFiles:
    """The files of one state directory."""

    home: Path

    @property
    def root(self) -> Path:
        """Everything but the password."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "data"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own note of its postmaster; a clean end removes it."""
        return self.data / "postmaster.pid"

    @property
    def log(self) -> Path:
        """Messages of the server and of its keeper."""
        return self.root / "server.log"

    @property
    def lease_lock(self) -> Path:
        """Held shared by each command that uses the server."""
        return self.root / "lease.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held exclusively by the keeper for its whole life."""
        return self.root / "keeper.lock"

    @property
    def pin(self) -> Path:
        """Exists while the server stays up on purpose."""
        return self.root / "pinned"

    @property
    def password_file(self) -> Path:
        """Password of the database role, generated once."""
        return self.home / "secrets" / "postgres_password"

    @property
    def _state(self) -> Path:
        return self.root / "server.json"

    @property
    def _port(self) -> Path:
        return self.root / "port"

    def create(self) -> None:
        """Create the folders; the state directory is its owner's only.

        The server's folder may be traversed, not listed: as root the server runs as another
        user. What is inside is readable for its owner only.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.mkdir(mode=0o711, exist_ok=True)
        self.password_file.parent.mkdir(mode=0o700, exist_ok=True)

    def new_data_directory(self) -> Path:
        """An empty folder for a data directory in the making; renamed to `data` when whole."""
        return Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.root))

    def unfinished_data(self) -> list[Path]:
        """Data directories whose making was broken off."""
        return list(self.root.glob(f"{_UNFINISHED}*"))

    def read_state(self) -> ServerState | None:
        """The server that the keeper last announced, or None."""
        try:
            return ServerState(**json.loads(self._state.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def announce(self, state: ServerState) -> None:
        """Tell clients where the server is, and remember the port for the next start."""
        _replace(self._port, str(state.port))
        _replace(self._state, json.dumps(asdict(state)))

    def withdraw(self) -> None:
        """Take the announcement back: the server is not, or no longer, there."""
        self._state.unlink(missing_ok=True)

    def last_port(self) -> int | None:
        """The port of the previous start, so that addresses stay stable."""
        try:
            return int(self._port.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    def password(self) -> str | None:
        """The password, or None before the first start (or where somebody removed it)."""
        try:
            return self.password_file.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None

    def generate_password(self) -> str:
        """Make and keep a new password."""
        password = secrets.token_urlsafe(32)
        _replace(self.password_file, password)
        return password

    def open_log(self) -> BinaryIO:
        """The log, to append to."""
        return os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")

    def log_tail(self, offset: int = 0) -> str:
        """The end of the log, from `offset` (bytes) on."""
        try:
            with self.log.open("rb") as log:
                log.seek(offset)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def log_size(self) -> int:
        """Bytes in the log now."""
        return self.log.stat().st_size if self.log.exists() else 0

    def bound_log(self) -> None:
        """Set a log that has grown large aside, as `server.log.1`.

        Copied and emptied rather than renamed, because the server keeps it open (to append).
        """
        if self.log_size() > _MAX_LOG_BYTES:
            _replace(self.log.with_suffix(".log.1"), self.log_tail())
            os.truncate(self.log, 0)


def _replace(path: Path, text: str) -> None:
    """Write a file for its owner only, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
