"""Who signed in, who failed to, and what ended: one row and one log line for each event."""

from dataclasses import dataclass
from typing import Literal

from psycopg import AsyncConnection
from starlette.requests import HTTPConnection

from api.clients import address_of
from api.observability.logs import logger
from api.statements import statement

Event = Literal[
    "login_succeeded",
    "login_failed",
    "login_blocked",
    "token_refreshed",
    "refresh_replayed",
    "session_revoked",
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from.

    Attributes:
        address: The client's whole address, or `unknown`.
        request_id: Finds the request in the log.
    """

    address: str
    request_id: str


def caller(request: HTTPConnection) -> Caller:
    """Where the request comes from."""
    return Caller(address_of(request), str(request.scope.get("state", {}).get("request_id", "")))


async def record(
    connection: AsyncConnection, event: Event, username: str | None, who: Caller
) -> None:
    """Write an event down, in the transaction of what it tells about.

    Args:
        connection: Of that transaction.
        event: What happened.
        username: Only a name that exists: people type passwords into the wrong field.
        who: Who asked for it.
    """
    values = {
        "event": event,
        "username": username,
        "client": who.address,
        "request_id": who.request_id,
    }
    await connection.execute(statement("api.auth", "record_event"), values)
    logger().info(event, audit=True, username=username, client=who.address)
