"""In charge of the health routes: whether the process lives, and whether it can serve."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from colonnade.database import Database

__all__ = ["Liveness", "Readiness", "health_router"]


class Liveness(BaseModel):
    """The process answers."""

    status: str = "alive"


class Readiness(BaseModel):
    """Whether the database answers, in how many seconds, and the code of the error if not."""

    status: str
    seconds: float
    error: str | None = None


def health_router(db: Database, live: str | None, ready: str | None) -> APIRouter:
    """The routes at these paths; None leaves one out."""
    router = APIRouter(tags=["health"])

    async def is_live(response: Response) -> Liveness:
        """Whether the process answers; asks nobody else."""
        response.headers["Cache-Control"] = "no-store"
        return Liveness()

    async def is_ready(response: Response) -> Readiness:
        """Whether the database answers."""
        response.headers["Cache-Control"] = "no-store"
        health = await db.check()
        response.status_code = 200 if health else 503
        status = "ready" if health else "unavailable"
        return Readiness(status=status, seconds=round(health.seconds, 6), error=health.error)

    if live is not None:
        router.add_api_route(live, is_live, operation_id="health_live")
    if ready is not None:
        router.add_api_route(
            ready,
            is_ready,
            operation_id="health_ready",
            responses={503: {"model": Readiness, "description": "The database does not answer"}},
        )
    return router
