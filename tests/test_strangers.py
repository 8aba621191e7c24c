"""A plain SQLAlchemy program in the same process behaves as if Colonnade was not imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

IMPORT_ALL = """
import importlib, pkgutil, colonnade
for module in pkgutil.walk_packages(colonnade.__path__, "colonnade."):
    importlib.import_module(module.name)
"""

PROGRAM = """
import asyncio, gc, json, pickle, re, sys, warnings
{before}
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, Relationship, SQLModel

TYPES = (
    sa.DateTime, sa.DateTime(timezone=True), sa.Time, sa.TIMESTAMP, sa.Interval, sa.Numeric,
    sa.Numeric(10, 2), sa.Float, sa.Double, sa.JSON, sa.Uuid, sa.Boolean, sa.Enum("a", "b"),
    sa.String(20), sa.LargeBinary, sa.BigInteger, sa.Date,
)

class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, index=True)
    heroes: list["Hero"] = Relationship(back_populates="team")

class Hero(SQLModel, table=True):
    __table_args__ = (sa.CheckConstraint("age > 0"), sa.UniqueConstraint("name", "team_id"))

    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int
    height: float | None = None
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")

class Base(orm.DeclarativeBase):
    pass

class Thing(Base):
    __tablename__ = "thing"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    text: orm.Mapped[str] = orm.mapped_column(sa.String(20), deferred=True)
    version: orm.Mapped[int] = orm.mapped_column()
    __mapper_args__ = dict(version_id_col=version)

wide = sa.Table(
    "wide", Base.metadata, sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column("c%d" % place, kind) for place, kind in enumerate(TYPES)),
)
{after}
told = []

def attempt(call):
    try:
        told.append(repr(call()))
    except Exception as error:
        text = re.sub("0x[0-9a-f]+", "0x", str(error))
        told.append("%s: %s" % (type(error).__module__ + "." + type(error).__name__, text))

for dialect in (
    sqlite.dialect(), postgresql.dialect(), mysql.dialect(), mysql.dialect(is_mariadb=True)
):
    for table in (*SQLModel.metadata.sorted_tables, *Base.metadata.sorted_tables):
        attempt(lambda: str(CreateTable(table).compile(dialect=dialect)))
        told.extend(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    for statement in (
        sa.select(Hero).join(Hero.team).where(Team.name.icontains("x"), Hero.height == 1.5),
        sa.select(sa.cast(wide.c.c0, sa.DateTime), sa.cast(wide.c.c5, sa.Numeric)),
        sa.select(sa.func.count(), sa.func.lower(Team.name).collate("x")).group_by(Team.name),
        sa.insert(Hero).values(name="a", age=1).returning(Hero.id),
        sa.update(Hero).where(Hero.id.in_([1, 2])).values(age=Hero.age + 1),
        sa.delete(Team).where(Team.heroes.any(Hero.age > 3)),
        sa.select(Hero).order_by(sa.nulls_last(Hero.age.desc())).limit(3).offset(2),
    ):
        attempt(lambda: str(statement.compile(dialect=dialect)))
        attempt(lambda: sorted(statement.compile(dialect=dialect).params))

engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
sent = []
sa.event.listen(engine, "before_cursor_execute", lambda *args: sent.append(repr(args[2:4])))
SQLModel.metadata.create_all(engine)
Base.metadata.create_all(engine)
with orm.Session(engine) as session:
    session.add_all([Team(name="x", heroes=[Hero(name="a", age=1), Hero(name="b", age=2)])])
    session.add(Thing(id=1, text="long"))
    session.commit()
    hero = session.get(Hero, 1)
    attempt(lambda: hero.team.name)            # a lazy load runs a statement
    thing = session.scalars(sa.select(Thing)).one()
    attempt(lambda: thing.text)                # and so does a deferred column
    session.bulk_insert_mappings(Hero, [dict(name="c", age=3)])
    session.bulk_save_objects([Hero(name="d", age=4)])
    attempt(lambda: session.get(Hero, 1) is hero)
    attempt(lambda: session.execute(sa.text("select count(*) from hero")).scalar())
    session.expire(hero, ["age"])
    attempt(lambda: hero.age)
    session.add(Hero(name="e", age=0))
    attempt(session.flush)
    session.rollback()
    hero, thing = session.get(Hero, 1), session.scalars(sa.select(Thing)).one()
    late = pickle.dumps(thing)
for touch in ("hero.team", "thing.text", "pickle.loads(late).text"):
    attempt(lambda: eval(touch))               # detached
attempt(lambda: pickle.loads(pickle.dumps(thing)).text)

async def main():
    engine = create_async_engine("sqlite+aiosqlite://", poolclass=sa.StaticPool)
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        told.append((await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar())
    async with AsyncSession(engine) as session:
        session.add(Hero(name="a", age=1))
        await session.commit()
        hero = await session.get(Hero, 1)
        session.expire(hero)
        try:
            hero.name
        except Exception as error:
            told.append(str(error)[:40])
        told.append(type(session.sync_session).__name__)
    await engine.dispose()

asyncio.run(main())
told += [gc.isenabled(), [str(item) for item in warnings.filters if "colonnade" in str(item)]]
told += [dict(SQLModel.metadata.naming_convention), engine.dialect.statement_compiler.__name__]
print(json.dumps([told, sent], default=str))
"""


def run(folder: Path, *, before: str = "", after: str = "") -> Any:
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("{before}", before).replace("{after}", after))
    command = [sys.executable, str(program)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    told, sent = run(tmp_path_factory.mktemp("alone"))
    assert any("DetachedInstanceError" in str(item) for item in told)
    assert any("MissingGreenlet" in str(item) for item in told)
    assert len(sent) > 10
    return told, sent


@pytest.mark.parametrize("when", ["before", "after"])
def test_ddl_sql_and_sessions_are_the_same_with_every_module_of_ours_imported(
    alone: Any, tmp_path: Path, when: str
) -> None:
    told, sent = run(tmp_path, **{when: IMPORT_ALL})
    assert told == alone[0]
    assert sent == alone[1]
