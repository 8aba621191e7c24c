"""A value that SQLAlchemy asks for at each execution is never kept, however rows are read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Integer, MetaData, bindparam, case, select
from sqlalchemy.orm import column_property, foreign
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Count, Database, Rows, Scope, ServiceBase

VIEWER: ContextVar[int] = ContextVar("viewer")


def viewer() -> Any:
    return bindparam("viewer", type_=Integer, callable_=VIEWER.get)


class Base(SQLModel):
    metadata = MetaData()


class Post(Base, table=True):
    __tablename__ = "per_execution_post"

    id: int | None = Field(default=None, primary_key=True)
    likes: list["Like"] = Relationship()
    mine: list["Like"] = Relationship(
        sa_relationship_kwargs={
            "viewonly": True,
            "primaryjoin": lambda: (foreign(Like.post_id) == Post.id) & (Like.user_id == viewer()),
        }
    )


class Like(Base, table=True):
    __tablename__ = "per_execution_like"

    id: int | None = Field(default=None, primary_key=True)
    post_id: int = Field(foreign_key="per_execution_post.id")
    user_id: int


class Note(Base, table=True):
    __tablename__ = "per_execution_note"
    __scopes__ = (Scope("reader", lambda note: note.user_id == viewer()),)

    id: int | None = Field(default=None, primary_key=True)
    user_id: int


table: Any = Like.__table__  # type: ignore[attr-defined] # SQLModel's tables have one
Post.own = column_property(  # type: ignore[attr-defined] # a mapped attribute of its own
    select(case((Post.id == viewer(), 1), else_=0)).correlate_except().scalar_subquery()
)


class Counted(BaseModel):
    id: int
    mine: Annotated[int, Count("likes").where(Like.user_id == viewer())]


class LikeRead(BaseModel):
    user_id: int


class WithChildren(BaseModel):
    id: int
    mine: list[LikeRead]


class Owned(BaseModel):
    id: int
    own: int


class NoteRead(BaseModel):
    user_id: int


class Posts(ServiceBase[Post, Counted, Counted]): ...


class Notes(ServiceBase[Note, NoteRead, NoteRead]): ...


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            session.add(Post(id=7))
            await session.flush()
            session.add_all(Like(post_id=7, user_id=user) for user in (7, 8))
        async with db.session() as session, session.unscoped("reader"):
            session.add_all(Note(user_id=user) for user in (7, 8))
        yield db


async def read_count(session: Any) -> Any:
    return (await Posts(session).into(Counted).one()).mine


async def read_count_as_json(session: Any) -> Any:
    return (
        TypeAdapter(list[Counted])
        .validate_json(await Posts(session).into(Counted).json.all())[0]
        .mine
    )


async def read_children(session: Any) -> Any:
    return len((await Posts(session).into(WithChildren, mine=Rows(order_by="id")).one()).mine)


async def read_children_as_json(session: Any) -> Any:
    found = await Posts(session).into(WithChildren).json.one()
    return len(WithChildren.model_validate_json(found).mine)


async def load_children(session: Any) -> Any:
    return len((await Posts(session).where().load("mine").one()).mine)


async def read_column(session: Any) -> Any:
    # The only post has the key 7.
    return (await Posts(session).into(Owned).one()).own + (VIEWER.get() == 8)


async def filter_by_children(session: Any) -> Any:
    return await Posts(session).where(mine__id__isnull=False).count()


async def read_scoped(session: Any) -> Any:
    found = await Notes(session).into(NoteRead).all()
    return [note.user_id for note in found] == [VIEWER.get()] if found else 0


async def count_scoped(session: Any) -> Any:
    return await Notes(session).where().count()


@pytest.mark.parametrize(
    "read",
    [
        read_count,
        read_count_as_json,
        read_children,
        read_children_as_json,
        load_children,
        read_column,
        filter_by_children,
        read_scoped,
        count_scoped,
    ],
)
@pytest.mark.parametrize("way", ["session", "reader"])
async def test_each_viewer_is_answered_with_its_own(
    db: Database, way: str, read: Callable[[Any], Awaitable[Any]]
) -> None:
    found = []
    for user in (7, 8, 9, 7, 9, 8):
        VIEWER.set(user)
        async with getattr(db, way)() as session:
            found.append(int(await read(session)))
    assert found == [1, 1, 0, 1, 0, 1]
