"""The process that runs the server of one state directory and stops it when nobody leases it.

Started by the first lease as `python -m txn_platform.services.keeper HOME`, in a session of
its own. It says one JSON object on standard output, empty or what went wrong, once the server
is there (or can't be), and goes on in the background.
"""

import json
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

from txn_platform.errors import ServiceError
from txn_platform.services.cluster import find_programs, prepare_cluster
from txn_platform.services.diagnosis import storage_errors
from txn_platform.services.identity import choose_identity
from txn_platform.services.layout import ServerState, ServiceFiles
from txn_platform.services.locks import FileLock, wait_until
from txn_platform.services.server import Server, start_server

_POLL_SECONDS = 0.1
_LOCK_SECONDS = 0.2
_MAX_RESTARTS = 5


class Keeper:
    """Keeps the server of a state directory; its creator holds the keeper lock.

    Args:
        files: Of the state directory.
        lock: The keeper lock, held.
    """

    def __init__(self, files: ServiceFiles, lock: FileLock) -> None:
        self._files = files
        self._lock = lock
        self._lease = FileLock(files.lease_lock)
        self._terminated = False

    def terminate(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler: stop the server and end, whoever leases it."""
        self._terminated = True

    def start(self) -> Server:
        """Start the server and announce it.

        Raises:
            ServiceError: when it can't be started.
        """
        with storage_errors(self._files.home):
            self._files.withdraw()
            if self._files.pid_file.exists():
                from txn_platform.services.processes import end_leftovers  # noqa: PLC0415 - 50 ms

                end_leftovers(self._files)
            programs = find_programs()
            identity, version = choose_identity(programs.postgres, self._files)
            prepare_cluster(self._files, programs, identity)
            server = start_server(self._files, programs, identity)
            # `postgres --version` prints "postgres (PostgreSQL) 18.4".
            self._files.announce(ServerState(server.process.pid, server.port, version.split()[-1]))
        return server

    def supervise(self, server: Server) -> None:
        """Return when the server has ended for good.

        A server that was killed while somebody leases it starts again, on the same port, a few
        times; clients lose their connections but nothing that they committed.
        """
        restarts = 0
        try:
            while not self._should_end():
                if server.has_ended():
                    if restarts == _MAX_RESTARTS:
                        return
                    restarts += 1
                    server = self.start()
                with suppress(OSError):  # a full disk is for the server to tell
                    self._files.bound_log()
                time.sleep(_POLL_SECONDS)
        finally:
            self._files.withdraw()
            server.stop()

    def _should_end(self) -> bool:
        return self._terminated or not self._lock.is_current() or self._is_unused()

    def _is_unused(self) -> bool:
        """Whether nobody leases or pins the server; then no lease can begin before the end."""
        if self._files.pin.exists() or not self._lease.try_exclusive():
            return False
        if self._files.pin.exists():  # pinned under a lease that has just ended
            self._lease.release()
            return False
        return True


def main() -> None:
    """Run a keeper in the background, unless another one has this state directory."""
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if os.fork() > 0:
        os._exit(0)
    files = ServiceFiles(Path(sys.argv[1]))
    os.chdir("/")
    outcome: dict[str, str] = {}
    server = None
    lock = FileLock(files.keeper_lock)
    keeper = Keeper(files, lock)
    signal.signal(signal.SIGTERM, keeper.terminate)
    if wait_until(lock.try_exclusive, seconds=_LOCK_SECONDS):
        try:
            server = keeper.start()
        except ServiceError as error:
            outcome = {"message": error.message, "remedy": error.remedy}
        except Exception:  # noqa: BLE001 - whatever it was, the client must hear of it
            traceback.print_exc()
            outcome = {"message": f"the keeper of PostgreSQL failed, see {files.log}", "remedy": ""}
    with suppress(BrokenPipeError):
        os.write(report, json.dumps(outcome).encode())
    os.close(report)
    if server is not None:
        try:
            keeper.supervise(server)
        except ServiceError as error:
            sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main()
