"""Canaries for what ``colonnade._compat.sqlalchemy_session`` hooks into."""

from __future__ import annotations

from inspect import signature

from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from colonnade._compat.sqlalchemy_session import (
    adopt_inserted,
    has_changes,
    is_read,
    streamed_result,
)


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def test_a_session_has_changes_from_an_edit_to_the_flush() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        assert not has_changes(session)
        thing = Thing(id=1, name="a")
        session.add(thing)
        assert has_changes(session)
        session.flush()
        assert not has_changes(session)
        thing.name = "b"
        assert has_changes(session)
        session.commit()
        session.delete(thing)
        assert has_changes(session)
        session.flush()
        assert not has_changes(session)
        session.rollback()
    engine.dispose()


def test_the_session_has_what_makes_it_hold_inserted_objects() -> None:
    hooks = {"_save_impl": ["self", "state"], "_register_persistent": ["self", "states"]}
    for name, parameters in hooks.items():
        hook = getattr(Session, name, None)
        assert hook is not None, f"Session.{name} is gone"
        assert list(signature(hook).parameters) == parameters, f"Session.{name} takes others"


def test_adopted_objects_are_held_as_flushed_ones_and_let_go_by_a_rollback() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.execute(text("INSERT INTO thing (id, name) VALUES (1, 'a')"))
        thing = Thing(id=1, name="a")
        adopt_inserted(session, [inspect(thing)])
        assert inspect(thing).persistent
        assert session.get(Thing, 1) is thing
        assert not has_changes(session)
        session.rollback()
        assert inspect(thing).transient
    engine.dispose()


async def test_a_stream_tells_what_it_reads_from_and_when_that_is_read() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        await connection.run_sync(Base.metadata.create_all)
        for statement in (text("SELECT 1"), select(Thing)):
            async with AsyncSession(connection) as session:
                stream = await session.stream(statement)
                result = streamed_result(stream)
                scalars = stream.scalars()
                assert streamed_result(scalars) is result
                assert not is_read(result)
                await scalars.all()
                assert is_read(result)
    await engine.dispose()
