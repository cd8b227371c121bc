"""Serve Cloud Storage and BigQuery emulators from one process until stdin closes.

Run by the tests with the Python of the emulators' own virtual environment (their dependencies
clash with the platform's). Prints one JSON line with both addresses once they accept requests.
"""
# pyright: reportMissingImports=false

import asyncio
import json
import os
import sys
import threading
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import duckdb
import duckdb_extension_spatial
from bqemulator.config import PersistenceMode, Settings
from bqemulator.server import EmulatorServer
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.settings import STORAGE_DIR
from gcp_storage_emulator.storage import Storage

LOOPBACK = "127.0.0.1"


class PreconditionedStorage(Storage):
    """The storage emulator ignores `ifGenerationMatch=0`; creating an object must honour it."""

    only_if_absent = False

    def create_file(self, bucket_name, file_name, content, file_obj):  # noqa: ANN001, ANN201
        if self.only_if_absent and file_name in self.objects.get(bucket_name, {}):
            raise PreconditionFailed
        return super().create_file(bucket_name, file_name, content, file_obj)


class PreconditionFailed(Exception):  # noqa: N818
    """An object that had to be absent is there."""


class PreconditionedHandler(RequestHandler):
    """Answers 412 where the precondition of an upload does not hold."""

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        query = parse_qs(urlparse(self.path).query)
        self.storage.only_if_absent = query.get("ifGenerationMatch") == ["0"]
        try:
            super().do_POST()
        except PreconditionFailed:
            self.send_error(412)


def install_spatial_extension() -> None:
    """The emulator insists on DuckDB's spatial extension and would fetch it from the network.

    DuckDB keeps extensions in the home folder: here, that of the virtual environment.
    """
    os.environ["HOME"] = sys.prefix
    folder = Path(duckdb_extension_spatial.__file__).parent / "extensions"
    (extension,) = folder.glob(f"v{duckdb.__version__}/spatial.duckdb_extension")
    duckdb.execute(f"INSTALL '{extension}'")


async def serve(root: Path) -> None:
    """Run both servers with `root` as the buckets' folder; stop at the end of stdin."""
    storage = HTTPServer(
        (LOOPBACK, 0), partial(PreconditionedHandler, PreconditionedStorage(data_dir=str(root)))
    )
    threading.Thread(target=storage.serve_forever, daemon=True).start()
    bigquery = EmulatorServer(
        Settings(
            rest_port=0,
            grpc_port=0,
            persistence_mode=PersistenceMode.EPHEMERAL,
            gcs_local_root=root / STORAGE_DIR,
            enable_format_extensions=False,
            log_level="error",
        )
    )
    await bigquery.start()
    addresses = {
        "storage_url": f"http://{LOOPBACK}:{storage.server_port}",
        "bigquery_url": bigquery.rest_url,
    }
    print(json.dumps(addresses), flush=True)  # noqa: T201
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads the pipe from here on
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await bigquery.stop()
    storage.shutdown()


if __name__ == "__main__":
    install_spatial_extension()
    asyncio.run(serve(Path(sys.argv[1])))
