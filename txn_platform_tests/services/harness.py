"""Processes that lease the embedded PostgreSQL, and ways to kill what runs it."""

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, LiteralString, Self

import psutil
import psycopg

from txn_platform.services.layout import ServiceFiles
from txn_platform.services.locks import wait_until

DATABASES = ["mydb", "dagster"]
PATIENCE_SECONDS = 30

LEASE = """
import json, sys
from pathlib import Path
from txn_platform.errors import ServiceError
from txn_platform.services import EmbeddedPostgres

postgres = EmbeddedPostgres(Path(sys.argv[1]), ["mydb", "dagster"])
try:
    with postgres.lease() as address:
        said = {"url": address.url("mydb"), "pid": postgres.status().pid}
        print(json.dumps(said), flush=True)
        sys.stdin.read()
except ServiceError as error:
    print(json.dumps({"message": error.message, "remedy": error.remedy}), flush=True)
"""


class Client:
    """A process that holds a lease until it is closed or killed.

    Args:
        home: The state directory.
        prefix: Command that runs the client, such as `setpriv …`.
    """

    def __init__(self, home: Path, prefix: Iterable[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-c", LEASE, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> dict[str, Any]:
        """What it said once it had the lease, or had failed to get one."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def run_sql(url: str, statement: LiteralString) -> list[Any]:
    """The first column of what one statement returns, in a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []


def server_processes(home: Path) -> list[psutil.Process]:
    """All live PostgreSQL processes that work in the data directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd().startswith(f"{home}/"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def keepers(home: Path) -> list[psutil.Process]:
    """The live keepers of a state directory."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if "txn_platform.services.keeper" in words and words[-1] == str(home):
            found.append(process)
    return found


def postmaster(home: Path) -> psutil.Process:
    """The parent of the server's processes."""
    return psutil.Process(int(ServiceFiles(home).pid_file.read_text().split("\n", 1)[0]))


def all_gone(home: Path) -> bool:
    """Whether neither a server process nor a keeper is left within a reasonable time."""
    return wait_until(
        lambda: not server_processes(home) and not keepers(home),
        seconds=PATIENCE_SECONDS,
        interval=0.05,
    )


def kill_everything(home: Path) -> None:
    """What a test may have left behind."""
    for process in (*keepers(home), *server_processes(home)):
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


def other_user() -> pwd.struct_passwd:
    """An account that is not root."""
    return pwd.getpwnam("nobody")


def as_ordinary_user() -> list[str]:
    """A command prefix that runs a program as an ordinary user.

    As root it switches to another account, which may look into the folders that lead to this
    test's Python (often below /root) but has no other right.
    """
    if os.geteuid() != 0:
        return []
    user, capability = other_user(), "+dac_read_search"
    return [
        "env",
        "--unset=COVERAGE_PROCESS_CONFIG",  # that user may write no coverage data here
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--securebits=+no_setuid_fixup",  # else access(), which initdb uses, ignores it
        "--",
    ]
