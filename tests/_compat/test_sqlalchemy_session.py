"""Canaries for what ``colonnade._compat.sqlalchemy_session`` hooks into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

import pytest
from sqlalchemy import Engine, ForeignKey, create_engine, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Mapper,
    Session,
    joinedload,
    mapped_column,
    relationship,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import FlushError

from colonnade._compat.sqlalchemy_session import (
    STATE_ATTRIBUTE,
    SYNC_SESSION_NAMES,
    AsksBeforeIdentityMap,
    adopt_inserted,
    begin_reading,
    flush_automatically,
    has_changes,
    hold_by_key,
    is_read,
    keeping_loaded,
    mark_deleted,
    streamed_result,
    tells_of_missing_rows,
)


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Part(Base):
    __tablename__ = "part"

    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int] = mapped_column(ForeignKey("thing.id"))
    thing: Mapped[Thing] = relationship()


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Thing(id=1, name="a"))
        session.flush()
        session.add(Part(id=1, thing_id=1))
        session.commit()
    yield engine
    engine.dispose()


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


class Hiding(AsksBeforeIdentityMap):
    """Hides the things that it holds, as long as it is told to."""

    hiding = False

    def hides_held(self, mapper: Mapper[Any], options: Mapping[str, Any]) -> bool:
        return self.hiding and mapper.class_ is Thing


def test_get_and_a_relation_by_key_ask_before_they_answer_with_what_is_held(
    engine: Engine,
) -> None:
    with Hiding(engine) as session:
        held, part = session.get(Thing, 1), session.get(Part, 1)
        assert part is not None
        session.execute(text("DELETE FROM thing"))
        session.asked = False
        assert session.get(Thing, 1) is held
        assert session.asked
        assert part.thing is held
        session.expire(part, ["thing"])
        session.hiding, session.asked = True, False
        assert part.thing is None
        assert session.asked
        assert session.get(Thing, 1) is None


def test_a_flush_before_a_query_is_left_out_where_the_session_is_told_so(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Thing(id=2, name="b"))
        with session.no_autoflush:
            flush_automatically(session)
        assert has_changes(session)
        flush_automatically(session)
        assert not has_changes(session)


def test_an_object_whose_row_is_gone_leaves_the_session_until_a_rollback(engine: Engine) -> None:
    with Session(engine) as session:
        thing = session.get(Thing, 1)
        assert thing is not None
        session.execute(text("DELETE FROM thing"))
        mark_deleted(session, [inspect(thing)])
        assert inspect(thing).deleted
        assert thing not in session
        session.rollback()
        assert inspect(thing).persistent
        assert session.get(Thing, 1) is thing


def test_an_object_has_its_state_among_its_attributes() -> None:
    thing = Thing(id=1)
    assert vars(thing)[STATE_ATTRIBUTE] is inspect(thing)


def test_an_async_session_has_its_half_under_these_names_and_no_other() -> None:
    session = AsyncSession()
    half = session.sync_session
    assert {name for name, value in vars(session).items() if value is half} == {*SYNC_SESSION_NAMES}


def test_objects_are_held_by_another_key_until_a_rollback() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        thing = Thing(id=1, name="a")
        session.add(thing)
        session.flush()
        set_committed_value(thing, "id", 2)
        hold_by_key(session, [inspect(thing)])
        assert session.identity_map.get(inspect(Thing).identity_key_from_primary_key((2,))) is thing
        assert inspect(Thing).identity_key_from_primary_key((1,)) not in session.identity_map
        assert not session.dirty
        session.rollback()
        assert thing not in session
    engine.dispose()


def test_a_statement_that_populates_anew_keeps_what_statements_after_a_number_have_loaded(
    engine: Engine,
) -> None:
    anew = {"populate_existing": True}
    with Session(engine) as session:
        before = session.scalars(select(Part).options(joinedload(Part.thing))).one()
        since = begin_reading()
        with keeping_loaded(session, since):
            session.scalars(select(Part), execution_options=anew).one()
        assert "thing" not in vars(before)

        part = session.scalars(select(Part).options(joinedload(Part.thing))).one()
        assert part is before
        part = session.scalars(
            select(Part).options(joinedload(Part.thing)), execution_options=anew
        ).one()
        session.execute(text("UPDATE thing SET name = 'b'"))
        with keeping_loaded(session, since):
            with keeping_loaded(session, since):
                session.scalars(select(Thing), execution_options=anew).one()
            session.scalars(select(Part), execution_options=anew).one()
            assert "thing" not in vars(part)
        assert vars(part)["thing"].name == "b"
        assert not session.dirty
        assert "get" not in vars(session.identity_map)


def test_a_flush_says_that_a_trigger_has_left_out_a_row() -> None:
    engine = create_engine("sqlite://")
    table = "CREATE TABLE kept (id INTEGER PRIMARY KEY, name TEXT, made TEXT)"
    trigger = "CREATE TRIGGER skip BEFORE INSERT ON kept BEGIN SELECT RAISE(IGNORE); END"

    class Own(DeclarativeBase):
        pass

    class Kept(Own):
        __tablename__ = "kept"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        made: Mapped[str] = mapped_column(server_default="x")  # so that there is a RETURNING

    with Session(engine) as session:
        session.execute(text(table))
        session.execute(text(trigger))
        session.add(Kept(name="a"))
        with pytest.raises(FlushError) as caught:
            session.flush()
    engine.dispose()
    assert tells_of_missing_rows(caught.value)
    assert not tells_of_missing_rows(FlushError("something else"))
