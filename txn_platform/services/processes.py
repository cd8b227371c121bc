"""Which live processes serve or use a state directory.

Needed on rare occasions only, and imported then: psutil takes 50 ms.
"""

import signal
from contextlib import suppress
from pathlib import Path

import psutil

from txn_platform.services.layout import ServiceFiles
from txn_platform.services.locks import wait_until

_GRACE_SECONDS = 30


def end_leftovers(files: ServiceFiles) -> bool:
    """End every server process on the data directory and drop its stale pid file.

    Only for the holder of the keeper lock. The pid file alone proves nothing: after a crash
    its number may belong to some other process, at which PostgreSQL would refuse to start.

    Returns:
        Whether there was any such process.
    """
    try:
        postmaster = files.pid_file.read_text(encoding="utf-8").split("\n", 1)[0]
    except FileNotFoundError:
        return False  # none, or one that ended properly this moment
    found = _server_processes(files.data)
    for process in found:
        if str(process.pid) == postmaster:
            _signal([process], signal.SIGINT)
            _await_none(files.data)
    # Orphans of a killed postmaster: what they committed is in the write-ahead log.
    _signal(_server_processes(files.data), signal.SIGKILL)
    _await_none(files.data)
    files.pid_file.unlink(missing_ok=True)
    return bool(found)


def lease_holders(lock_file: Path) -> dict[int, str]:
    """The first words of the command line of each process that has the lease file open.

    By process id, without folders, as far as this user may look.
    """
    holders: dict[int, str] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(Path(file.path) == lock_file for file in process.open_files()):
                holders[process.pid] = " ".join(Path(w).name for w in process.cmdline()[:3])
    return holders


def _server_processes(data: Path) -> list[psutil.Process]:
    """PostgreSQL processes whose working directory is the data directory, as is always so.

    A zombie, which nobody may ever reap in a container, has none and does not count.
    """
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.name() == "postgres" and data.samefile(process.cwd()):
                found.append(process)
    return found


def _await_none(data: Path) -> None:
    wait_until(lambda: not _server_processes(data), seconds=_GRACE_SECONDS, interval=0.05)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
