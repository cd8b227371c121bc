"""What the pipeline last materialized, known within a second, in every replica alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MartVersion:
    """The materialization that a mart holds.

    Attributes:
        materialization_id: Changes exactly when the mart's rows may have changed.
        materialized_at: When that was, in UTC.
        row_count: Rows of the mart then.
    """

    materialization_id: str
    materialized_at: datetime
    row_count: int


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """The latest result of one asset check."""

    asset: str
    name: str
    passed: bool
    severity: str
    blocking: bool
    run_id: str
    evaluated_at: datetime


@dataclass(frozen=True, slots=True)
class AssetStatus:
    """The latest materialization of one asset."""

    asset: str
    run_id: str
    materialized_at: datetime


@dataclass(frozen=True)
class PipelineStatus:
    """Everything that the pipeline wrote down about itself.

    Attributes:
        versions: By mart: `summary_sales` (with the daily summary) and `pg_sales`.
        assets: Latest materializations.
        checks: Latest results.
        accepted_rows: Rows that all landed batches hold.
        rejected_rows: Rows that were rejected, by reason.
    """

    versions: Mapping[str, MartVersion] = field(default_factory=dict[str, MartVersion])
    assets: Sequence[AssetStatus] = ()
    checks: Sequence[CheckStatus] = ()
    accepted_rows: int = 0
    rejected_rows: Mapping[str, int] = field(default_factory=dict[str, int])
