"""The Dagster instance of the local profile, stored in the embedded PostgreSQL."""

import os
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef

INSTANCE_CONFIG = Path(__file__).with_name("dagster.yaml")
STATEMENT_TIMEOUT_MS = 60_000
POSTGRES_URL_VARIABLE = "TXN_DAGSTER_POSTGRES_URL"

QUIET: Mapping[str, Any] = {
    # Capturing the output of each step starts two processes and hides the progress display.
    "compute_logs": {
        "module": "dagster.core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    },
}


def instance_environment(home: Path, postgres_url: str) -> dict[str, str]:
    """Environment variables that point Dagster's own commands at this state directory."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(INSTANCE_CONFIG, folder / "dagster.yaml")
    return {"DAGSTER_HOME": str(folder), POSTGRES_URL_VARIABLE: postgres_url}


@contextmanager
def open_instance(home: Path, postgres_url: str) -> Generator[dg.DagsterInstance]:
    """The instance for runs in this process."""
    environment = instance_environment(home, postgres_url)
    os.environ.update(environment)
    ref = InstanceRef.from_dir(environment["DAGSTER_HOME"], overrides=dict(QUIET))
    with dg.DagsterInstance.from_ref(ref) as instance:
        # By default every event opens a connection of its own: 700 of them, 6 s, in one run.
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
        )
        yield instance
