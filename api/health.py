"""What an orchestrator and its operator ask: alive, ready, healthy?"""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.auth.service import AuthService
from api.limits.dependencies import limited
from api.problems import ProblemError
from api.responses import problems
from api.services import ServicesDep
from api.watch import PipelineStatus, Watch

RETRY_SECONDS = 1
Found = Literal["ok", "empty", "away", "failed"]

router = APIRouter(tags=["operation"])


class ProbeAnswer(BaseModel):
    """The answer of a probe."""

    status: str


class HealthSummary(BaseModel):
    """What the API depends on, in short."""

    status: Literal["ok", "degraded"] = Field(description="`ok` where all checks are `ok`.")
    checks: dict[str, Found] = Field(
        description="`postgres`, `warehouse`, `lake`: `away` where it does not answer, `empty` "
        "where it holds nothing yet. `checks`: `failed` where a blocking asset check did not pass "
        "when it last ran.",
        examples=[{"postgres": "ok", "warehouse": "ok", "lake": "ok", "checks": "ok"}],
    )


@router.get("/livez", summary="Is the process alive?")
async def livez() -> ProbeAnswer:
    """Answers as long as the process can."""
    return ProbeAnswer(status="alive")


@router.get("/readyz", summary="May the process get requests?", responses=problems(503))
async def readyz(held: ServicesDep) -> ProbeAnswer:
    """Ready once PostgreSQL has answered, and from then on while there is anything to serve.

    Without PostgreSQL, the warehouse's marts and cached answers are still served. Taking all
    replicas out of service then would turn a part that is missing into everything missing.
    The answer is what the watch knows; no store is asked.
    """
    obstacle = _obstacle(held.watch, held.auth)
    if obstacle is not None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            obstacle,
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    return ProbeAnswer(status="ready")


@router.get(
    "/healthz",
    summary="How are the dependencies?",
    dependencies=[limited("healthz")],
    responses=problems(429),
)
async def healthz(held: ServicesDep) -> HealthSummary:
    """Each dependency in a word. Always 200: whether to send requests is what /readyz says."""
    checks: dict[str, Found] = {
        store.name: store.state for store in await held.dependencies.states()
    }
    checks["checks"] = "failed" if _failing(held.watch.status) else "ok"
    healthy = all(found == "ok" for found in checks.values())
    return HealthSummary(status="ok" if healthy else "degraded", checks=checks)


def _obstacle(watch: Watch, auth: AuthService) -> str | None:
    """What keeps the process from serving anything, or None."""
    if watch.last_seen is None or not auth.ready:
        return "PostgreSQL has not answered since the start."
    if not watch.reachable and not watch.status.versions:
        return "PostgreSQL does not answer, and no mart was materialized when it last did."
    return None


def _failing(status: PipelineStatus) -> bool:
    """Whether a check that protects readers failed when it last ran."""
    return any(check.blocking and not check.passed for check in status.checks)
