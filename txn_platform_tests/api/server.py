"""The API as its users reach it: a server process of its own on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import yaml

from txn_platform.settings import PROJECT_ROOT
from txn_platform_tests.platform import command_environment

ADMIN_PASSWORD = "a password for the tests"
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: Without a slash at the end.
        process: To look at its memory, or to kill it.
        log: Everything that it wrote.
    """

    url: str
    process: psutil.Process
    log: Path

    def token(self, username: str = "admin", password: str = ADMIN_PASSWORD) -> str:
        """A fresh access token."""
        answer = httpx2.post(
            f"{self.url}/token", data={"username": username, "password": password}, timeout=30
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def bearer(self) -> dict[str, str]:
        """The header of an authenticated request."""
        return {"Authorization": f"Bearer {self.token()}"}


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def api_server(
    home: Path,
    log: Path,
    *,
    app: str = "api.main:create_app",
    ready: str = "/readyz",
    **variables: str,
) -> Generator[Server]:
    """Run an application on the state directory until the block ends.

    Args:
        home: The state directory.
        log: Gets the output.
        app: Module and factory.
        ready: Answers 200 as soon as requests may come.
        variables: Added to the environment.
    """
    port = free_port()
    uvicorn = Path(sys.executable).with_name("uvicorn")
    environment = command_environment(
        TXN_HOME=str(home), TXN_ADMIN_PASSWORD=ADMIN_PASSWORD, **variables
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [uvicorn, app, "--factory", "--port", str(port), "--no-access-log"],
            env=environment,
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url + ready, process, log)
        yield Server(url, psutil.Process(process.pid), log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(url, timeout=5).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not get ready:\n{log.read_text(errors='replace')}")


def config_file(folder: Path, changes: Mapping[str, object]) -> Path:
    """The shipped configuration with the section `api` changed."""
    shipped = yaml.safe_load((PROJECT_ROOT / "data" / "pipeline_config.yaml").read_text())
    shipped["api"] |= changes
    path = folder / f"config_{os.urandom(4).hex()}.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path
