"""Checking user name and password, without telling which of them was wrong."""

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import class_row

from api.auth.audit import Caller, record
from api.auth.keys import SigningKey
from api.auth.lockout import MEMORY_SECONDS, OF_ALL_CLIENTS, OF_ONE_CLIENT
from api.auth.passwords import Passwords
from api.clients import network_of
from api.database import ApiDatabase
from api.problems import ProblemError, too_many, unauthorized
from api.statements import statement
from txn_platform.users import is_name

NOBODY = ""


@dataclass(frozen=True)
class Account:
    """A row of `users`."""

    username: str
    password_hash: str
    scopes: list[str]
    disabled: bool


@dataclass(frozen=True)
class Failures:
    """A row of `login_failures`."""

    attempt_key: bytes
    failures: int
    age_seconds: float


@dataclass(frozen=True)
class Attempt:
    """Somebody gives a user name; `pair` and `name` are the keys under which failures count."""

    username: str
    who: Caller
    pair: bytes
    name: bytes

    @property
    def keys(self) -> list[bytes]:
        """Both keys."""
        return [self.pair, self.name]


class Credentials:
    """Verifies user names and passwords against the table `users`.

    What is unknown, disabled or mistyped takes the same statements, the same number of
    password comparisons, and gets the same answer.
    """

    def __init__(self, database: ApiDatabase, passwords: Passwords, key: SigningKey) -> None:
        self._database = database
        self._passwords = passwords
        self._key = key

    async def check(self, username: str, password: str, who: Caller) -> Account:
        """The account, when the password is right.

        Raises:
            ProblemError: 401 when something is wrong, 429 after too many failures, 503 when too
                many wait for their turn or PostgreSQL is away.
        """
        # No other text reaches the database: it may be a password, or hold a NUL.
        attempt = self._attempt(username if is_name(username) else NOBODY, username, who)
        # Looked up within one's turn: of many attempts at once no more than a few get through.
        async with self._passwords.turn():
            account = await self._look_up(attempt)
            stored = account.password_hash if account else None
            right = await self._passwords.matches(stored, password)
            if account is None or account.disabled or not right:
                raise await self._failed(attempt, account)
            new_hash = await self._passwords.rehashed(account.password_hash, password)
        await self._succeeded(attempt, account, new_hash)
        return account

    def _attempt(self, username: str, given: str, who: Caller) -> Attempt:
        return Attempt(
            username,
            who,
            pair=self._key.derived("failures of one client", f"{network_of(who.address)} {given}"),
            name=self._key.derived("failures of all clients", given),
        )

    async def _look_up(self, attempt: Attempt) -> Account | None:
        """The account, unless it is locked for now."""
        async with self._database.writing() as connection:
            cursor = connection.cursor(row_factory=class_row(Account))
            await cursor.execute(statement("api.auth", "account"), {"username": attempt.username})
            account = await cursor.fetchone()
            wait = await _wait_seconds(connection, attempt)
            if wait > 0:
                await record(connection, "login_blocked", _name(account), attempt.who)
        if wait > 0:
            raise too_many(wait)
        return account

    async def _failed(self, attempt: Attempt, account: Account | None) -> ProblemError:
        async with self._database.writing() as connection:
            values = {"keys": attempt.keys, "memory_seconds": MEMORY_SECONDS}
            await connection.execute(statement("api.auth", "record_failure"), values)
            await record(connection, "login_failed", _name(account), attempt.who)
        return unauthorized("The user name or the password is wrong.", error=None)

    async def _succeeded(self, attempt: Attempt, account: Account, new_hash: str | None) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                statement("api.auth", "forget_failures"), {"key": attempt.pair}
            )
            if new_hash is not None:
                values = {
                    "username": account.username,
                    "old_hash": account.password_hash,
                    "new_hash": new_hash,
                }
                await connection.execute(statement("api.auth", "store_hash"), values)


async def _wait_seconds(connection: AsyncConnection, attempt: Attempt) -> int:
    cursor = connection.cursor(row_factory=class_row(Failures))
    await cursor.execute(statement("api.auth", "failures"), {"keys": attempt.keys})
    waits = [
        (OF_ONE_CLIENT if row.attempt_key == attempt.pair else OF_ALL_CLIENTS).wait_seconds(
            row.failures, row.age_seconds
        )
        for row in await cursor.fetchall()
    ]
    return max(waits, default=0)


def _name(account: Account | None) -> str | None:
    return account.username if account else None
