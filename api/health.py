"""What an orchestrator asks: is the process alive, and may it get requests?"""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["health"])


class Status(BaseModel):
    """The answer of a probe."""

    status: str


@router.get("/livez")
async def livez() -> Status:
    """The process answers."""
    return Status(status="alive")


@router.get("/readyz")
async def readyz() -> Status:
    """The process may get requests. It holds no connection yet that could be away."""
    return Status(status="ready")
