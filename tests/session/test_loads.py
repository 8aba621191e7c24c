from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import (
    configure_mappers,
    defer,
    immediateload,
    joinedload,
    lazyload,
    selectinload,
    undefer,
)
from sqlmodel import select
from tests.shop import Archive, Hero, Mission, Power, Team

from colonnade.database import Database
from colonnade.errors import ColumnNotLoaded, NotLoaded, RelationshipNotLoaded
from colonnade.session.session import Session
from colonnade.testing import count_statements

Touch = Callable[[Any], object]

RELATIONS = {
    "to-one": "team",
    "to-many": "missions",
    "many-to-many": "powers",
    "self-reference": "mentor",
}


@pytest.fixture
async def filled(db: Database) -> Database:
    async with db.session() as session:
        team = Team(name="league")
        mentor = Hero(name="mentor", age=60)
        session.add_all([team, mentor])
        await session.flush()
        hero = Hero(name="hero", age=30, team_id=team.id, mentor_id=mentor.id, biography="long")
        session.add_all([hero, Power(name="flight"), Archive(name="a", content="big")])
        await session.flush()
        session.add(Mission(title="rescue", hero_id=hero.id))
    return db


@pytest.fixture
async def session(filled: Database) -> AsyncIterator[Session]:
    async with filled.session() as session:
        yield session


async def read(session: Session, *options: Any) -> Hero:
    statement = select(Hero).where(Hero.name == "hero").options(*options)
    return (await session.exec(statement)).unique().one()


def refused(filled: Database, touch: Callable[[], object]) -> NotLoaded:
    with count_statements(filled) as statements, pytest.raises(NotLoaded) as caught:
        touch()
    statements.expect(0)
    return caught.value


async def queried(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        yield await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column


async def of_a_reader(db: Database) -> AsyncIterator[Hero]:
    async with db.reader() as session:
        yield await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column


async def committed(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
        hero.age = 31
        await session.commit()
        yield hero


async def closed(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
    yield hero


async def expunged(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
        session.expunge(hero)
        yield hero


async def all_expunged(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
        session.expunge_all()
        yield hero


async def after_reset(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
        await session.reset()
        yield hero


async def pickled(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
        yield pickle.loads(pickle.dumps(hero))


async def pickled_after_the_end(db: Database) -> AsyncIterator[Hero]:
    async with db.session() as session:
        hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
    yield pickle.loads(pickle.dumps(hero))


STATES = [
    queried,
    of_a_reader,
    committed,
    closed,
    expunged,
    all_expunged,
    after_reset,
    pickled,
    pickled_after_the_end,
]


@pytest.fixture(params=STATES, ids=[state.__name__ for state in STATES])
async def hero(request: pytest.FixtureRequest, filled: Database) -> AsyncIterator[Hero]:
    async for hero in request.param(filled):
        yield hero


async def test_a_relation_that_was_not_asked_for_names_itself_and_the_remedy(
    filled: Database, hero: Hero
) -> None:
    for relation in RELATIONS.values():
        error = refused(filled, lambda relation=relation: getattr(hero, relation))  # type: ignore[misc]  # bound now
        assert type(error) is RelationshipNotLoaded
        assert (error.model, error.fields) == ("Hero", (relation,))
        assert f"Hero.{relation} was not loaded" in error.message
        assert f"selectinload(Hero.{relation})" in str(error.hint)


async def test_a_column_that_the_query_put_off_names_itself_and_the_remedy(
    filled: Database, hero: Hero
) -> None:
    error = refused(filled, lambda: hero.biography)
    assert type(error) is ColumnNotLoaded
    assert (error.model, error.fields) == ("Hero", ("biography",))
    assert "refresh(obj, ['biography'])" in str(error.hint)


async def test_what_was_loaded_answers(hero: Hero) -> None:
    assert (hero.name, hero.team_id) == ("hero", 1)


@pytest.mark.parametrize("detached", [False, True])
async def test_a_column_that_the_mapping_puts_off_is_not_loaded_by_touch(
    filled: Database, detached: bool
) -> None:
    async with filled.session() as session:
        archive = await session.get_one(Archive, 1)
        if detached:
            session.expunge(archive)
        error = refused(filled, lambda: archive.content)
    assert isinstance(error, ColumnNotLoaded)
    assert (error.model, error.fields) == ("Archive", ("content",))
    error = refused(filled, lambda: archive.content)
    assert error.fields == ("content",)


@pytest.mark.parametrize("detached", [False, True])
async def test_an_expired_column_is_not_loaded_by_touch(
    filled: Database, session: Session, detached: bool
) -> None:
    hero = await read(session)
    session.expire(hero, ["age", "name"])
    if detached:
        session.expunge(hero)
    error = refused(filled, lambda: hero.age)
    assert isinstance(error, ColumnNotLoaded)
    assert error.model == "Hero"
    assert "age" in error.fields


async def test_after_a_rollback_every_attribute_is_not_loaded(
    filled: Database, session: Session
) -> None:
    hero = await read(session)
    await session.rollback()
    error = refused(filled, lambda: hero.name)
    assert isinstance(error, ColumnNotLoaded)
    assert "name" in error.fields
    await session.refresh(hero)
    assert hero.name == "hero"


async def test_a_value_that_the_server_made_and_nobody_fetched_is_not_loaded(
    filled: Database, session: Session
) -> None:
    hero = await read(session)
    hero.age = 31
    await session.flush()
    error = refused(filled, lambda: hero.shouted)
    assert isinstance(error, ColumnNotLoaded)
    assert error.fields == ("shouted",)
    await session.refresh(hero, ["shouted"])
    assert hero.shouted == "CHANGED"


async def test_inside_run_sync_touching_runs_no_statement_either(
    filled: Database, session: Session
) -> None:
    hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
    for touch in (lambda: hero.team, lambda: hero.biography, lambda: hero.missions):
        with count_statements(filled) as statements, pytest.raises(NotLoaded):
            await session.run_sync(lambda _sync, touch=touch: touch())
        statements.expect(0)


async def test_the_remedies_that_the_errors_name_work(filled: Database, session: Session) -> None:
    hero = await read(session, defer(Hero.biography))  # type: ignore[arg-type]  # a column
    await session.refresh(hero, ["team", "missions", "powers", "mentor", "biography"])
    assert hero.team is not None
    assert hero.team.name == "league"
    assert [mission.title for mission in hero.missions] == ["rescue"]
    assert hero.powers == []
    assert hero.mentor is not None
    assert hero.mentor.name == "mentor"
    assert hero.biography == "long"


@pytest.mark.parametrize("load", [selectinload, joinedload, immediateload])
async def test_eager_loads_pass(filled: Database, session: Session, load: Any) -> None:
    hero = await read(session, *(load(getattr(Hero, name)) for name in RELATIONS.values()))
    assert hero.team is not None
    assert hero.team.name == "league"
    assert len(hero.missions) == 1


async def test_undeferred_columns_pass(session: Session) -> None:
    statement = select(Archive).options(undefer(Archive.content))  # type: ignore[arg-type]  # a column
    assert (await session.exec(statement)).one().content == "big"


async def test_a_relation_without_a_key_answers_without_a_statement(
    filled: Database, session: Session
) -> None:
    mentor = (await session.exec(select(Hero).where(Hero.name == "mentor"))).one()
    with count_statements(filled) as statements:
        assert mentor.team is None
    statements.expect(0)


async def test_a_to_one_relation_that_the_session_holds_answers(
    filled: Database, session: Session
) -> None:
    await session.exec(select(Team))
    team = (await session.exec(select(Team))).one()
    hero = await read(session, lazyload(Hero.team))  # type: ignore[arg-type]  # an attribute
    assert hero.team is team


async def test_a_transient_or_pending_object_answers_as_sqlalchemy_does(
    filled: Database, session: Session
) -> None:
    with count_statements(filled) as statements:
        hero = Hero(name="new")
        assert hero.team is None
        assert hero.missions == []
        session.add(hero)
        assert hero.powers == []
        assert hero.mentor is None
    statements.expect(0)


async def cascade_delete(session: Session, hero: Hero) -> None:
    await session.delete(hero)
    await session.flush()


async def orphan(session: Session, hero: Hero) -> None:
    await session.refresh(hero, ["missions"])
    hero.missions.clear()
    await session.flush()


async def merged(session: Session, hero: Hero) -> None:
    copy = Hero(id=hero.id, name="merged")
    copy.missions = []
    await session.merge(copy)
    await session.flush()


async def refreshed(session: Session, hero: Hero) -> None:
    session.expire(hero)
    await session.refresh(hero)
    assert hero.name == "hero"


async def got(session: Session, hero: Hero) -> None:
    session.expire(hero)
    assert (await session.get_one(Hero, hero_id(hero))).name == "hero"


def hero_id(hero: Hero) -> Any:
    return inspect(hero).identity[0]


async def moved(session: Session, hero: Hero) -> None:
    team = Team(name="other")
    session.add(team)
    hero.team = team
    await session.flush()


@pytest.mark.parametrize("act", [cascade_delete, orphan, merged, refreshed, got, moved])
async def test_loads_that_sqlalchemy_makes_for_itself_pass(
    filled: Database, session: Session, act: Callable[[Session, Hero], Awaitable[None]]
) -> None:
    await act(session, await read(session))
    await session.commit()
    missions = (await session.exec(select(Mission))).all()
    assert len(missions) == (0 if act in (cascade_delete, orphan, merged) else 1)


async def test_an_expired_key_of_an_expired_object_is_found_by_a_commit(
    filled: Database, session: Session
) -> None:
    hero = await read(session)
    session.expire(hero)
    hero.name = "renamed"
    await session.commit()
    async with filled.reader() as reader:
        assert (await reader.get_one(Hero, hero_id(hero))).name == "renamed"


PLAIN_AND_OURS = """
import asyncio, pickle, tempfile
from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import Session, configure_mappers, registry
from sqlmodel import Field, Relationship, SQLModel

class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass

def declare(base):
    class Team(base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        leader_id: int | None = Field(default=None, foreign_key="team.id")
        heroes: list["Team"] = Relationship()

    return Team

Team = declare(Base)
Team.__qualname__ = "Team"  # found by pickle
teams = [Team, declare(SQLModel)]
configure_mappers()

class Later(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)

from colonnade.database import Database

def touch(team):
    told = []
    for name in ("heroes", "leader_id"):
        try:
            getattr(team, name)
        except Exception as error:
            told.append(type(error).__name__)
    print(*told)

async def main(team, url):
    async with Database(url, metadata=team.metadata) as db:
        await db.create_all()
        engine = create_engine(url)
        with Session(engine, expire_on_commit=False) as session:
            theirs = team(id=1)
            session.add(theirs)
            session.commit()
            session.expire(theirs)
        engine.dispose()
        async with db.session() as session:
            ours = await session.get(team, 1)
            session.expire(ours)
            attached = pickle.dumps(ours) if team is Team else None
        for item in (theirs, ours):
            touch(item)
        if attached is not None:
            for item in (theirs, ours):
                touch(pickle.loads(pickle.dumps(item)))
            touch(pickle.loads(attached))

for team in teams:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(team, f"sqlite:///{folder}/teams.db"))
"""


def test_objects_of_our_sessions_are_guarded_and_those_of_others_answer_as_ever(
    tmp_path: Path,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PLAIN_AND_OURS)
    command = [sys.executable, str(program)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    theirs = "DetachedInstanceError DetachedInstanceError"
    ours = "RelationshipNotLoaded ColumnNotLoaded"
    # The first model's objects are pickled too: those after the end, and one that was attached.
    assert run.stdout.splitlines() == [theirs, ours, theirs, ours, ours, theirs, ours]


def test_a_class_that_is_mapped_twice_over_is_guarded_once() -> None:
    from colonnade.session.loads import guard_mapper

    configure_mappers()
    mapper = inspect(Hero)
    before = mapper.class_manager["team"].impl.callable_
    guard_mapper(mapper)
    assert mapper.class_manager["team"].impl.callable_ is before
