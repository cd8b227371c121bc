"""Statements on an open connection to PostgreSQL."""

from collections.abc import Mapping

import psycopg
from psycopg.rows import DictRow

from txn_platform.stores.statements import statement

Connection = psycopg.Connection[DictRow]


def execute(
    connection: Connection, name: str, parameters: Mapping[str, object] | None = None
) -> psycopg.Cursor[DictRow]:
    """Run `sql/postgres/<name>.sql`, which names no tables but its own."""
    return connection.execute(statement("postgres", name).encode(), parameters)
