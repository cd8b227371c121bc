"""PostgreSQL's errors as store errors, without any value of the data."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from txn_platform.errors import StoreError, TransientStoreError

# SQLSTATEs and classes that another attempt may cure: connection exceptions, rollbacks by
# serialization or deadlock, lock timeout, shutdown and start, too many connections.
_TRANSIENT_STATES = ("08", "40", "55P03", "57P", "53300")
_DISK_FULL = "53100"
_STATEMENT_TIMEOUT = "57014"
# A server that answers a connection attempt with FATAL means it, unless it only starts or stops.
_SOON_READY = ("starting up", "shutting down", "recovery", "too many clients", "connection slots")


@contextmanager
def postgres_errors(action: str, where: str) -> Generator[None]:
    """Turn psycopg's errors into store errors that name the database and a next step.

    Args:
        action: What was being done, as in "can't <action>".
        where: Host, port and database.
    """
    try:
        yield
    except psycopg.Error as error:
        # Without a cause or context: messages and details of constraint violations and failed
        # conversions hold key values, and tracebacks of chained errors would quote them.
        raise _translated(error, f"PostgreSQL at {where}: can't {action}") from None


def _translated(error: psycopg.Error, problem: str) -> StoreError:
    state = error.sqlstate
    if state is None and isinstance(error, psycopg.OperationalError):
        return _without_state(error, problem)
    problem = f"{problem}: {_named(error)}"
    if state and state.startswith(_TRANSIENT_STATES):
        return TransientStoreError(problem, remedy="Nothing was changed; run again.")
    if state == _DISK_FULL:
        return StoreError(problem, remedy="Free space on the server's disk and run again.")
    if state == _STATEMENT_TIMEOUT:
        return StoreError(problem, remedy="Load fewer days at once, or raise the timeout.")
    return StoreError(problem, remedy="Nothing was changed; the server's log has the details.")


def _without_state(error: psycopg.OperationalError, problem: str) -> StoreError:
    """Errors of the connection itself; their text is about hosts and sockets, never about data."""
    text = str(error).partition("\n")[0]
    refused = "FATAL:" in text and not any(sign in text for sign in _SOON_READY)
    if refused:
        return StoreError(
            f"{problem}: {text}",
            remedy="Check data_warehouse.postgres, POSTGRES_USER and POSTGRES_PASSWORD.",
        )
    return TransientStoreError(
        f"{problem}: {text}",
        remedy="See that the server runs: txn-platform services status.",
    )


def _named(error: psycopg.Error) -> str:
    """Kind of error and the objects involved."""
    diagnosis = error.diag
    objects = (diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name)
    involved = ", ".join(name for name in objects if name)
    kind = f"{type(error).__name__} {error.sqlstate or ''}".strip()
    return f"{kind} ({involved})" if involved else kind
