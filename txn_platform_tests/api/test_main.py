"""The assembled application: how it starts, and how it says that it can't."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from api.main import create_app
from txn_platform.settings import PROJECT_ROOT, Settings, load_settings
from txn_platform_tests.api.server import config_file
from txn_platform_tests.platform import command_environment


def _failed_start(**variables: str) -> str:
    """What `uvicorn` writes when it ends by itself, without success."""
    uvicorn = Path(sys.executable).with_name("uvicorn")
    done = subprocess.run(
        [uvicorn, "api.main:create_app", "--factory", "--port", "0"],
        env=command_environment(**variables),
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def _with_upload_path(path: str) -> Settings:
    settings = load_settings(environ={})
    ingestion = settings.config.ingestion.model_copy(update={"fastapi_endpoint": path})
    config = settings.config.model_copy(update={"ingestion": ingestion})
    return settings.model_copy(update={"config": config})


def test_a_short_admin_password_ends_the_start_with_a_message(tmp_path: Path) -> None:
    output = _failed_start(TXN_HOME=str(tmp_path / "state"), TXN_ADMIN_PASSWORD="short")
    assert (
        len([line for line in output.splitlines() if "got 5 characters; accepted: 12" in line]) == 1
    )


def test_a_log_file_that_cannot_be_written_ends_the_start_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = config_file(tmp_path, {"log_file": str(tmp_path / "file" / "api.log")})
    output = _failed_start(TXN_HOME=str(tmp_path / "state"), TXN_CONFIG=str(config))
    [line] = [line for line in output.splitlines() if "api.log_file" in line]
    assert "Name a file in a folder that the API may write to" in line


def test_a_state_directory_that_cannot_be_made_ends_the_start_with_a_message(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "state"
    output = _failed_start(TXN_HOME=str(home))
    assert len([line for line in output.splitlines() if str(home) in line]) == 1


@pytest.mark.parametrize("path", ["/token", "/openapi.json", "/healthz", "/"])
def test_an_upload_path_that_something_else_has_is_refused(path: str) -> None:
    with pytest.raises(SystemExit, match=r"ingestion\.fastapi_endpoint.*\n.*a path of its own"):
        create_app(_with_upload_path(path))


@pytest.mark.parametrize("path", ["/api/v1/ingest", "/ingest", "/upload/transactions", "/in"])
def test_an_upload_path_of_its_own_is_taken(path: str) -> None:
    assert isinstance(create_app(_with_upload_path(path)), FastAPI)


def test_a_path_with_a_slash_too_many_is_not_redirected() -> None:
    async def ask() -> Response:
        transport = ASGITransport(create_app(load_settings(environ={})))
        async with AsyncClient(transport=transport, base_url="http://elsewhere.test") as client:
            return await client.post("/token/")

    answer = anyio.run(ask)
    assert answer.status_code == 404
    assert "location" not in answer.headers
