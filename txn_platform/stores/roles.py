"""The API's role in PostgreSQL: it reads the marts and owns the schema `api`, nothing else."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege

from txn_platform.errors import ConfigurationError, StoreError
from txn_platform.stores.postgres_errors import postgres_errors
from txn_platform.stores.sql_files import sql_file

API_ROLE = "txn_api"
_CONNECT_SECONDS = 10
_SCRAM = b"scram-sha-256"


def provision(admin_url: str, password: str, role: str = API_ROLE) -> None:
    """Create the roles, the schema `api` and its tables, or bring them up to date.

    All in one transaction, and as often as one likes. The group `mart_reader` may read the
    operational mart and what the pipeline says about itself; the role is its member.

    Args:
        admin_url: Address of the operational database as the pipeline's role, which creates roles.
        password: What the API's role logs in with.
        role: Name of the API's role.

    Raises:
        ConfigurationError: for a role that may do more than the API ever should.
        StoreError: when that is not allowed, or the database does not answer.
    """
    with _connection(admin_url) as connection:
        _refuse_privileged(connection, role)
        # Only the verifier travels, and may show in a log of statements.
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), _SCRAM)
        names = {
            "role": sql.Identifier(role),
            "role_name": sql.Literal(role),
            "verifier": sql.Literal(verifier.decode()),
            "database": sql.Identifier(connection.info.dbname),
        }
        for statement in ("lock", "create_roles", "join_role", "create_schema", "become_role"):
            _run(connection, sql_file("roles", statement), names)
        connection.execute(sql_file("users", "create_tables"))
        connection.execute("RESET ROLE")
        for statement in ("move_users", "leave_role"):
            _run(connection, sql_file("roles", statement), names)
        connection.execute(sql_file("postgres", "grant_reading"))


def _refuse_privileged(connection: Connection, role: str) -> None:
    """An administrator's role must not become the API's, nor get its password."""
    found = connection.execute(sql_file("roles", "privileged"), {"role": role}).fetchone()
    if found is not None and found[0]:
        raise ConfigurationError(
            f"API_POSTGRES_USER: got {role}, a role with privileges of its own; accepted: another "
            "name",
            remedy=f"The API's role may read the marts only; the usual name is {API_ROLE}.",
        )


def _run(
    connection: Connection, text: LiteralString, names: dict[str, sql.Identifier | sql.Literal]
) -> None:
    connection.execute(sql.SQL(text).format(**names))


@contextmanager
def _connection(url: str) -> Generator[Connection]:
    """One transaction, whose refusals lead somewhere."""
    parts = conninfo_to_dict(url)
    where = f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
    with postgres_errors("prepare the API's role", where):
        try:
            with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
                yield connection
        except InsufficientPrivilege:
            raise StoreError(
                f"PostgreSQL at {where}: can't prepare the API's role: not allowed",
                remedy="The pipeline's role must be allowed to create roles (CREATEROLE) and own "
                "the database; or have an administrator do it.",
            ) from None
