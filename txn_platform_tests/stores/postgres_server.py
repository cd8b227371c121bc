"""A real PostgreSQL server for the tests of a session, and a fresh database for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql

from txn_platform.services import PostgresAddress


@contextmanager
def fresh_database(address: PostgresAddress) -> Iterator[str]:
    """The URL of an empty database that is dropped afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(address.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield address.url(name)
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(drop)
