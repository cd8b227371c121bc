import subprocess
import sys
from pathlib import Path

import pytest

from txn_platform.errors import StoreError
from txn_platform.settings import Settings, load_settings
from txn_platform.stores.factory import (
    open_lake,
    open_operational,
    open_published,
    open_warehouse,
)
from txn_platform_tests.stores.batches import ALL_DAYS, Row, land

OPEN_EVERYTHING = """
import sys
from pathlib import Path
from txn_platform.settings import load_settings
from txn_platform.stores.factory import (
    open_lake, open_operational, open_published, open_warehouse
)

settings = load_settings(home=Path(sys.argv[1]), environ={})
open_lake(settings), open_warehouse(settings), open_operational(settings, "postgresql://h/d")
open_published(settings)
print([name for name in sys.modules if name.startswith(("google.cloud.", "google.api_core"))])
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, environ={})


def test_the_local_stores_lie_in_the_state_directory(settings: Settings, tmp_path: Path) -> None:
    warehouse, lake = open_warehouse(settings), open_lake(settings)
    warehouse.ensure_schema()
    land(lake, "a.csv", Row("1"))
    assert warehouse.replace_partitions(lake.files(ALL_DAYS), ALL_DAYS).rows == 1
    assert (tmp_path / "warehouse" / "warehouse.duckdb").is_file()
    assert (tmp_path / "lake" / "raw" / "transactions" / "manifests").is_dir()


def test_the_operational_database_is_the_one_of_the_url(
    settings: Settings, postgres_url: str
) -> None:
    database = open_operational(settings, postgres_url)
    database.ensure_schema()
    assert database.row_count("transactions") == 0


def test_published_marts_are_read_from_the_state_directory(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=str(tmp_path / "warehouse" / "published.duckdb")):
        open_published(settings).months(None)


def test_the_local_profile_imports_nothing_of_google(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN_EVERYTHING, str(tmp_path)]
    assert subprocess.check_output(command, text=True).strip() == "[]"
