"""What commands use: lease, start, stop and look at the embedded PostgreSQL."""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from txn_platform.errors import ServiceError
from txn_platform.services.databases import create_missing
from txn_platform.services.diagnosis import storage_errors
from txn_platform.services.layout import HOST, ROLE, ServiceFiles
from txn_platform.services.locks import FileLock, is_held, wait_until
from txn_platform.services.model import PostgresAddress, ServiceStatus, StopOutcome

# Longer than a keeper takes at most to create a cluster and recover, or to stop a server.
_START_SECONDS = 600
_STOP_SECONDS = 200
_POLL_SECONDS = 0.01


class EmbeddedPostgres:
    """The PostgreSQL server of one state directory.

    Args:
        home: The state directory; created when missing.
        databases: Created in the server where missing.
    """

    def __init__(self, home: Path, databases: Sequence[str]) -> None:
        self._files = ServiceFiles(home.absolute())
        self._databases = tuple(databases)

    @contextmanager
    def lease(self) -> Generator[PostgresAddress]:
        """Use the server: the running one, or one started now.

        It stops when the last lease has ended, however its holder ended, unless it is pinned.
        The last lease to end returns when the server has stopped.

        Raises:
            ServiceError: when it can't be started, and why.
        """
        lease = self._take_lease()
        try:
            with storage_errors(self._files.home):
                address = self._connectable()
            yield address
        finally:
            lease.release()
            self._await_end()

    def start(self) -> PostgresAddress:
        """Start the server, or attach to it, and leave it up until `stop`.

        Raises:
            ServiceError: when it can't be started, and why.
        """
        with self.lease() as address:
            with storage_errors(self._files.home):
                self._files.pin.touch()
            return address

    def stop(self) -> StopOutcome:
        """Let the server stop, and wait for it unless a live command still uses it.

        Raises:
            ServiceError: when it does not end.
        """
        from txn_platform.services.processes import (  # noqa: PLC0415 - 50 ms
            end_leftovers,
            lease_holders,
        )

        with storage_errors(self._files.home):
            was_running = is_held(self._files.keeper_lock)
            self._files.pin.unlink(missing_ok=True)
            if not self._await_end():
                holders = lease_holders(self._files.lease_lock)
                return StopOutcome(was_running, stopped=False, holders=holders)
            # A server can outlive its keeper where the kernel can't tie the two together.
            lock = FileLock(self._files.keeper_lock)
            if self._files.pid_file.exists() and lock.try_exclusive():
                was_running |= end_leftovers(self._files)
                lock.release()
        return StopOutcome(was_running, stopped=True)

    def status(self) -> ServiceStatus:
        """Look, without starting or creating anything."""
        data = self._files.data
        with storage_errors(self._files.home):
            pinned = self._files.pin.exists()
            state = self._files.read_state() if is_held(self._files.keeper_lock) else None
        if state is None:
            return ServiceStatus(running=False, pinned=pinned, data_directory=data)
        return ServiceStatus(
            running=True,
            pinned=pinned,
            data_directory=data,
            address=f"{HOST}:{state.port}",
            pid=state.pid,
            version=state.version,
        )

    def _take_lease(self) -> FileLock:
        lease = FileLock(self._files.lease_lock)
        with storage_errors(self._files.home):
            self._files.create()
            if wait_until(lease.try_shared, seconds=_STOP_SECONDS):
                return lease
        raise self._stuck("is stopping and does not end")

    def _connectable(self) -> PostgresAddress:
        """The address of the running server, once it answers and has the databases."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not is_held(self._files.keeper_lock):
                self._start_keeper()
            else:
                address = self._address()
                if address is not None and create_missing(address, self._databases):
                    return address
            time.sleep(_POLL_SECONDS)
        raise self._stuck(f"does not answer within {_START_SECONDS} seconds")

    def _start_keeper(self) -> None:
        """Returns when a server is there, or another keeper is about to start it.

        Raises:
            ServiceError: what the keeper says about a server that can't start.
        """
        with self._files.open_log() as log:
            keeper = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, "-P", "-m", "txn_platform.services.keeper", self._files.home],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        importlib.import_module("psycopg")  # 0.25 s of work for the time of waiting
        try:
            said, _ = keeper.communicate(timeout=_START_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self._stuck(f"is not there after {_START_SECONDS} seconds") from error
        outcome: dict[str, str] = json.loads(said or b"{}")
        if outcome:
            raise ServiceError(outcome["message"], remedy=outcome["remedy"])
        if keeper.returncode != 0:
            raise self._stuck("has no keeper: that program does not start")

    def _address(self) -> PostgresAddress | None:
        state, password = self._files.read_state(), self._files.password()
        if state is None or password is None:
            return None
        return PostgresAddress(HOST, state.port, ROLE, password)

    def _await_end(self) -> bool:
        """Wait for a server that nobody uses; False when it stays up for somebody.

        Raises:
            ServiceError: when it does not end.
        """
        stays = False

        def settled() -> bool:
            nonlocal stays
            if is_held(self._files.keeper_lock):
                stays = self._files.pin.exists() or self._is_leased()
            # Once more: a keeper that ends in between leaves the lease to whoever asks.
            if not is_held(self._files.keeper_lock):
                stays = False
                return True
            return stays

        with storage_errors(self._files.home):
            if wait_until(settled, seconds=_STOP_SECONDS):
                return not stays
        raise self._stuck("is stopping and does not end")

    def _is_leased(self) -> bool:
        """Whether a client holds the lease; a keeper that stops holds it too, but alone."""
        lease = FileLock(self._files.lease_lock)
        if lease.try_exclusive():
            lease.release()
            return False
        shared = lease.try_shared()
        lease.release()
        return shared

    def _stuck(self, what: str) -> ServiceError:
        return ServiceError(
            f"the PostgreSQL server of {self._files.home} {what}",
            remedy=f"See its log, {self._files.log}, and end what still runs on this directory.",
        )
