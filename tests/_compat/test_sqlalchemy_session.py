"""Canaries for what ``colonnade._compat.sqlalchemy_session`` hooks into."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from colonnade._compat.sqlalchemy_session import has_changes


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
