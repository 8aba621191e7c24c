"""Canaries for what ``colonnade._compat.sqlalchemy_selectin`` hooks into."""

from __future__ import annotations

import pytest
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

from colonnade._compat.sqlalchemy_selectin import load_beside_parent


def models(lazy: str) -> tuple[type[DeclarativeBase], type[object], type[object]]:
    class Base(DeclarativeBase):
        pass

    class Team(Base):
        __tablename__ = "team"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Hero(Base):
        __tablename__ = "hero"
        id: Mapped[int] = mapped_column(primary_key=True)
        team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))

    Team.heroes = relationship(Hero, lazy=lazy)  # type: ignore[attr-defined,arg-type] # a new one
    Base.registry.configure()
    return Base, Team, Hero


@pytest.mark.parametrize("lazy", ["select", "selectin"])
def test_children_are_read_through_a_join_of_their_parent_from_then_on(lazy: str) -> None:
    base, team, hero = models(lazy)
    engine = create_engine("sqlite://")
    base.metadata.create_all(engine)
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    with Session(engine) as session:
        session.add(team(id=1))
        session.add(hero(id=2, team_id=1))
        session.commit()
    heroes = team.heroes  # type: ignore[attr-defined] # added above
    load_beside_parent(heroes.property)
    load_beside_parent(heroes.property)
    with Session(engine) as session:
        found = session.scalars(select(team).options(selectinload(heroes))).one()
        assert [item.id for item in found.heroes] == [2]  # type: ignore[attr-defined] # as above
    assert "FROM team AS team_1 JOIN hero" in seen[-1], seen[-1]
    engine.dispose()
