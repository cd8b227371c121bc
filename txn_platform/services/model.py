"""What callers of the embedded PostgreSQL get to see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class PostgresAddress:
    """Where the server is and how to log in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """The connection URL of one database; it holds the password."""
        user, password = quote(self.user, safe=""), quote(self.password, safe="")
        return f"postgresql://{user}:{password}@{self.host}:{self.port}/{quote(database, safe='')}"


@dataclass(frozen=True)
class StopOutcome:
    """What `stop` did.

    Attributes:
        was_running: Whether there was a server to stop.
        stopped: Whether there is none now.
        holders: The live commands for which it was left running, by process id; it stops when
            they have ended.
    """

    was_running: bool
    stopped: bool
    holders: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True)
class ServiceStatus:
    """The server as it is now; the fields that may be None are so when it is not running.

    Attributes:
        running: Whether it accepts connections.
        pinned: Whether it stays up when no command uses it.
        data_directory: Where its data lies.
        address: `host:port`, without credentials.
        pid: Process id of the postmaster.
        version: Such as "18.4".
    """

    running: bool
    pinned: bool
    data_directory: Path
    address: str | None = None
    pid: int | None = None
    version: str | None = None
