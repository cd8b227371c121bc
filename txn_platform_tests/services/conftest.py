from collections.abc import Generator
from pathlib import Path

import pytest

from txn_platform.services import EmbeddedPostgres
from txn_platform_tests.services.harness import DATABASES, kill_everything


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    """A state directory; whatever runs on it ends with the test."""
    home = tmp_path / "state"
    yield home
    kill_everything(home)


@pytest.fixture
def postgres(home: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(home, DATABASES)
