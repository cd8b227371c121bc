"""What the platform tells those who only read the marts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Publication:
    """Checked marts that readers now see.

    Attributes:
        materialization_id: Of the published marts; new with every publication.
        materialized_at: When they were published, with its time zone.
        summary_rows: Rows of `summary_sales`.
        landed_rows: Rows of all landed batches by what became of them: `accepted`, or the reason
            of the rejection.
    """

    materialization_id: str
    materialized_at: datetime
    summary_rows: int
    landed_rows: Mapping[str, int]


@dataclass(frozen=True)
class AssetRecord:
    """The materialization of an asset, by a run, at a time with its zone."""

    asset: str
    run_id: str
    materialized_at: datetime


@dataclass(frozen=True)
class CheckRecord:
    """The result of an asset check, from a run, at a time with its zone.

    Attributes:
        severity: What a failure means: `WARN` or `ERROR`.
        blocking: Whether a failure stops what is downstream.
    """

    asset: str
    name: str
    passed: bool
    severity: str
    blocking: bool
    run_id: str
    evaluated_at: datetime
