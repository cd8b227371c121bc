"""How far the figures can be trusted: checks, freshness and rejected rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from api.watch import PipelineStatus
from txn_platform.stores.status import AssetRecord, CheckRecord


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One asset check; `href` leads to its results in Dagster."""

    asset: str
    name: str
    passed: bool
    blocking: bool
    severity: str
    evaluated_at: datetime
    href: str


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One asset; `href` leads to it in Dagster."""

    asset: str
    materialized_at: datetime
    href: str


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason of rejection in words, and how many rows it met."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class QualityView:
    """What the pipeline wrote down about its last runs.

    Attributes:
        checks: Failed ones first.
        failed: The failed ones.
        passed: How many of them passed.
        assets: The latest materialization first.
        rejected_rows, landed_rows: In all; landed are the accepted and the rejected ones.
        reasons: The most frequent first.
    """

    checks: Sequence[CheckRow]
    failed: Sequence[CheckRow]
    passed: int
    assets: Sequence[AssetRow]
    rejected_rows: int
    landed_rows: int
    reasons: Sequence[ReasonRow]


def quality_view(status: PipelineStatus, dagster_url: str) -> QualityView:
    """What a user sees of the pipeline's status."""
    ordered = sorted(status.checks, key=lambda check: (check.passed, check.asset, check.name))
    checks = [_check_row(check, dagster_url) for check in ordered]
    reasons = sorted(status.rejected_rows.items(), key=lambda item: (-item[1], item[0]))
    rejected = sum(status.rejected_rows.values())
    return QualityView(
        checks=checks,
        failed=[check for check in checks if not check.passed],
        passed=sum(check.passed for check in checks),
        assets=[
            _asset_row(asset, dagster_url)
            for asset in sorted(status.assets, key=lambda a: a.materialized_at, reverse=True)
        ],
        rejected_rows=rejected,
        landed_rows=status.accepted_rows + rejected,
        reasons=[ReasonRow(reason.replace("_", " "), rows) for reason, rows in reasons],
    )


def _check_row(check: CheckRecord, dagster_url: str) -> CheckRow:
    return CheckRow(
        asset=check.asset,
        name=check.name,
        passed=check.passed,
        blocking=check.blocking,
        severity=check.severity.lower(),
        evaluated_at=check.evaluated_at,
        href=f"{_asset_href(check.asset, dagster_url)}?view=checks",
    )


def _asset_row(asset: AssetRecord, dagster_url: str) -> AssetRow:
    return AssetRow(asset.asset, asset.materialized_at, _asset_href(asset.asset, dagster_url))


def _asset_href(asset: str, dagster_url: str) -> str:
    return f"{dagster_url.rstrip('/')}/assets/{quote(asset)}"
