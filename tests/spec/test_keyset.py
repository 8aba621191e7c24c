"""Keysets as SQL: what each database is told, so that it begins in its index."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite
from tests.guild import Hero, Mission

from colonnade.ordering import sort_keys_of, with_primary_key
from colonnade.spec import Keyset, Shape, Spec, select_entities, split_ranges

DIALECTS: dict[str, Any] = {
    "postgresql": postgresql.dialect(paramstyle="named"),
    "sqlite": sqlite.dialect(paramstyle="named"),
    "mysql": mysql.dialect(paramstyle="named"),
}


def sql(
    order: tuple[str, ...], keyset: Keyset, database: str = "postgresql", model: Any = Hero
) -> tuple[str, str]:
    """The WHERE and the ORDER BY."""
    shape = Shape(model, order=sort_keys_of(model, order), keyset=keyset)
    text = str(select_entities(Spec(shape)).compile(dialect=DIALECTS[database]))
    text = " ".join(text.split()).replace("hero.", "").replace("mission.", "")
    for cast in ("::INTEGER", "::VARCHAR", "%(", ")s"):
        text = text.replace(cast, ":" if cast == "%(" else "")
    where, _, by = text.partition(" ORDER BY ")
    return where.partition(" WHERE ")[2], by


def test_keys_that_go_one_way_are_compared_as_a_row() -> None:
    at = Keyset(nulls=(False, False))
    for database in ("postgresql", "sqlite"):
        assert sql(("name",), at, database) == ("((name, id) > (:k0, :k1))", "name ASC, id ASC")
        assert sql(("-name",), at, database)[0] == "((name, id) < (:k0, :k1))"
    inclusive = Keyset(nulls=(False, False), inclusive=True)
    assert sql(("name",), inclusive)[0] == "((name, id) >= (:k0, :k1))"
    back = Keyset(True, (False, False))
    assert sql(("name",), back) == ("((name, id) < (:k0, :k1))", "name DESC, id DESC")


def test_mysql_is_told_where_to_begin() -> None:
    assert sql(("name",), Keyset(nulls=(False, False)), "mysql")[0] == (
        "(name >= :k0 AND (name > :k0 OR name = :k0 AND id > :k1))"
    )


def test_keys_of_mixed_directions_are_bounded_by_the_first() -> None:
    at = Keyset(nulls=(False, False))
    for database in DIALECTS:
        assert sql(("-name", "id"), at, database) == (
            "name <= :k0 AND (name < :k0 OR name = :k0 AND id > :k1)",
            "name DESC, id ASC",
        )


def test_the_key_alone_is_compared_alone() -> None:
    assert sql((), Keyset(nulls=(False,))) == ("id > :k0", "id ASC")
    assert sql(("-id",), Keyset(nulls=(False,), inclusive=True)) == ("id <= :k0", "id DESC")


def test_a_first_key_that_may_be_null_is_two_ranges() -> None:
    values = Keyset(nulls=(False, False), part="values")
    for database in ("postgresql", "sqlite"):
        assert sql(("age",), values, database) == (
            "((age, id) > (:k0, :k1))",
            "age ASC, id ASC",
        )
    nulls = Keyset(nulls=(False, False), part="nulls")
    assert sql(("age",), nulls) == ("age IS NULL", "age ASC, id ASC")
    among = Keyset(nulls=(True, False), part="nulls")
    assert sql(("age",), among) == ("age IS NULL AND id > :k1", "age ASC, id ASC")
    after = Keyset(nulls=(True, False), part="values")
    assert sql(("-age",), after) == ("age IS NOT NULL", "age DESC, id DESC")


def test_mysql_reads_a_range_of_nulls_and_sorts_none() -> None:
    begin = Keyset(part="nulls", bounds_nulls=True)
    assert sql(("age",), begin, "mysql") == ("age IS NULL", "id ASC")
    among = Keyset(nulls=(True, False), part="nulls", bounds_nulls=True)
    assert sql(("age",), among, "mysql") == (
        "age IS NULL AND id > :k1 OR age IS NOT NULL AND id < :k1 AND id > :k1",
        "age ASC, id ASC",
    )
    terms = with_primary_key(Hero, sort_keys_of(Hero, ("-age",)))
    found = split_ranges(terms, Keyset(nulls=(True, False)), nulls_greatest=False, ties=True)
    assert [(item.part, item.bounds_nulls) for item in found] == [
        ("nulls", True),
        ("values", False),
    ]
    found = split_ranges(terms, Keyset(nulls=(False, False)), nulls_greatest=False, ties=True)
    assert [item.part for item in found] == ["values"]


def test_another_key_that_may_be_null_is_compared_with_care() -> None:
    value, null = Keyset(nulls=(False, False, False)), Keyset(nulls=(False, True, False))
    assert sql(("name", "age"), value)[0] == (
        "name >= :k0 AND (name > :k0 OR name = :k0 AND "
        "(age > :k1 OR age IS NULL OR age = :k1 AND id > :k2))"
    )
    assert sql(("name", "age"), null)[0] == (
        "name >= :k0 AND (name > :k0 OR name = :k0 AND age IS NULL AND id > :k2)"
    )
    assert sql(("name", "age nulls first"), value)[0] == (
        "name >= :k0 AND (name > :k0 OR name = :k0 AND (age > :k1 OR age = :k1 AND id > :k2))"
    )
    assert sql(("name", "age nulls first"), null)[0] == (
        "name >= :k0 AND (name > :k0 OR name = :k0 AND "
        "(age IS NOT NULL OR age IS NULL AND id > :k2))"
    )


@pytest.mark.parametrize(
    ("order", "postgres", "lite", "maria"),
    [
        ("age", "age ASC", "age ASC NULLS LAST", "age IS NULL, age ASC"),
        ("-age", "age DESC", "age DESC NULLS FIRST", "age IS NULL DESC, age DESC"),
        ("age nulls first", "age ASC NULLS FIRST", "age ASC", "age ASC"),
        ("-age nulls last", "age DESC NULLS LAST", "age DESC", "age DESC"),
        ("name", "name ASC", "name ASC", "name ASC"),
    ],
)
def test_nulls_are_placed_only_where_they_would_come_elsewhere(
    order: str, postgres: str, lite: str, maria: str
) -> None:
    found = [sql((order,), Keyset(), database)[1].rpartition(", ")[0] for database in DIALECTS]
    assert found == [postgres, lite, maria]


def ranges(order: tuple[str, ...], keyset: Keyset, greatest: bool | None) -> list[str]:
    terms = with_primary_key(Hero, sort_keys_of(Hero, order))
    return [item.part for item in split_ranges(terms, keyset, nulls_greatest=greatest)]


def test_a_list_is_parted_where_its_index_has_nulls_at_the_other_end() -> None:
    begin = Keyset()
    for greatest, up, down in ((True, 1, 1), (False, 2, 2), (None, 1, 1)):
        assert len(ranges(("age",), begin, greatest)) == up
        assert len(ranges(("-age",), begin, greatest)) == down
    assert ranges(("age",), begin, False) == ["values", "nulls"]
    assert ranges(("-age",), begin, False) == ["nulls", "values"]
    assert ranges(("age nulls first",), begin, False) == ["all"]
    assert ranges(("age nulls first",), begin, True) == ["nulls", "values"]
    # Backwards, from the end.
    assert ranges(("age",), Keyset(backwards=True), False) == ["nulls", "values"]


def test_a_page_goes_on_from_one_part_into_the_other() -> None:
    value, null = (False, False), (True, False)
    assert ranges(("age",), Keyset(nulls=value), True) == ["values", "nulls"]
    assert ranges(("age",), Keyset(nulls=null), True) == ["nulls"]
    assert ranges(("-age",), Keyset(nulls=value), True) == ["values"]
    assert ranges(("-age",), Keyset(nulls=null), True) == ["nulls", "values"]
    assert ranges(("age",), Keyset(True, value), True) == ["values"]


def test_rows_that_share_a_value_are_a_range_where_they_are_many() -> None:
    def ranges_of_ties(order: tuple[str, ...], keyset: Keyset) -> list[str]:
        terms = with_primary_key(Hero, sort_keys_of(Hero, order))
        found = split_ranges(terms, keyset, nulls_greatest=True, ties=True)
        return [item.part for item in found]

    value = Keyset(nulls=(False, False, False))
    assert ranges_of_ties(("name", "-age"), value) == ["ties", "past"]
    assert ranges_of_ties(("age", "name"), value) == ["ties", "past", "nulls"]
    assert ranges_of_ties(("-age", "name"), value) == ["ties", "past"]
    assert ranges_of_ties(("age",), Keyset(nulls=(True, False))) == ["nulls"]
    assert ranges_of_ties(("team.name",), value) == ["all"]
    assert ranges_of_ties((), Keyset(nulls=(False,))) == ["all"]
    assert ranges_of_ties(("age",), Keyset()) == ["all"]
    ties = Keyset(nulls=(False, False), part="ties")
    assert sql(("name", "-id"), ties) == ("name = :k0 AND id < :k1", "name ASC, id DESC")
    past = Keyset(nulls=(False, False), part="past")
    assert sql(("name", "-id"), past) == ("name > :k0", "name ASC, id DESC")


def test_what_cannot_be_null_or_is_joined_is_one_range() -> None:
    for order in (("name",), ("-name", "age"), ("team.name",)):
        for greatest in (True, False):
            assert ranges(order, Keyset(nulls=(False,) * 3), greatest) == ["all"]


def test_a_path_that_always_leads_somewhere_has_no_nulls() -> None:
    where, by = sql(("hero.name",), Keyset(nulls=(False, False)), model=Mission)
    assert where == "((hero_1.name, id) > (:k0, :k1))"
    assert by == "hero_1.name ASC, id ASC"


def test_questions_from_two_places_share_a_statement() -> None:
    def at(*position: Any, nulls: tuple[bool, ...] = (False, False)) -> Any:
        spec = Spec(Shape(Hero, order=sort_keys_of(Hero, ("age",))))
        return spec.scrolled(Keyset(nulls=nulls, part="values"), position, 10)

    assert select_entities(at(1, 2)) is select_entities(at(3, 4))
    assert at(1, 2).parameters == {"k0": 1, "k1": 2}
    assert at(None, 2, nulls=(True, False)).parameters == {"k1": 2}
    assert select_entities(at(1, 2)) is not select_entities(at(None, 2, nulls=(True, False)))
