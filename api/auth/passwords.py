"""Comparing passwords: slow on purpose, beside the event loop, a few at a time."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.problems import ProblemError

AT_ONCE = 2
"""Each takes 64 MiB and a core for some 50 ms: more at once only starve other requests."""
MAX_WAITING = 50
_RETRY_SECONDS = 5


class Passwords:
    """Verifies and makes argon2id hashes.

    Args:
        hasher: With the cost that new hashes get.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())
        self._turns = CapacityLimiter(AT_ONCE)
        self._threads = CapacityLimiter(AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for one's turn; inside, `matches` and `rehashed` run at once.

        Raises:
            ProblemError: 503 when too many wait already.
        """
        if self._turns.statistics().tasks_waiting >= MAX_WAITING:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"Too many sign-ins at once; try again in {_RETRY_SECONDS} seconds.",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        async with self._turns:
            yield

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one behind the stored hash.

        For a user who doesn't exist (None) it takes as long, and is never the case.
        """
        right = await to_thread.run_sync(
            self._verify, stored or self._nobodys, password, limiter=self._threads
        )
        return right and stored is not None

    async def rehashed(self, stored: str, password: str) -> str | None:
        """A new hash where the stored one has another cost than today's, else None."""
        if not self._hasher.check_needs_rehash(stored):
            return None
        return await to_thread.run_sync(self._hasher.hash, password, limiter=self._threads)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
