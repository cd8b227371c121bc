"""Services, Dagster UI and API together, until someone stops them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from txn_platform.connections import DAGSTER_DATABASE, api_postgres_url, postgres_url
from txn_platform.errors import ServiceError
from txn_platform.local.instance import instance_environment, open_instance
from txn_platform.local.orphans import end_orphans
from txn_platform.local.state import open_state
from txn_platform.settings import PROJECT_ROOT, Settings
from txn_platform.stores.factory import open_operational
from txn_platform.users import UserDirectory

HOST = "127.0.0.1"
STOP_SECONDS = 15


@dataclass(frozen=True)
class DevServers:
    """What `dev` started.

    Attributes:
        ui, api: Addresses to open in a browser.
    """

    ui: str
    api: str
    processes: Sequence[subprocess.Popen[bytes]]

    def wait(self) -> None:
        """Return when told to stop.

        Raises:
            ServiceError: when one of the servers ended by itself.
        """
        while True:
            for process in self.processes:
                if process.poll() is not None:
                    raise ServiceError(
                        f"{Path(str(process.args[0])).name} ended with status "  # type: ignore[index]
                        f"{process.returncode}",
                        remedy="Its own messages are above.",
                    )
            time.sleep(0.5)


@contextmanager
def dev_servers(
    settings: Settings, ui_port: int, api_port: int, show_login: Callable[[str | None], None]
) -> Generator[DevServers]:
    """Start everything; stop everything on the way out.

    Args:
        settings: Where the state is.
        ui_port: Where the Dagster UI listens.
        api_port: Where the API listens.
        show_login: Called before the servers start, with the password of the user `admin` when
            it was made up just now: whatever happens then, it can't be shown again.

    Raises:
        ServiceError: when a port is taken or PostgreSQL can't start.
    """
    for port, option in ((ui_port, "--ui-port"), (api_port, "--api-port")):
        require_free_port(port, option)
    open_state(settings.home)
    with (
        _only_one(settings.home),
        postgres_url(settings) as url,
        postgres_url(settings, DAGSTER_DATABASE) as instance_url,
    ):
        with open_instance(settings.home, instance_url) as instance:
            end_orphans(instance, workers=True)
        open_operational(settings, url).ensure_schema()
        show_login(_made_up_password(settings))
        environment = {
            **os.environ,
            **instance_environment(settings.home, instance_url),
            "TXN_HOME": str(settings.home),
            "TXN_CONFIG": str(settings.config_path),
            "TXN_DAGSTER_URL": f"http://{HOST}:{ui_port}",
        }
        processes: list[subprocess.Popen[bytes]] = []
        try:
            processes.append(_spawn(_dagster_command(ui_port), environment))
            processes.append(_spawn(_api_command(api_port), environment))
            yield DevServers(f"http://{HOST}:{ui_port}", f"http://{HOST}:{api_port}", processes)
        finally:
            _stop(processes)


def _made_up_password(settings: Settings) -> str | None:
    """Create the user `admin` on the first start; its password unless the operator chose one."""
    chosen = settings.admin_password
    with api_postgres_url(settings) as url:
        return UserDirectory(url).ensure_admin(chosen.get_secret_value() if chosen else None)


@contextmanager
def _only_one(home: Path) -> Generator[None]:
    """Two daemons on one instance would launch every run twice."""
    lock = FileLock(home / "dev.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ServiceError(
            f"another `dev` runs on {home}", remedy="Stop it, or give another --home."
        ) from None
    try:
        yield
    finally:
        lock.release()


def require_free_port(port: int, option: str) -> None:
    """Raise a ServiceError where something listens on the port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServiceError(
                f"port {port} is taken", remedy=f"Stop what listens there, or give {option}."
            ) from error


def _dagster_command(port: int) -> list[str]:
    script = Path(sys.executable).with_name("dagster")
    workspace = PROJECT_ROOT / "workspace.yaml"
    return [str(script), "dev", "-w", str(workspace), "-h", HOST, "-p", str(port)]


def _api_command(port: int) -> list[str]:
    script = Path(sys.executable).with_name("uvicorn")
    # The application writes an access log of its own.
    options = ["--host", HOST, "--port", str(port), "--no-access-log", "--no-server-header"]
    options += ["--no-proxy-headers"]  # no proxy stands in front of it
    return [str(script), "api.main:create_app", "--factory", *options]


def _spawn(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process only, which then stops each in order.
    return subprocess.Popen(  # noqa: S603 - our own programs
        command, env=dict(environment), cwd=PROJECT_ROOT, start_new_session=True
    )


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def stop_on_signals() -> None:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that a closed terminal leaves nothing behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # SIGINT as well: a shell starts its background jobs with it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
