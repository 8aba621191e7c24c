"""The boolean of a lookup stands in the statement, where a planner sees it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Index, MetaData, false, text
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase, any_of, not_
from colonnade.errors import InvalidOperand
from colonnade.testing import count_statements


class Task(SQLModel, table=True):
    metadata = MetaData()
    __tablename__ = "boolean_task"

    id: int | None = Field(default=None, primary_key=True)
    done: bool | None = False
    rank: int = 0


class TaskIn(BaseModel):
    done: bool | None = False
    rank: int = 0


class Tasks(ServiceBase[Task, TaskIn, TaskIn]): ...


table: Any = Task.__table__  # type: ignore[attr-defined] # SQLModel's tables have one
Index(
    "ix_open_tasks",
    table.c.rank,
    postgresql_where=table.c.done == false(),
    sqlite_where=table.c.done == false(),
)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Task.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            await Tasks(session).create_many(
                [{"done": done, "rank": rank} for rank, done in enumerate([True, False, None])]
            )
        yield db


async def ranks(db: Database, *conditions: Any, **lookups: Any) -> list[int]:
    async with db.reader() as session:
        found = await Tasks(session).where(*conditions, **lookups).order_by("rank").all()
        return [task.rank for task in found]


async def test_a_boolean_is_answered_as_any_value_is(db: Database) -> None:
    assert await ranks(db, done=True) == [0]
    assert await ranks(db, done=False) == [1]
    assert await ranks(db, done__ne=True) == [1]
    assert await ranks(db, done=None) == [2]
    assert await ranks(db, done__in=[True, False]) == [0, 1]
    assert await ranks(db, any_of(done=True, rank=2)) == [0, 2]
    assert await ranks(db, not_(done=True)) == [1]
    assert await ranks(db, done="yes") == [0]
    with pytest.raises(InvalidOperand):
        await ranks(db, done="maybe")


async def test_each_boolean_has_a_statement_of_its_own_without_a_value(db: Database) -> None:
    texts = []
    for done in (True, False, True):
        with count_statements(db) as counted:
            await ranks(db, done=done, rank__gte=0)
        texts.append(counted.statements[0])
    assert texts[0] == texts[2] != texts[1]
    where = texts[1].partition("WHERE")[2].partition("ORDER")[0]
    assert where.count("%s") + where.count("?") + where.count("$") == 1


async def test_a_partial_index_serves_a_boolean(db: Database) -> None:
    if db.family == "mysql":
        pytest.skip("MariaDB has no partial indexes")
    async with db.session() as session:
        if db.family == "postgresql":
            await session.execute(text("SET LOCAL enable_seqscan = off"))
        found = Tasks(session).where(done=False).order_by("rank")
        assert "ix_open_tasks" in await found.explain()
