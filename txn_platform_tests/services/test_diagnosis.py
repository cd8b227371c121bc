import errno
from pathlib import Path

import pytest

from txn_platform.errors import ServiceError
from txn_platform.services.diagnosis import explain, storage_errors

DATA = Path("/home/someone/.txn/postgres/data")


@pytest.mark.parametrize(
    ("output", "meaning", "remedy"),
    [
        ("initdb: error: could not write: No space left on device", "is full", "Free some space"),
        ("FATAL:  could not open: Read-only file system", "read-only", "--home"),
        ('FATAL:  data directory "x" has wrong ownership', "may not use", "Give its files back"),
        ("postgres: error while loading shared libraries: libz.so.1", "not run", "make install"),
        ("FATAL:  could not map anonymous shared memory: x", "not enough memory", "Free some"),
        ("FATAL:  pre-existing shared memory block (key 1) is still in use", "another", "Wait"),
        ("PANIC:  could not locate a valid checkpoint record at 0/1", "is damaged", "backup"),
        ("FATAL:  database files are incompatible with server", "is damaged", "backup"),
        ("FATAL:  a new kind of failure", "did not start", "server.log"),
        ("", "did not start", "server.log"),
    ],
)
def test_each_failure_is_told_with_its_line_and_a_remedy(
    output: str, meaning: str, remedy: str
) -> None:
    error = explain(f"LOG:  starting PostgreSQL\n{output}\n" if output else "", DATA)
    assert meaning in error.message
    assert remedy in error.remedy
    assert output in error.message


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EACCES, "Run as the user it belongs to"),
        (errno.EROFS, "Choose another state directory"),
    ],
)
def test_a_refusal_of_the_file_system_names_the_file_and_a_remedy(number: int, remedy: str) -> None:
    with pytest.raises(ServiceError, match="/home/x/y") as error, storage_errors(Path("/home/x")):
        raise OSError(number, "no", "/home/x/y")
    assert remedy in error.value.remedy
