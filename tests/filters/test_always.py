"""Which conditions hold for every row: they are no filter."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import false, true
from tests.guild import Hero

from colonnade import all_of, any_of, every, not_, some
from colonnade.filters import matches_every_row, parse_conditions

HERO: Any = Hero


@pytest.mark.parametrize(
    ("given", "nothing"),
    [
        ([], True),
        ([{"age__not_in": []}, {"name__not_in": ()}], True),
        ([{"age__not_in": []}, {"name__not_in": ["x"]}], False),
        ([{"team__name__not_in": []}], True),
        ([{"missions__year__not_in": []}], False),
        ([{"name": "x", "age__in": []}], False),
        ([any_of()], False),
        ([any_of(name="x", age__not_in=[])], True),
        ([any_of(name="x", age__in=[])], False),
        ([not_(age__in=[])], True),
        ([not_(age__not_in=[])], False),
        ([not_(name="x")], False),
        ([some("missions")], False),
        ([some("missions", year__in=[])], False),
        ([not_(some("missions", year__in=[]))], True),
        ([every("missions", year__not_in=[])], True),
        ([every("missions", year__in=[])], False),
        ([true()], True),
        ([false()], False),
        ([not_(false())], True),
        ([HERO.age > 3], False),
        ([{"age__isnull": True}], False),
        # The values stand in the order of the leaves, whatever a leaf before them answers.
        ([any_of(all_of(age__in=[], name="x"), age__not_in=[])], True),
    ],
)
def test_a_condition_that_holds_for_every_row_filters_nothing(
    given: list[Any], nothing: bool
) -> None:
    read = parse_conditions(Hero, tuple(given), {})
    assert matches_every_row(read.nodes, read.values) is nothing
