"""The embedded PostgreSQL server: started when a command needs it, stopped when none does.

A *lease* is a shared file lock that a command holds while it uses the server. A small
*keeper* process per state directory runs the server as its child and stops it when the last
lease has ended. Both are kernel locks, so nothing depends on a clean exit.
"""

import sys

from txn_platform.errors import ServiceError

if sys.platform == "win32":
    raise ServiceError(
        "the embedded PostgreSQL runs on Linux and macOS only",
        remedy="On Windows use WSL, or TXN_PROFILE=gcp with a PostgreSQL server of your own.",
    )

from txn_platform.services.postgres import (
    EmbeddedPostgres,
    PostgresAddress,
    ServiceStatus,
    StopOutcome,
)

__all__ = ["EmbeddedPostgres", "PostgresAddress", "ServiceStatus", "StopOutcome"]
