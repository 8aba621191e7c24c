"""connect: one database for each app, from its start to its end."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Request
from sqlalchemy import CheckConstraint, make_url, text
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.fastapi.conftest import Opener, in_process
from tests.fastapi.shop import Base, HeroService

from colonnade import Database, Session
from colonnade.errors import ConfigurationError, InvalidMapping, InvalidSetting, UsageError
from colonnade.fastapi import connect, provide, provide_session
from colonnade.models import install_naming_convention

Sessions = Annotated[Session, provide_session()]


async def test_the_apps_own_lifespan_runs_inside_ours(db: Database, serve: Opener) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        async with db.session() as session:
            seen.append(f"start {await session.scalar(text('SELECT 1'))}")
        yield {"greeting": "hello"}
        async with db.session() as session:
            seen.append(f"end {await session.scalar(text('SELECT 1'))}")
        seen.append(f"open {db.pool().idle > 0}")

    app = FastAPI(lifespan=own)
    connect(app, db)

    @app.get("/")
    async def greet(request: Request) -> str:
        return str(request.state.greeting) if hasattr(request.state, "greeting") else "no state"

    async with serve(app) as client:
        assert seen == ["start 1"]
        assert (await client.get("/")).status_code == 200
    assert seen == ["start 1", "end 1", "open True"]
    assert db.pool().idle == 0


async def test_the_database_closes_when_the_apps_own_end_fails(sqlite_url: str) -> None:
    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        async with db.session() as session:
            await session.scalar(text("SELECT 1"))
        yield
        raise RuntimeError("could not end")

    db = Database(sqlite_url)
    app = FastAPI(lifespan=own)
    connect(app, db)
    with pytest.raises(RuntimeError, match="could not end"):
        async with in_process(app):
            assert db.pool().idle == 1
    assert db.pool().idle == 0


async def test_two_apps_in_one_process_have_their_own_databases(
    sqlite_url: str, tmp_path: Any
) -> None:
    urls = [sqlite_url, f"sqlite:///{tmp_path}/other.db"]
    apps = [FastAPI(), FastAPI()]
    for app, url in zip(apps, urls, strict=True):
        connect(app, Database(url))

        @app.get("/")
        async def where(session: Sessions) -> str:
            return str((await session.execute(text("PRAGMA database_list"))).first())

    async with in_process(apps[0]) as first, in_process(apps[1]) as second:
        assert (await first.get("/")).text != (await second.get("/")).text
        assert "other.db" in (await second.get("/")).text


async def test_an_app_is_connected_once(sqlite_url: str) -> None:
    app = FastAPI()
    connect(app, Database(sqlite_url))
    with pytest.raises(ConfigurationError, match="has a database already"):
        connect(app, Database(sqlite_url))


async def test_a_service_in_an_app_that_is_not_connected_says_what_to_call() -> None:
    app = FastAPI()

    @app.get("/")
    async def ask(heroes: Annotated[HeroService, provide(HeroService)]) -> int:
        return await heroes.where().count()

    with pytest.raises(ConfigurationError, match=r"connect\(app, db\)"):
        async with in_process(app) as client:
            await client.get("/")


async def test_a_mounted_app_is_connected_by_itself(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    app, inner = FastAPI(), FastAPI()
    connect(app, db)
    connect(inner, db)
    app.mount("/inner", inner)

    @inner.get("/")
    async def one(session: Sessions) -> int:
        return int(await session.scalar(text("SELECT 1")) or 0)

    async with in_process(app) as client:
        assert (await client.get("/inner/")).json() == 1


async def test_models_are_checked_before_the_apps_own_start(sqlite_url: str) -> None:
    class Broken(SQLModel, registry=registry()):
        pass

    class Lonely(Broken, table=True):
        id: int | None = Field(default=None, primary_key=True)
        friend: "Nobody" = Relationship()  # type: ignore[name-defined] # noqa: F821 # that it is missing is the test

    started: list[str] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        started.append("own")
        yield

    app = FastAPI(lifespan=own)
    connect(app, Database(sqlite_url, metadata=Broken.metadata))
    with pytest.raises(InvalidMapping, match="Nobody"):
        async with in_process(app):
            pass
    assert not started


async def test_a_constraint_that_a_convention_left_without_a_name_is_a_warning(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Own(SQLModel, registry=registry()):
        pass

    class Early(Own, table=True):
        __table_args__ = (CheckConstraint("id > 0"),)
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(unique=True)

    caplog.set_level(logging.WARNING, "colonnade")
    before = FastAPI()
    connect(before, Database(sqlite_url, metadata=Own.metadata))
    async with in_process(before):
        assert not caplog.messages

    install_naming_convention(Own.metadata)
    app = FastAPI()
    connect(app, Database(sqlite_url, metadata=Own.metadata))
    async with in_process(app):
        (told,) = caplog.messages
        assert told.endswith("early: CHECK (id > 0) has no name")


async def test_missing_tables_are_created_at_start_where_that_is_asked_for(
    database_url: str,
) -> None:
    db = Database(database_url, metadata=Base.metadata)
    seen: list[int] = []

    @asynccontextmanager
    async def own(app: FastAPI) -> AsyncIterator[None]:
        async with db.reader() as session:
            seen.append(await HeroService(session).count())
        yield

    for _ in range(2):
        app = FastAPI(lifespan=own)
        connect(app, db, create_tables=True)
        async with in_process(app):
            pass
    assert seen == [0, 0]


async def test_what_is_no_database_is_refused_without_being_shown(sqlite_url: str) -> None:
    url = "postgresql://user:secret@host/db"
    for wrong in (url, make_url(url)):
        with pytest.raises(UsageError, match=r"connect\(app, db\)") as caught:
            connect(FastAPI(), wrong)  # type: ignore[arg-type]
        assert "secret" not in str(caught.value)
    async with Database(sqlite_url) as db:
        with pytest.raises(UsageError, match="not an AsyncEngine"):
            connect(FastAPI(), db.engine)  # type: ignore[arg-type]
        app = FastAPI()
        connect(app, db)  # what was refused has left nothing behind


async def test_an_app_starts_while_its_database_is_down(serve: Opener) -> None:
    app = FastAPI()
    connect(app, Database("postgresql://nobody@127.0.0.1:1/none", metadata=Base.metadata))

    @app.get("/")
    async def one(session: Sessions) -> int:
        return int(await session.scalar(text("SELECT 1")) or 0)

    async with serve(app) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["error"]) == (503, "connection_failed")
        answer = await client.get("/")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_an_unknown_choice_of_problems_is_refused(sqlite_url: str) -> None:
    with pytest.raises(InvalidSetting, match="database"):
        connect(FastAPI(), Database(sqlite_url), problems="some")  # type: ignore[arg-type]
