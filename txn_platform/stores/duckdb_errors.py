"""DuckDB's errors as store errors, without any value of the data."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from txn_platform.errors import StoreError, TransientStoreError

# Messages of these are about files and memory; the others may quote values of a row.
_SAFE_TO_QUOTE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.OutOfMemoryException,
    duckdb.ConnectionException,
)
_LOCKED = "Could not set lock"
_DAMAGED = ("not a valid DuckDB database", "Corrupt database", "Could not read enough bytes")
_OTHER_VERSION = "version number"


@contextmanager
def duckdb_errors(action: str, path: Path) -> Generator[None]:
    """Turn DuckDB's errors into store errors that name the database file and a next step.

    Args:
        action: What was being done, as in "can't <action>".
        path: The database file.
    """
    try:
        yield
    except duckdb.Error as error:
        # Without a cause or context: tracebacks of chained errors would quote them in full.
        raise _translated(error, action, path) from None


def _translated(error: duckdb.Error, action: str, path: Path) -> StoreError:
    text = str(error).partition("\n")[0]
    if _LOCKED in text:
        return TransientStoreError(
            f"{path}: another program has the database open: {text.partition(': ')[2]}",
            remedy="Close that program; the warehouse has one user at a time.",
        )
    if any(sign in text for sign in _DAMAGED) or _OTHER_VERSION in text:
        return StoreError(
            f"{path}: is damaged, or written by another version of DuckDB",
            remedy="Move it away and materialize all partitions: it is rebuilt from the lake.",
        )
    if "No space left" in text:
        return StoreError(
            f"{path}: can't {action}: no space left on the device",
            remedy="Free space and run again; the warehouse is as it was before.",
        )
    reason = text if isinstance(error, _SAFE_TO_QUOTE) else type(error).__name__
    return StoreError(
        f"{path}: can't {action}: {reason}",
        remedy="Nothing was changed. `txn-platform doctor` checks the configuration and the files.",
    )
