"""The postmaster, as a child of the keeper."""

import signal
import socket
import subprocess
from dataclasses import dataclass

from txn_platform.errors import ServiceError
from txn_platform.services.cluster import SERVER_ENVIRONMENT, SYNC_METHOD, Programs
from txn_platform.services.diagnosis import PORT_TAKEN, explain
from txn_platform.services.identity import Identity
from txn_platform.services.layout import HOST, ServiceFiles
from txn_platform.services.locks import wait_until

_START_SECONDS = 300
_STOP_SECONDS = 60
_PORTS_TO_TRY = 5

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    # Bulk loads into fresh tables then skip the log and are synced at commit instead; nothing
    # replicates from here. fsync and synchronous_commit stay on.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "maintenance_work_mem": "256MB",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    # The query of a killed client ends within two seconds, and with it the locks it held.
    "client_connection_check_interval": "2s",
    # The log tells about the server, never about statements, which could hold identifiers:
    # "log" leaves out the errors of statements, "terse" their details.
    "log_timezone": "UTC",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_checkpoints": "off",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # Recovery then takes 0.2 s instead of up to 4 s for syncing a thousand files one by one.
    "recovery_init_sync_method": SYNC_METHOD,
}


@dataclass(frozen=True)
class Server:
    """A postmaster that accepts connections.

    Attributes:
        process: The child process.
        port: On 127.0.0.1.
    """

    process: subprocess.Popen[bytes]
    port: int

    def has_ended(self) -> bool:
        """Whether the postmaster is gone, for whatever reason."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """End it: sessions are cut off, what they committed is flushed to disk.

        Harsher where that takes longer than a minute; the next start then recovers.
        """
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(number)
            if wait_until(self.has_ended, seconds=_STOP_SECONDS):
                return


def start_server(
    files: ServiceFiles,
    programs: Programs,
    identity: Identity,
    *,
    timeout_seconds: float = _START_SECONDS,
) -> Server:
    """Start on the port of the last time, or another one where that is taken.

    Raises:
        ServiceError: when it does not accept connections within the timeout (recovery after a
            crash counts), with the line of its log that tells why.
    """
    port = files.last_port()
    for _ in range(_PORTS_TO_TRY):
        if port is None or not _is_free(port):
            port = _free_port()
        offset = files.log_size()
        server = _launch(files, programs, identity, port)
        if not wait_until(lambda s=server: _is_settled(s, files), seconds=timeout_seconds):
            server.process.send_signal(signal.SIGQUIT)
            server.process.wait()
            raise _not_in_time(files, offset, timeout_seconds)
        if not server.has_ended():
            return server
        if not PORT_TAKEN.search(files.log_tail(offset)):
            raise explain(files.log_tail(offset), files.data)
        port = None
    raise ServiceError(
        f"no port on {HOST} could be bound in {_PORTS_TO_TRY} attempts; see {files.log}",
        remedy="Check whether a sandbox or a firewall forbids it.",
    )


def _launch(files: ServiceFiles, programs: Programs, identity: Identity, port: int) -> Server:
    flags = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    with files.open_log() as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [programs.postgres, "-D", files.data, f"--port={port}", *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=identity.popen_hook(files.data),  # noqa: PLW1509 - one thread
            cwd="/",
            env=SERVER_ENVIRONMENT,
        )
    return Server(process, port)


def _is_settled(server: Server, files: ServiceFiles) -> bool:
    """Whether it accepts connections, as the last line of its pid file says, or has ended."""
    if server.has_ended():
        return True
    try:
        lines = files.pid_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(server.process.pid)] and lines[-1].strip() == "ready"


def _not_in_time(files: ServiceFiles, offset: int, seconds: float) -> ServiceError:
    last = [line for line in files.log_tail(offset).splitlines() if line.strip()][-1:]
    return ServiceError(
        f"PostgreSQL did not accept connections within {seconds:g} seconds; it last said: "
        f"{last[0] if last else 'nothing'}",
        remedy=f"Try again when the machine is less busy; the whole log is {files.log}.",
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: a port with connections still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
