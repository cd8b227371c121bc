"""`/meta/counts`, `/meta/health` and `/meta/freshness`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.auth.dependencies import requires
from api.limits.dependencies import limited
from api.meta.models import (
    AssetFreshness,
    CheckResult,
    Checks,
    Counts,
    DependencyHealth,
    Freshness,
    Health,
    LandedRows,
    MartCount,
)
from api.problems import StoreAwayError
from api.responses import headers, problems
from api.services import services
from api.watch import PipelineStatus

_KEPT: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": headers(
            X_Data_Stale=(
                "`true` while PostgreSQL does not answer: this is what was last known.",
                {"type": "string"},
            ),
        )
    }
}


async def _status(request: Request, response: Response) -> PipelineStatus:
    """What the pipeline wrote down, marked where it may be out of date.

    Raises:
        StoreAwayError: when PostgreSQL has not answered yet.
    """
    watch = services(request).watch
    response.headers["Cache-Control"] = "no-store"
    if watch.last_seen is None:
        raise StoreAwayError("postgres")
    if not watch.reachable:
        response.headers["X-Data-Stale"] = "true"
    return watch.status


Status = Annotated[PipelineStatus, Depends(_status)]

router = APIRouter(
    prefix="/api/v1/meta",
    tags=["meta"],
    # Declared before the limit, which then counts by user, and only those who may read.
    dependencies=[requires("sales:read"), limited("reads")],
)


@router.get(
    "/counts",
    summary="Row counts",
    responses={**_KEPT, **problems(401, 403, 429, 503)},
)
async def counts(status: Status) -> Counts:
    """Rows of the marts with their materializations, and of the landed batches."""
    return Counts(
        marts=[
            MartCount(
                mart=mart,
                row_count=version.row_count,
                materialization_id=version.materialization_id,
                materialized_at=version.materialized_at,
            )
            for mart, version in status.versions.items()
        ],
        landed=LandedRows(
            accepted=status.accepted_rows,
            rejected=sum(status.rejected_rows.values()),
            reasons=dict(status.rejected_rows),
        ),
    )


@router.get("/health", summary="Dependencies", responses=problems(401, 403, 429))
async def health(request: Request, response: Response) -> Health:
    """Whether PostgreSQL, the warehouse and the lake answer, as of a few seconds ago."""
    response.headers["Cache-Control"] = "no-store"
    found = await services(request).dependencies.states()
    return Health(
        healthy=all(dependency.state != "away" for dependency in found),
        dependencies=[
            DependencyHealth(name=each.name, state=each.state, since=each.since) for each in found
        ],
    )


@router.get(
    "/freshness",
    summary="Freshness and checks",
    responses={**_KEPT, **problems(401, 403, 429, 503)},
)
async def freshness(status: Status) -> Freshness:
    """When each asset was last materialized, and the latest results of the checks."""
    now = datetime.now(UTC)
    passed = sum(check.passed for check in status.checks)
    return Freshness(
        assets=[
            AssetFreshness(
                asset=asset.asset,
                run_id=asset.run_id,
                materialized_at=asset.materialized_at,
                # The pipeline's clock may be a little ahead of ours.
                age_seconds=max(0.0, (now - asset.materialized_at).total_seconds()),
            )
            for asset in status.assets
        ],
        checks=Checks(
            passed=passed,
            failed=len(status.checks) - passed,
            results=[
                CheckResult(
                    asset=check.asset,
                    name=check.name,
                    passed=check.passed,
                    severity=check.severity,
                    blocking=check.blocking,
                    evaluated_at=check.evaluated_at,
                )
                for check in status.checks
            ],
        ),
    )
