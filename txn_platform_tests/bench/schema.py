"""Requests generated from the API's own description, sound and unsound, against a running server.

All of Schemathesis' checks: no 5xx, nothing undocumented, sound data accepted, unsound refused.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from txn_platform_tests.api.server import Server, api_server, config_file
from txn_platform_tests.platform import command_environment, txn_platform

HOOKS = Path(__file__).with_name("schema_hooks.py")
UNLIMITED = {"healthz": None, "token": None, "ingest": None}


@dataclass(frozen=True)
class Outcome:
    """What Schemathesis found.

    Attributes:
        succeeded: No check failed, on no request.
        text: Its report for people.
        cases: Requests that were generated.
        untested: Operations that none of them was for.
    """

    succeeded: bool
    text: str
    cases: int
    untested: int


def run(folder: Path, examples: int) -> Outcome:
    """Check a server over the sample; `examples` is for each operation and phase."""
    home = folder / "home"
    outcome = txn_platform("run", "--home", home, "--json")
    assert outcome.status == 0, outcome.stderr
    config = config_file(folder, {"rate_limits": UNLIMITED, "access_token_seconds": 86_400})
    with api_server(home, folder / "server.log", TXN_CONFIG=str(config)) as server:
        return _check(server, folder, examples)


def _check(server: Server, folder: Path, examples: int) -> Outcome:
    report = folder / "report.json"
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{server.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {server.token()}"),
            *("--checks", "all", "--continue-on-failure", "--no-color"),
            *("--max-examples", str(examples), "--generation-database", "none"),
            *("--report-json-path", report),
        ],
        cwd=folder,
        env=command_environment(SCHEMATHESIS_HOOKS=str(HOOKS)),
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert report.exists(), said
    document: dict[str, Any] = json.loads(report.read_text())
    operations = document["operations"]
    return Outcome(
        done.returncode == 0,
        said,
        document["test_cases"]["generated"],
        operations["total"] - operations["tested"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=schema", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000)
    with TemporaryDirectory() as folder:
        outcome = run(Path(folder), parser.parse_args().examples)
    sys.stdout.write(outcome.text)
    sys.exit(not outcome.succeeded)
