"""The databases inside the server."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from txn_platform.errors import ServiceError
from txn_platform.services.model import PostgresAddress

_CONNECT_SECONDS = 10
_MISSING = Path(__file__).parent / "sql" / "missing_databases.sql"


def create_missing(address: PostgresAddress, names: Sequence[str]) -> bool:
    """Create the databases that are not there yet.

    Returns:
        False when the server is not there for the moment: starting, recovering or ending.

    Raises:
        ServiceError: when the server refuses the password or a database.
    """
    import psycopg  # noqa: PLC0415 - takes 0.25 s, which commands without a server save
    from psycopg import errors, sql  # noqa: PLC0415

    try:
        connection = psycopg.connect(
            address.url("postgres"),
            connect_timeout=_CONNECT_SECONDS,
            sslmode="disable",
            gssencmode="disable",
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        if "password authentication failed" not in str(error):
            return False
        raise ServiceError(
            "the PostgreSQL server does not accept the password kept in secrets/postgres_password",
            remedy="Stop the server, remove that file and try again: a new one is then set.",
        ) from error
    try:
        with connection:
            missing = connection.execute(_MISSING.read_bytes(), {"names": list(names)}).fetchall()
            for (name,) in missing:
                create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
                # Another command may create it at the same moment.
                with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                    connection.execute(create)
    except psycopg.Error as error:
        if connection.broken:
            return False
        reason = error.diag.message_primary or type(error).__name__
        raise ServiceError(
            f"PostgreSQL could not create its databases: {reason}",
            remedy="Check the free space of the state directory's disk, and the database names.",
        ) from error
    return True
