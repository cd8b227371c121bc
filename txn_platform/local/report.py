"""What a run did, in the shape that `run --json` prints."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from txn_platform.ingest.batch import Manifest


@dataclass(frozen=True)
class CheckResult:
    """One evaluated asset check."""

    asset: str
    name: str
    passed: bool
    severity: str
    blocking: bool


@dataclass(frozen=True)
class RunReport:
    """The outcome of one `run`.

    Attributes:
        run_id: Dagster's id of the last run.
        inputs: The given files and the batches that they became, in landing order.
        rows: Rows of each table afterwards; empty where the run failed before the tables.
        checks: Every check that was evaluated; of one evaluated twice, the last result.
        failures: What went wrong, a message for each step and blocking check that failed.
        stages: Seconds of each step.
        seconds: Wall time of the whole run.
    """

    run_id: str
    inputs: Sequence[tuple[Path, Manifest]]
    rows: dict[str, int]
    checks: Sequence[CheckResult]
    exports: Sequence[str]
    failures: Sequence[str]
    seconds: float
    stages: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def succeeded(self) -> bool:
        """No step failed and every blocking check passed."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """The object that `run --json` prints; `errors` is there only when the run failed."""
        document: dict[str, Any] = {
            "status": "success" if self.succeeded else "failure",
            "run_id": self.run_id,
            "inputs": [_input_json(path, manifest) for path, manifest in self.inputs],
            "rows": self.rows,
            "checks": [vars(check) for check in self.checks],
            "exports": list(self.exports),
            "seconds": round(self.seconds, 2),
            "stages": {name: round(seconds, 3) for name, seconds in self.stages.items()},
        }
        if not self.succeeded:
            document["errors"] = list(self.failures)
        return document


def _input_json(path: Path, manifest: Manifest) -> dict[str, Any]:
    return {
        "path": str(path),
        "batch_id": manifest.batch_id,
        "rows": manifest.rows,
        "accepted": manifest.accepted,
        "rejected": manifest.rejected,
        "reasons": manifest.reasons,
    }
