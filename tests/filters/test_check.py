"""Names that could mean two things are told at start-up, not when somebody asks."""

from typing import Any, Optional

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Base as Guild

from colonnade import check_models
from colonnade.errors import AmbiguousLookup, InvalidMapping
from colonnade.filters import OPERATORS, parse_lookups
from colonnade.mapping import find_model_problems


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Club(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Member(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    age: int = 0
    age__gt: int = 0
    club_id: int | None = Field(default=None, foreign_key="club.id")
    club__name: str = ""
    club__nick: str = ""
    club: Optional[Club] = Relationship()  # noqa: UP045 # SQLModel wants it for relations


def test_every_name_with_two_meanings_is_told_at_once() -> None:
    with pytest.raises(InvalidMapping) as caught:
        check_models(Base.metadata)
    assert caught.value.message.splitlines()[1:] == [
        "- Member.age__gt: a lookup of this name could mean two things",
        "- Member.club__name: a lookup of this name could mean two things",
    ]
    assert "reads in one way" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["age__gt", "club__name"])
def test_the_first_use_of_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(AmbiguousLookup):
        parse_lookups(Member, {name: 1})


@pytest.mark.parametrize("given", [{"age": 1}, {"age__lt": 1}, {"club__nick": "x"}])
def test_names_with_one_meaning_are_taken_all_the_same(given: dict[str, Any]) -> None:
    assert len(parse_lookups(Member, given)[0]) == 1


def test_underscores_in_names_are_no_fault_by_themselves() -> None:
    found = find_model_problems(Guild.metadata, OPERATORS)
    assert not [problem for problem in found if problem.startswith("Odd")]
