"""Connect a FastAPI app and a database: lifespan, problem handlers and health routes."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel
from sqlalchemy import URL, MetaData

from colonnade.database import Database
from colonnade.errors import ConfigurationError, UsageError
from colonnade.fastapi.handlers import Problems, install_handlers
from colonnade.filters import check_models
from colonnade.mapping import with_article
from colonnade.models import unnamed_constraints

__all__ = ["Liveness", "Readiness", "connect", "database_of", "health_router"]


#: The attribute of ``app.state`` that holds the app's database.
_PLACE: Final = "colonnade"


#: The naming convention of a ``MetaData`` that was given none.
_UNNAMED: Final = MetaData().naming_convention


_log: Final = logging.getLogger("colonnade")


def connect(
    app: FastAPI,
    db: Database,
    *,
    create_tables: bool = False,
    live: str | None = "/livez",
    ready: str | None = "/readyz",
    describe_health: bool = False,
    problems: Problems = "all",
) -> None:
    """Give ``app`` its database; each app has one, and several apps may share it.

    The app's own lifespan runs inside ours: models are checked before it starts, and the database
    closes after it ended. Starting connects nothing, so an app starts while its database is down.
    With ``create_tables`` it does connect, and creates the tables that are missing: for
    development, where no migration does.

    ``live`` answers 200 without I/O, ``ready`` 200 or 503 by ``db.check()``; None leaves one out,
    ``describe_health`` puts them into the OpenAPI document. ``problems`` says which errors become
    problem+json: ``"all"``, only ``"database"`` for Colonnade's own, or ``"none"``; handlers that
    the app has already are kept.

    Raises ``UsageError`` for what is no ``Database``, ``ConfigurationError`` if the app has one
    already, ``InvalidMapping`` at start. Constraints that a naming convention left without a name
    are a warning in the log.
    """
    _check_database(db)
    if hasattr(app.state, _PLACE):
        raise ConfigurationError(
            "this app has a database already", hint="call connect once for each app"
        )
    setattr(app.state, _PLACE, db)
    _compose_lifespan(app, db, create_tables)
    install_handlers(app, problems)
    app.include_router(health_router(db, live, ready), include_in_schema=describe_health)


def database_of(app: Any) -> Database:
    """Return the database that ``connect`` gave to the app.

    Raises ``ConfigurationError`` if the app has none.
    """
    db = getattr(getattr(app, "state", None), _PLACE, None)
    if not isinstance(db, Database):
        raise ConfigurationError(
            "this app has no database",
            hint="call connect(app, db) where the app is made; a mounted app needs a call too",
        )
    return db


class Liveness(BaseModel):
    """The answer of the route ``live``."""

    status: str = "alive"


class Readiness(BaseModel):
    """The answer of the route ``ready``: the seconds of the check, and the error's code if any."""

    status: str
    seconds: float
    error: str | None = None


def health_router(db: Database, live: str | None, ready: str | None) -> APIRouter:
    """Return a router with the health routes at these paths; None leaves one out."""
    router = APIRouter(tags=["health"])

    async def is_live(response: Response) -> Liveness:
        """Answer 200 as long as the process runs. No I/O."""
        response.headers["Cache-Control"] = "no-store"
        return Liveness()

    async def is_ready(response: Response) -> Readiness:
        """Answer 200 if the database answers, and 503 if it does not."""
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


def _check_database(db: object) -> None:
    """Raise ``UsageError`` if ``db`` is no database. It is not shown: a URL has a password."""
    if isinstance(db, str | URL):
        raise UsageError(
            "connect takes a Database, not a URL",
            hint="make it first: db = Database(url); connect(app, db). The name db is what opens "
            "sessions elsewhere",
        )
    if not isinstance(db, Database):
        raise UsageError(
            f"connect takes a Database, not {with_article(type(db).__name__)}",
            hint='such as connect(app, Database("sqlite:///shop.db"))',
        )


def _compose_lifespan(app: FastAPI, db: Database, create_tables: bool) -> None:
    """Wrap the app's lifespan in one that checks the models and closes the database."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: Any) -> AsyncGenerator[Any]:
        async with db:
            _check_metadata(db.metadata)
            if create_tables:
                await db.create_all()
            async with inner(started) as state:
                yield state

    app.router.lifespan_context = lifespan


def _check_metadata(metadata: MetaData) -> None:
    """Raise ``InvalidMapping`` for models that do not fit; log constraints without a name."""
    check_models(metadata)
    if metadata.naming_convention != _UNNAMED:
        for problem in unnamed_constraints(metadata):
            _log.warning("an error or a migration cannot name a constraint: %s", problem)
