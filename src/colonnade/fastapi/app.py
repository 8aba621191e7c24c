"""In charge of joining an app and its database: from the start of the one to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy import MetaData

from colonnade.database import Database
from colonnade.errors import ConfigurationError
from colonnade.fastapi.handlers import Problems, install_handlers
from colonnade.fastapi.health import health_router
from colonnade.filters import check_models

__all__ = ["connect", "database_of"]

_PLACE: Final = "colonnade"
_NAMED: Final = {"ck", "fk", "ix", "pk", "uq"}


def connect(
    app: FastAPI,
    db: Database,
    *,
    live: str | None = "/livez",
    ready: str | None = "/readyz",
    describe_health: bool = False,
    problems: Problems = "all",
) -> None:
    """Give ``app`` its database; each app has one, and several apps may share it.

    The app's own lifespan runs inside ours: models are checked before it starts, and the database
    closes after it ended. Starting connects nothing, so an app starts while its database is down.

    ``live`` answers 200 without I/O, ``ready`` 200 or 503 by ``db.check()``; None leaves one out,
    ``describe_health`` puts them into the OpenAPI document. ``problems`` says which errors become
    problem+json: ``"all"``, only ``"database"`` for Colonnade's own, or ``"none"``; handlers that
    the app has already are kept.

    Raises ``ConfigurationError`` if the app has a database, at start ``InvalidMapping``.
    """
    if hasattr(app.state, _PLACE):
        raise ConfigurationError(
            "this app has a database already", hint="call connect once for each app"
        )
    setattr(app.state, _PLACE, db)
    _compose_lifespan(app, db)
    install_handlers(app, problems)
    app.include_router(health_router(db, live, ready), include_in_schema=describe_health)


def database_of(app: Any) -> Database:
    """The database that ``connect`` gave to the app. Raises ``ConfigurationError`` without one."""
    db = getattr(getattr(app, "state", None), _PLACE, None)
    if not isinstance(db, Database):
        raise ConfigurationError(
            "this app has no database",
            hint="call connect(app, db) where the app is made; a mounted app needs a call too",
        )
    return db


def _compose_lifespan(app: FastAPI, db: Database) -> None:
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: Any) -> AsyncGenerator[Any]:
        async with db:
            _check(db.metadata)
            async with inner(started) as state:
                yield state

    app.router.lifespan_context = lifespan


def _check(metadata: MetaData) -> None:
    check_models(metadata)
    if set(metadata.naming_convention) >= _NAMED:
        # Imported late: the package gives SQLModel's metadata the convention when imported, which
        # must not hang on whether an app or the models came first.
        from colonnade.models import check_names

        check_names(metadata)
