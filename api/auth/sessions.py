"""Logins as rows: opened with a password, kept alive by refresh tokens, revocable."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from psycopg import AsyncConnection
from psycopg.rows import class_row

from api.auth.audit import Caller, record
from api.auth.revocations import Revocations
from api.auth.scopes import Requested, granted
from api.database import ApiDatabase
from api.problems import ProblemError, unauthorized
from api.statements import statement

_RANDOM_BYTES = 32


@dataclass(frozen=True)
class Refreshed:
    """A session that a refresh token kept alive.

    Attributes:
        scopes: What was requested, of those of the login that the user still has.
        refresh_token: The next one.
    """

    session_id: str
    username: str
    scopes: frozenset[str]
    refresh_token: str


@dataclass(frozen=True)
class _Presented:
    """A refresh token that somebody shows, as the tables know it."""

    session_id: str
    username: str
    scopes: list[str]
    user_scopes: list[str]
    is_used: bool
    is_valid: bool


class Sessions:
    """The tables `sessions` and `refresh_tokens`.

    Args:
        database: The API's own tables.
        revocations: Learns at once what is revoked here.
        refresh_seconds: How long a refresh token lives; the session lives on with each new one.
    """

    def __init__(
        self, database: ApiDatabase, revocations: Revocations, refresh_seconds: int
    ) -> None:
        self._database = database
        self._revocations = revocations
        self._refresh_seconds = refresh_seconds

    async def open(self, username: str, scopes: frozenset[str], seconds: int, who: Caller) -> str:
        """A new session that lives for some seconds; returns its id.

        Raises:
            ProblemError: 401 when the user was disabled this moment.
        """
        async with self._database.writing() as connection:
            session_id = await self._open(connection, username, sorted(scopes), seconds)
            if session_id is not None:
                await record(connection, "login_succeeded", username, who)
        return _opened(session_id)

    async def open_refreshable(
        self, username: str, scopes: frozenset[str], who: Caller
    ) -> tuple[str, str]:
        """A new session and its first refresh token.

        Raises:
            ProblemError: 401 when the user was disabled this moment.
        """
        refresh_token = ""
        async with self._database.writing() as connection:
            seconds = self._refresh_seconds
            session_id = await self._open(connection, username, sorted(scopes), seconds)
            if session_id is not None:
                refresh_token = await self._add_refresh_token(connection, session_id)
                await record(connection, "login_succeeded", username, who)
        return _opened(session_id), refresh_token

    async def refresh(self, refresh_token: str, requested: Requested, who: Caller) -> Refreshed:
        """Exchange a refresh token for the next one.

        One that was used before is in two hands: the whole session ends.

        Raises:
            ProblemError: 401 when it is unknown, used, expired or revoked; 403 without any of
                the requested scopes, and then it can be used again.
        """
        async with self._database.writing() as connection:
            shown = await _presented(connection, refresh_token)
            if shown is None or not (shown.is_valid or shown.is_used):
                raise _not_refreshable()
            if not shown.is_used:
                scopes = granted(requested, frozenset(shown.scopes) & frozenset(shown.user_scopes))
                following = await self._exchange(connection, refresh_token, shown, who)
                return Refreshed(shown.session_id, shown.username, scopes, following)
            await record(connection, "refresh_replayed", shown.username, who)
            await self._revoke(connection, shown.session_id, who)
        self._revocations.add(shown.session_id)
        raise _not_refreshable()

    async def revoke(self, session_id: str, who: Caller) -> None:
        """End a session; its tokens are refused from now on."""
        async with self._database.writing() as connection:
            await self._revoke(connection, session_id, who)
        self._revocations.add(session_id)

    async def session_of(self, refresh_token: str) -> str | None:
        """The session that a refresh token belongs to, or None for an unknown one."""
        values = {"token_hash": _hash(refresh_token)}
        async with self._database.reading() as connection:
            cursor = await connection.execute(
                statement("api.auth", "session_of_refresh_token"), values
            )
            found = await cursor.fetchone()
        return found[0] if found else None

    async def _open(
        self, connection: AsyncConnection, username: str, scopes: Sequence[str], seconds: int
    ) -> str | None:
        values = {
            "new_id": secrets.token_urlsafe(_RANDOM_BYTES),
            "username": username,
            "granted": scopes,
            "seconds": seconds,
        }
        cursor = await connection.execute(statement("api.auth", "open_session"), values)
        opened = await cursor.fetchone()
        return opened[0] if opened else None

    async def _exchange(
        self, connection: AsyncConnection, refresh_token: str, shown: _Presented, who: Caller
    ) -> str:
        """Use a refresh token up; returns the next one."""
        values = {"session_id": shown.session_id, "seconds": self._refresh_seconds}
        await connection.execute(
            statement("api.auth", "use_refresh_token"), {"token_hash": _hash(refresh_token)}
        )
        await connection.execute(statement("api.auth", "prolong_session"), values)
        await record(connection, "token_refreshed", shown.username, who)
        return await self._add_refresh_token(connection, shown.session_id)

    async def _add_refresh_token(self, connection: AsyncConnection, session_id: str) -> str:
        refresh_token = secrets.token_urlsafe(_RANDOM_BYTES)
        values = {
            "token_hash": _hash(refresh_token),
            "session_id": session_id,
            "seconds": self._refresh_seconds,
        }
        await connection.execute(statement("api.auth", "add_refresh_token"), values)
        return refresh_token

    async def _revoke(self, connection: AsyncConnection, session_id: str, who: Caller) -> None:
        cursor = await connection.execute(
            statement("api.auth", "revoke_session"), {"session_id": session_id}
        )
        revoked = await cursor.fetchone()
        if revoked is not None:
            await record(connection, "session_revoked", revoked[0], who)


async def _presented(connection: AsyncConnection, refresh_token: str) -> _Presented | None:
    cursor = connection.cursor(row_factory=class_row(_Presented))
    await cursor.execute(
        statement("api.auth", "refresh_token"), {"token_hash": _hash(refresh_token)}
    )
    return await cursor.fetchone()


def _hash(refresh_token: str) -> bytes:
    """What is stored: with 256 random bits in it, a token needs no slower hash."""
    return sha256(refresh_token.encode()).digest()


def _opened(session_id: str | None) -> str:
    if session_id is None:
        raise unauthorized("The user name or the password is wrong.", error=None)
    return session_id


def _not_refreshable() -> ProblemError:
    return unauthorized(
        "The refresh token is invalid, expired, revoked or was used before; sign in again."
    )
