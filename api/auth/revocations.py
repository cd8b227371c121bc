"""The sessions that have ended before their tokens expire, as this process knows them."""

import time
from datetime import datetime

from psycopg import AsyncConnection

from api.statements import statement

_MARGIN_SECONDS = 60


class Revocations:
    """A set of session ids, refreshed from the database.

    Args:
        longest_seconds: How long a token may live: a revocation that is older than this plays
            no role any more.
    """

    def __init__(self, longest_seconds: int) -> None:
        self._longest = longest_seconds + _MARGIN_SECONDS
        self._ended: dict[str, float] = {}
        self._as_of: datetime | None = None

    @property
    def loaded(self) -> bool:
        """Whether they were read since the process started."""
        return self._as_of is not None

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._ended

    def add(self, session_id: str) -> None:
        """Know at once what this process revoked itself."""
        # Put last, so that the first one is always the oldest.
        self._ended.pop(session_id, None)
        self._ended[session_id] = time.monotonic()

    async def refresh(self, connection: AsyncConnection) -> None:
        """Learn what was revoked since the last time, and forget what has become irrelevant."""
        values = {"as_of": self._as_of, "longest": self._longest}
        cursor = await connection.execute(statement("api.auth", "revocations"), values)
        [(as_of, ended)] = await cursor.fetchall()
        for session_id in ended:
            self.add(session_id)
        self._as_of = as_of
        self._forget()

    def _forget(self) -> None:
        now = time.monotonic()
        while self._ended:
            oldest = next(iter(self._ended))
            if now - self._ended[oldest] < self._longest:
                return
            del self._ended[oldest]
