"""The users of the API: names, argon2 hashes of their passwords, scopes."""

import re
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from argon2 import PasswordHasher
from psycopg.rows import class_row

from txn_platform.errors import ConfigurationError, StoreError, TransientStoreError
from txn_platform.stores.sql_files import sql_file

SCOPES = ("sales:read", "ingest:write", "products:read", "admin")
MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 1024
MAX_NAME_LENGTH = 64
ADMIN = "admin"

_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME_LENGTH}}}")


@dataclass(frozen=True)
class User:
    """One row of the table `users`, without its password."""

    username: str
    scopes: list[str]
    disabled: bool
    created_at: datetime


class UserDirectory:
    """The table `users` in the schema `api` of the operational database.

    Args:
        url: Address of the database with the credentials of the API's role.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def ensure_tables(self) -> None:
        """Create the tables of the schema `api` that are missing; they belong to the API's role.

        Raises:
            StoreError: when the schema isn't there or belongs to somebody else.
        """
        with self._connection() as connection:
            connection.execute(sql_file("users", "create_tables"))

    def add(self, username: str, password: str, scopes: Sequence[str]) -> None:
        """Create a user.

        Raises:
            ConfigurationError: for a name that is taken or unusable, a short password, or a scope
                that doesn't exist.
        """
        if not self._added(username, password, scopes):
            raise ConfigurationError(
                f"user {username}: exists already", remedy="Choose another name."
            )

    def ensure_admin(self, password: str | None) -> str | None:
        """Create the first user with every scope, once.

        Returns:
            The password when it was made up here and must be shown; else None.

        Raises:
            ConfigurationError: naming TXN_ADMIN_PASSWORD, for a password that can't be used.
        """
        if any(user.username == ADMIN for user in self.list()):
            return None
        chosen = password or secrets.token_urlsafe(18)
        try:
            # Another replica that starts may have been first.
            added = self._added(ADMIN, chosen, SCOPES)
        except ConfigurationError as error:
            raise ConfigurationError(f"TXN_ADMIN_PASSWORD: {error.message}") from None
        return chosen if added and not password else None

    def list(self) -> list[User]:
        """All users by name."""
        with self._connection() as connection:
            cursor = connection.cursor(row_factory=class_row(User))
            return cursor.execute(sql_file("users", "list_users")).fetchall()

    def disable(self, username: str) -> None:
        """Lock a user out and end all sessions; the account and its history stay.

        Raises:
            ConfigurationError: when there is no such user.
        """
        values = {"username": username}
        with self._connection() as connection:
            found = connection.execute(sql_file("users", "disable_user"), values).fetchone()
            # A statement of its own sees the session of a login that it had to wait for.
            connection.execute(sql_file("users", "end_sessions"), values)
        if found is None:
            raise ConfigurationError(
                f"user {username}: does not exist", remedy="`txn-platform users list` names all."
            )

    def _added(self, username: str, password: str, scopes: Sequence[str]) -> bool:
        _check(username, password, scopes)
        values = {
            "username": username,
            "password_hash": PasswordHasher().hash(password),
            "scopes": sorted(set(scopes)),
        }
        with self._connection() as connection:
            added = connection.execute(sql_file("users", "add_user"), values).fetchone()
        return added is not None

    @contextmanager
    def _connection(self) -> Generator[psycopg.Connection]:
        try:
            with psycopg.connect(self._url, connect_timeout=10) as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise TransientStoreError(
                f"the users of the API can't be reached: {type(error).__name__}",
                remedy="See that PostgreSQL runs and that the API's role may log in: "
                "`txn-platform users prepare` creates it.",
            ) from None
        except psycopg.Error as error:
            raise StoreError(
                f"the users of the API can't be used: {type(error).__name__}",
                remedy="`txn-platform users prepare` creates the API's role and schema.",
            ) from None


def is_name(text: str) -> bool:
    """Whether a user may have this name."""
    return _NAME.fullmatch(text) is not None


def _check(username: str, password: str, scopes: Sequence[str]) -> None:
    if not is_name(username):
        raise ConfigurationError(
            f"user name: got {username!r}; accepted: up to {MAX_NAME_LENGTH} letters, digits, "
            "hyphens and underscores"
        )
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise ConfigurationError(
            f"password: got {len(password)} characters; accepted: {MIN_PASSWORD_LENGTH} or more, "
            f"up to {MAX_PASSWORD_LENGTH}"
        )
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ConfigurationError(
            f"scope: got {unknown[0] if unknown else 'none'}; accepted: {', '.join(SCOPES)}"
        )
