"""An application with the upload route, over a lake of its own."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from txn_platform.stores.lake_local import LocalLake
from txn_platform_tests.api.ingest.support import build_app


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake", "raw/transactions")


@pytest.fixture
def app(lake: LocalLake) -> FastAPI:
    return build_app(lake)
