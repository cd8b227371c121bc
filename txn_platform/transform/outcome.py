"""What a dbt invocation did."""

from dataclasses import dataclass
from pathlib import Path

from txn_platform.errors import TransformError


@dataclass(frozen=True)
class DbtNodeResult:
    """One model or test.

    Attributes:
        node: dbt's unique id, for example `model.dbt_transactions.fact_sales`.
        status: dbt's word: success, error, skipped; pass, fail, warn.
        seconds: Wall time.
        rows: Rows that the store says it wrote; None where it does not say.
        bytes_processed: What the store bills for; None where it bills nothing.
        failures: Rows that a test found; None for a model.
    """

    node: str
    status: str
    seconds: float
    rows: int | None
    bytes_processed: int | None
    failures: int | None

    @property
    def name(self) -> str:
        """The model's or test's name."""
        return self.node.split(".")[2]


@dataclass(frozen=True)
class DbtFailure:
    """A node that failed and dbt's message, without any value from the data."""

    node: str
    message: str


@dataclass(frozen=True)
class DbtOutcome:
    """The result of an invocation.

    Attributes:
        success: True when every selected model was built and every test passed.
        results: All nodes that dbt looked at, skipped ones included.
        failures: Nodes that failed, in order; `dbt` stands for the invocation itself.
        artifacts: The folder with the SQL as it was sent to the store.
    """

    success: bool
    results: tuple[DbtNodeResult, ...]
    failures: tuple[DbtFailure, ...]
    artifacts: Path

    def error(self) -> TransformError:
        """The failures as one error."""
        lines = [f"{failure.node}: {failure.message}" for failure in self.failures]
        return TransformError(
            "dbt failed: " + "\n  ".join(lines),
            remedy=f"The SQL is in {self.artifacts}. What a failed model held before, it holds.",
        )
