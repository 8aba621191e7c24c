"""What stands in for an entity before code that looks at its attributes."""

import copy

import pytest
from tests.schemas.test_matcher import Person

from colonnade.errors import InvalidSchema
from colonnade.schemas import stand_in_class


def test_it_has_what_was_read_and_computes_what_the_model_computes() -> None:
    person = stand_in_class(Person)({"first": "Ann", "last": "Lee"})
    assert (person.first, person.full, person.short) == ("Ann", "Ann Lee", "Ann")
    assert (person.python_only, person.length, person.species) == ("ANN LEE", 3, "human")
    assert person.greet() == "Hello Ann"
    assert repr(person) == "<Person as read>"


def test_what_was_not_read_is_named_with_the_remedy() -> None:
    person = stand_in_class(Person)({"first": "Ann"})
    with pytest.raises(InvalidSchema, match=r"Person\.last was not read") as caught:
        _ = person.full
    assert "Requires('last')" in (caught.value.hint or "")
    with pytest.raises(InvalidSchema, match=r"Person\.boss was not read"):
        _ = person.boss


def test_what_the_model_does_not_have_it_does_not_have_either() -> None:
    person = stand_in_class(Person)({"first": "Ann"})
    assert not hasattr(person, "nowhere")
    assert getattr(person, "names_of_team", None) is None
    assert copy.copy(person).first == "Ann"
