"""provide_scope: a request's sessions keep to the values that a dependency gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Header
from pydantic import BaseModel
from tests.fastapi.conftest import in_process
from tests.scope.conftest import db, guilds_url  # noqa: F401 # two guilds
from tests.scope.guilds import (
    Hero,
    HeroCreate,
    HeroService,
    HeroUpdate,
    Named,
    TeamService,
    fill,
)

from colonnade import Database, ServiceBase, Session
from colonnade.errors import NotFound
from colonnade.fastapi import connect, crud_router, provide, provide_scope, provide_session

Heroes = Annotated[HeroService, provide(HeroService)]
TeamReads = Annotated[TeamService, provide(TeamService, read=True)]


async def of_caller(guild: Annotated[int, Header()]) -> dict[str, Any]:
    return {"guild": guild}


def app_of(db: Database, **options: Any) -> FastAPI:  # noqa: F811
    app = FastAPI(**options)
    connect(app, db)
    return app


async def test_every_service_of_a_request_keeps_to_the_callers_rows(db: Database) -> None:  # noqa: F811
    app = app_of(db, dependencies=[provide_scope(of_caller)])
    router = crud_router(
        HeroService, read=Named, create=HeroCreate, update=HeroUpdate, prefix="/heroes"
    )
    app.include_router(router)

    @app.get("/teams")
    async def teams(teams: TeamReads) -> list[str]:
        return [team.name for team in await teams.where().all()]

    @app.get("/both")
    async def both(teams: TeamReads, heroes: Heroes) -> list[str]:
        assert teams.session is heroes.session
        return [team.name for team in await teams.where().all()]

    async with in_process(app) as client:
        ours, theirs = {"guild": "1"}, {"guild": "2"}
        assert (await client.get("/teams", headers=ours)).json() == ["our team"]
        assert (await client.get("/teams", headers=theirs)).json() == ["their team"]
        assert (await client.get("/both", headers=theirs)).json() == ["their team"]
        assert (await client.get("/heroes/10", headers=ours)).json() == {"name": "our boss"}
        assert (await client.get("/heroes/10", headers=theirs)).status_code == 404
        assert (await client.get("/heroes", headers=theirs)).json()["total"] == 3
        refused = await client.post("/heroes", headers=ours, json={"name": "x", "team_id": 20})
        assert (refused.status_code, refused.json()["code"]) == (409, "out_of_scope")
        assert (await client.patch("/heroes/20", headers=ours, json={"age": 1})).status_code == 404
        assert (await client.get("/teams")).status_code == 422


class Aged(BaseModel):
    name: str
    age: int


class Retire(BaseModel):
    deleted_at: datetime


class Retiring(ServiceBase[Hero, HeroCreate, Retire]):
    pass


class WithTeam(Named):
    team: Named | None


async def test_who_takes_a_row_out_of_scope_is_answered_with_its_own_columns(
    database_url: str,
) -> None:
    """What hangs on it may be out of scope too, and is not told."""
    async with Database(database_url) as own:
        await fill(own)
        app = app_of(own, dependencies=[provide_scope(of_caller)])
        for prefix, read in (("/heroes", Aged), ("/members", WithTeam)):
            app.include_router(crud_router(Retiring, read=read, prefix=prefix))
        async with in_process(app) as client:
            await retire(client)


async def retire(client: httpx.AsyncClient) -> None:
    ours, body = {"guild": "1"}, {"deleted_at": "2026-03-01T12:00:00Z"}
    made = await client.post("/heroes", headers=ours, json={"name": "brief", "age": 7})
    at = made.headers["location"]
    assert made.status_code == 201
    hidden = await client.patch(at.replace("heroes", "members"), headers=ours, json=body)
    assert hidden.status_code == 404
    assert (await client.get(at, headers=ours)).status_code == 200, "it was rolled back"
    gone = await client.patch(at, headers=ours, json=body)
    assert (gone.status_code, gone.json()) == (200, {"name": "brief", "age": 7})
    assert (await client.get(at, headers=ours)).status_code == 404


async def test_a_schema_with_relations_of_a_row_out_of_scope_is_not_found(
    db: Database,  # noqa: F811
) -> None:
    async with db.session(scope={"guild": 1}) as session:
        heroes = Retiring(session)
        made = await heroes.create({"name": "brief", "age": 7})
        with pytest.raises(NotFound, match="out of scope now") as caught:
            await heroes.update(made.id, {"deleted_at": datetime.now(UTC)}, into=WithTeam)
        assert caught.value.keys == ((made.id,),)
        await session.rollback()


async def test_without_values_a_request_for_a_model_with_scopes_is_a_fault_of_the_server(
    db: Database,  # noqa: F811
) -> None:
    app = app_of(db)

    @app.get("/teams")
    async def teams(teams: TeamReads) -> list[str]:
        return [team.name for team in await teams.where().all()]

    async with in_process(app) as client:
        answer = await client.get("/teams")
        assert (answer.status_code, answer.json()["code"]) == (500, "scope_unbound")


async def test_a_session_that_is_open_already_gets_the_values_too(db: Database) -> None:  # noqa: F811
    app = app_of(db)

    async def late(session: Annotated[Session, provide_session()]) -> dict[str, Any]:
        return {"guild": 2 if session.scope.values == {} else 1}

    @app.get("/", dependencies=[provide_scope(late)])
    async def teams(teams: TeamReads) -> list[str]:
        return [team.name for team in await teams.where().all()]

    async with in_process(app) as client:
        assert (await client.get("/")).json() == ["their team"]


async def test_two_values_for_one_scope_are_refused(db: Database) -> None:  # noqa: F811
    app = app_of(db, dependencies=[provide_scope(of_caller)])
    other = APIRouter(dependencies=[provide_scope(lambda: {"guild": 2})])

    @other.get("/")
    async def nothing(session: Annotated[Session, provide_session()]) -> dict[str, Any]:
        return dict(session.scope.values)

    app.include_router(other)
    async with in_process(app) as client:
        assert (await client.get("/", headers={"guild": "2"})).json() == {"guild": 2}
        answer = await client.get("/", headers={"guild": "1"})
        assert (answer.status_code, answer.json()["code"]) == (500, "usage")


async def test_a_value_that_fits_no_column_is_refused_where_it_is_bound(db: Database) -> None:  # noqa: F811
    asked: list[str] = []

    async def odd() -> dict[str, Any]:
        return {"guild": 1.5}

    app = app_of(db, dependencies=[provide_scope(odd)])

    @app.get("/")
    async def nothing() -> str:
        asked.append("the database, later")
        return ""

    async with in_process(app) as client:
        answer = await client.get("/")
        assert answer.json()["code"] == "invalid_operand"
    assert asked == []
