"""Canaries for what ``colonnade._compat.sqlalchemy_mappers`` hooks into."""

from __future__ import annotations

import pytest
from sqlalchemy import ForeignKey, inspect
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, mapped_column, relationship

from colonnade._compat.sqlalchemy_mappers import (
    configuration_failure_of,
    every_mapper,
    forget_configuration_failure,
    unfinished_properties,
)


def test_a_mapper_that_failed_is_found_says_why_and_can_be_tried_again() -> None:
    class Base(DeclarativeBase):
        pass

    class Hero(Base):
        __tablename__ = "hero"

        id: Mapped[int] = mapped_column(primary_key=True)
        team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
        team: Mapped[object] = relationship("Team")

    mapper: Mapper[Hero] = inspect(Hero)
    assert mapper in set(every_mapper())
    assert configuration_failure_of(mapper) is None
    with pytest.raises(InvalidRequestError, match="Team"):
        Base.registry.configure()
    assert isinstance(configuration_failure_of(mapper), InvalidRequestError)
    assert [prop.key for prop in unfinished_properties(mapper)] == ["team"]

    class Team(Base):
        __tablename__ = "team"

        id: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(InvalidRequestError):
        Base.registry.configure()
    forget_configuration_failure(mapper)
    assert configuration_failure_of(mapper) is None
    Base.registry.configure()
    assert mapper.configured
    assert list(unfinished_properties(mapper)) == []
    assert mapper.relationships["team"].mapper.class_ is Team
    Base.registry.dispose()
