"""The Cloud Storage and BigQuery emulators of a test session, and clients of them."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from txn_platform.settings import PROJECT_ROOT

LOCK = "txn_platform_tests/emulators.lock"
VENV = ".venv-emulators"
SERVER = Path(__file__).with_name("cloud_emulators.py")
PROJECT = "hijra-project"
HOW_TO_GET_THEM = (
    "the cloud emulators are not installed; in the project's folder: "
    f"python3 -m venv {VENV} && "
    f"{VENV}/bin/python -m pip install --require-hashes --no-deps -r {LOCK}  "
    "(or set TXN_EMULATORS_PYTHON to a Python that has them)"
)


class EmulatorClient(bigquery.Client):
    """Does for scripts and destinations what BigQuery does and its emulator does not.

    It binds no parameters in scripts, and ignores the destination of a query.
    """

    def query(self, query: str, *args: Any, **options: Any) -> bigquery.QueryJob:  # noqa: ANN401
        config: bigquery.QueryJobConfig = options["job_config"]
        if query.count(";") > 1:
            for parameter in config.query_parameters:
                query = query.replace(f"@{parameter.name}", _literal(parameter))
            config.query_parameters = []
        if (table := config.destination) is not None:
            query = f"CREATE OR REPLACE TABLE {table.dataset_id}.{table.table_id} AS {query}"
        return super().query(query, *args, **options)


def _literal(parameter: object) -> str:
    if isinstance(parameter, bigquery.ArrayQueryParameter):
        return str(list(parameter.values))
    assert isinstance(parameter, bigquery.ScalarQueryParameter)
    return f"{parameter.type_} '{parameter.value}'"


@dataclass(frozen=True)
class CloudEmulators:
    """Addresses of a running pair."""

    storage_url: str
    bigquery_url: str

    def storage_client(self, session: requests.Session | None = None) -> storage.Client:
        return storage.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.storage_url},
            _http=session,
        )

    def new_bucket(self) -> str:
        """The name of an empty bucket."""
        name = f"lake-{uuid4().hex}"
        self.storage_client().create_bucket(name)
        return name

    def bigquery_client(self, session: requests.Session | None = None) -> bigquery.Client:
        return EmulatorClient(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.bigquery_url},
            _http=session,
        )


@pytest.fixture(scope="session")
def cloud_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudEmulators]:
    """Both emulators, started once for a session; they stop when their stdin closes."""
    python = Path(os.environ.get("TXN_EMULATORS_PYTHON") or PROJECT_ROOT / VENV / "bin" / "python")
    if not python.exists():
        pytest.skip(HOW_TO_GET_THEM)
    folder = tmp_path_factory.mktemp("emulators")
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [python, SERVER, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as server,
    ):
        assert server.stdin
        assert server.stdout
        addresses = next((line for line in server.stdout if line.startswith("{")), None)
        assert addresses, (folder / "log").read_text()
        yield CloudEmulators(**json.loads(addresses))
        server.stdin.close()
