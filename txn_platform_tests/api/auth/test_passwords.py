"""Comparing passwords costs memory and time: a few at once, and beside the event loop."""

import threading
from http import HTTPStatus
from typing import Literal

import anyio
import pytest
from argon2 import PasswordHasher

from api.auth.passwords import AT_ONCE, MAX_WAITING, Passwords
from api.problems import ProblemError
from txn_platform_tests.api.auth.support import CHEAP, HASH, PASSWORD, WRONG


class Watched(PasswordHasher):
    """Counts how many threads compare at the same moment."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._both = threading.Barrier(AT_ONCE, timeout=10)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - overrides
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        # Goes on only when a second one is here as well.
        self._both.wait()
        with self._lock:
            self._running -= 1
        return super().verify(hash, password)


def test_two_are_compared_at_once_and_no_more() -> None:
    hasher = Watched()

    async def main() -> None:
        passwords = Passwords(hasher)

        async def one() -> None:
            async with passwords.turn():
                assert await passwords.matches(HASH, PASSWORD)

        async with anyio.create_task_group() as group:
            for _ in range(3 * AT_ONCE):
                group.start_soon(one)

    anyio.run(main)
    assert hasher.most == AT_ONCE


def test_when_too_many_wait_the_next_one_is_sent_away() -> None:
    async def main() -> None:
        passwords = Passwords(CHEAP)
        leave = anyio.Event()

        async def one() -> None:
            async with passwords.turn():
                await leave.wait()

        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE + MAX_WAITING):
                group.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(ProblemError) as refused:
                async with passwords.turn():
                    pass
            assert refused.value.status == HTTPStatus.SERVICE_UNAVAILABLE
            assert refused.value.headers["Retry-After"] == "5"
            leave.set()

    anyio.run(main)


@pytest.mark.parametrize(
    ("stored", "password", "right"),
    [
        (HASH, PASSWORD, True),
        (HASH, WRONG, False),
        (HASH, "", False),
        (None, PASSWORD, False),
        ("no hash", PASSWORD, False),
    ],
    # Not the hash, which differs in each process that collects the tests.
    ids=["the password", "another one", "none", "no such user", "a broken hash"],
)
def test_only_the_password_behind_the_hash_matches(
    stored: str | None, password: str, *, right: bool
) -> None:
    async def matches() -> bool:
        return await Passwords(CHEAP).matches(stored, password)

    assert anyio.run(matches) is right
