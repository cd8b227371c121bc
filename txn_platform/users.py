"""The users of the API: names, argon2 hashes of their passwords, scopes."""

import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import LiteralString, cast

import psycopg
from argon2 import PasswordHasher
from psycopg.rows import class_row

from txn_platform.errors import ConfigurationError, StoreError

SCOPES = ("sales:read", "ingest:write", "products:read", "admin")
MIN_PASSWORD_LENGTH = 12
MAX_NAME_LENGTH = 64
ADMIN = "admin"


@dataclass(frozen=True)
class User:
    """One row of `api_users`, without its password."""

    username: str
    scopes: list[str]
    disabled: bool
    created_at: datetime


class UserDirectory:
    """The table `api_users` in the operational database.

    Args:
        url: Address of the database, credentials included.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def add(self, username: str, password: str, scopes: Sequence[str]) -> None:
        """Create a user.

        Raises:
            ConfigurationError: for a name that is taken or unusable, a short password, or a scope
                that doesn't exist.
        """
        _check(username, password, scopes)
        values = {
            "username": username,
            "password_hash": PasswordHasher().hash(password),
            "scopes": sorted(set(scopes)),
        }
        with self._connection() as connection:
            created = connection.execute(_statement("add_user"), values).fetchone()
        if created is None:
            raise ConfigurationError(
                f"user {username}: exists already", remedy="Choose another name."
            )

    def ensure_admin(self, password: str | None) -> str | None:
        """Create the first user with every scope, once.

        Returns:
            The password when it was made up here and must be shown; else None.
        """
        if any(user.username == ADMIN for user in self.list()):
            return None
        chosen = password or secrets.token_urlsafe(18)
        self.add(ADMIN, chosen, SCOPES)
        return None if password else chosen

    def list(self) -> list[User]:
        """All users by name."""
        with self._connection() as connection:
            return (
                connection.cursor(row_factory=class_row(User))
                .execute(_statement("list_users"))
                .fetchall()
            )

    def disable(self, username: str) -> None:
        """Lock a user out; the account and its history stay.

        Raises:
            ConfigurationError: when there is no such user.
        """
        with self._connection() as connection:
            found = connection.execute(
                _statement("disable_user"), {"username": username}
            ).fetchone()
        if found is None:
            raise ConfigurationError(
                f"user {username}: does not exist", remedy="`txn-platform users list` names all."
            )

    @contextmanager
    def _connection(self) -> Generator[psycopg.Connection]:
        try:
            with psycopg.connect(self._url, connect_timeout=10) as connection:
                connection.execute(_statement("create_users"))
                yield connection
        except psycopg.Error as error:
            raise StoreError(
                f"the table api_users can't be used: {type(error).__name__}",
                remedy="`txn-platform doctor` checks the database.",
            ) from None


def _check(username: str, password: str, scopes: Sequence[str]) -> None:
    if not (username.isascii() and username.replace("-", "").replace("_", "").isalnum()) or (
        len(username) > MAX_NAME_LENGTH
    ):
        raise ConfigurationError(
            f"user name: got {username!r}; accepted: up to {MAX_NAME_LENGTH} letters, digits, "
            "hyphens and underscores"
        )
    if len(password) < MIN_PASSWORD_LENGTH:
        raise ConfigurationError(
            f"password: got {len(password)} characters; accepted: {MIN_PASSWORD_LENGTH} or more"
        )
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ConfigurationError(
            f"scope: got {unknown[0] if unknown else 'none'}; accepted: {', '.join(SCOPES)}"
        )


def _statement(name: str) -> LiteralString:
    path = files("txn_platform.stores") / "sql" / "users" / f"{name}.sql"
    return cast("LiteralString", path.read_text(encoding="utf-8"))
