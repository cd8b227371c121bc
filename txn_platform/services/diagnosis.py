"""What a failure to start means, in words that lead somewhere."""

import errno
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from txn_platform.errors import ServiceError

PORT_TAKEN = re.compile(r"could not bind|could not create any TCP/IP sockets")

_EMPTY_START = (
    "Restore {data} from a backup, or move it away to begin with an empty database "
    "(the lake still holds every accepted row)."
)

_CAUSES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"No space left on device|Disk quota exceeded"),
        "the disk that holds {data} is full",
        "Free some space, or choose another state directory with --home.",
    ),
    (
        re.compile(r"Read-only file system"),
        "{data} is on a read-only file system",
        "Choose another state directory with --home.",
    ),
    (
        re.compile(r"Permission denied|Operation not permitted|wrong ownership|invalid perm"),
        "PostgreSQL may not use {data}",
        "Give its files back to the user that runs this command, or choose another --home.",
    ),
    (
        re.compile(r"loading shared libraries|Library not loaded|cannot execute|Exec format"),
        "the PostgreSQL program of this installation does not run on this machine",
        "Install again with `make install`; the wheel supports Linux (glibc) and macOS.",
    ),
    (
        re.compile(r"Cannot allocate memory|out of memory|could not (create|map) .*shared memory"),
        "there is not enough memory for PostgreSQL",
        "Free some memory (the server takes about 200 MB), or raise the container's limit.",
    ),
    (
        re.compile(r"pre-existing shared memory block|lock file .* already exists"),
        "another PostgreSQL server still uses {data}",
        "Wait until it has ended, or end it, then try again.",
    ),
    (
        re.compile(
            r"PANIC|checkpoint record|control file|incompatible with server|invalid page|"
            r"required WAL directory|could not (open|read|find|access|stat)"
        ),
        "{data} is damaged",
        _EMPTY_START,
    ),
)


def explain(output: str, data: Path) -> ServiceError:
    """The error for what PostgreSQL (or initdb) printed before it gave up."""
    line = _telling_line(output)
    meaning, remedy = next(
        ((meaning, remedy) for pattern, meaning, remedy in _CAUSES if pattern.search(output)),
        ("PostgreSQL did not start on {data}", "See server.log beside it."),
    )
    said = f": {line}" if line else ""
    return ServiceError(meaning.format(data=data) + said, remedy=remedy.format(data=data))


def not_a_cluster(data: Path) -> ServiceError:
    """The error for a data directory without a readable version file."""
    return ServiceError(
        f"{data} is damaged: its PG_VERSION is missing", remedy=_EMPTY_START.format(data=data)
    )


def other_version(data: Path, found: str, needed: str) -> ServiceError:
    """The error for a data directory of another major version."""
    return ServiceError(
        f"{data} was made by PostgreSQL {found[:20]}; this installation is PostgreSQL {needed}",
        remedy=f"Dump it with version {found[:20]} if you need what it holds, then move it away "
        "to begin with an empty database (the lake still holds every accepted row).",
    )


@contextmanager
def storage_errors(home: Path) -> Generator[None]:
    """Turn a refusal of the file system into an error that says what to do.

    Raises:
        ServiceError: for any OSError inside the block.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or home
        remedy = "Choose another state directory with --home."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some space, or choose another state directory with --home."
        elif error.errno in (errno.EACCES, errno.EPERM):
            remedy = "Run as the user it belongs to, or choose another directory with --home."
        raise ServiceError(
            f"the state directory {home} can't be used: {where}: {error.strerror}", remedy=remedy
        ) from error


def _telling_line(output: str) -> str:
    """The last line that names a failure, without its time and process id."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"PANIC|FATAL|error|could not", line)]
    line = (telling or lines or [""])[-1]
    return re.sub(r"^\S+ \S+ \w+ \[\d+\] ", "", line)[:300]
