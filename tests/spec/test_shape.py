from __future__ import annotations

from typing import Any

import pytest
from tests.guild import Hero

from colonnade.filters import parse_lookups
from colonnade.spec import Shape, Spec


def spec(**given: Any) -> Spec:
    return Spec(Shape(Hero)).filtered(*parse_lookups(Hero, given))


def test_two_questions_that_differ_in_values_have_one_shape() -> None:
    one, two = spec(age__gt=1, name="x").cut(offset=5), spec(age__gt=2, name="y").cut(offset=6)
    assert one.shape == two.shape
    assert hash(one.shape) == hash(two.shape)
    assert one.parameters == {"v0": 1, "v1": "x", "offset": 5}
    assert two.parameters == {"v0": 2, "v1": "y", "offset": 6}


def test_collections_of_any_length_have_one_shape() -> None:
    assert spec(id__in=[]).shape == spec(id__in=range(100)).shape


def test_what_makes_another_statement_makes_another_shape() -> None:
    shapes = {
        item.shape
        for item in (
            spec(),
            spec(age=1),
            spec(age=None),
            spec(age__ne=None),
            spec(age__gt=1),
            spec(age=1, id=1),
            spec(id=1, age=1),
            spec().cut(limit=1),
            spec().cut(limit=2),
            spec().cut(offset=1),
        )
    }
    assert len(shapes) == 10


def test_a_spec_is_never_changed() -> None:
    one = spec(age=1)
    one.filtered(*parse_lookups(Hero, {"id": 1})).cut(limit=3)
    assert one == spec(age=1)
    with pytest.raises(AttributeError):
        one.offset = 3  # type: ignore[misc] # the point of it


def test_a_cut_replaces_what_it_names_and_leaves_the_rest() -> None:
    one = spec().cut(limit=3).cut(offset=4).cut(limit=5)
    assert one.parameters == {"offset": 4}
    assert one.limit == 5
    assert one.uncut() == spec()


def test_within_keeps_a_lower_limit() -> None:
    assert spec().within(2).limit == 2
    assert spec().cut(limit=0).within(2).limit == 0
    assert spec().cut(limit=9).within(2).limit == 2
