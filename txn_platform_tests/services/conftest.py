import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from txn_platform.services import EmbeddedPostgres
from txn_platform_tests.services.harness import DATABASES, all_gone, kill_everything


@pytest.fixture(scope="session")
def used_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which a server has run, and runs no more."""
    home = tmp_path_factory.mktemp("template") / "state"
    with EmbeddedPostgres(home, DATABASES).lease():
        pass
    return home


@pytest.fixture
def new_home(tmp_path: Path) -> Generator[Path]:
    """Where a state directory will be; whatever runs on it ends with the test."""
    home = tmp_path / "state"
    yield home
    kill_everything(home)
    assert all_gone(home)


@pytest.fixture
def home(new_home: Path, used_once: Path) -> Path:
    """A state directory with an empty cluster; copied, which is faster than creating one."""
    subprocess.run(["cp", "-a", used_once, new_home], check=True)
    (new_home / "postgres" / "port").unlink()
    return new_home


@pytest.fixture
def postgres(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, DATABASES)
