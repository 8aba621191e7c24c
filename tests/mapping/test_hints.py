import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.mapping import did_you_mean, find_nearest, format_count, with_article


@pytest.mark.parametrize(
    ("name", "expected"), [("nmae", "name"), ("NAME", "name"), ("zzz", None), ("", None)]
)
def test_the_nearest_name_is_found_whatever_its_case(name: str, expected: str | None) -> None:
    assert find_nearest(name, ["age", "id", "name"]) == expected


def test_a_higher_cutoff_asks_for_more_likeness() -> None:
    assert find_nearest("nome", ["name"]) == "name"
    assert find_nearest("nome", ["name"], cutoff=0.9) is None


def test_a_hint_lists_what_there_is_and_no_more_than_fits() -> None:
    names = ["name", "id", "age"]
    assert did_you_mean("nmae", names, "Hero") == "did you mean 'name'? Hero has: age, id, name"
    assert did_you_mean("xyz", names, "Hero") == "Hero has: age, id, name"
    many = [f"f{number:02}" for number in range(50)]
    assert did_you_mean("xyz", many, "Hero").endswith("f18, f19 and 30 more")


@given(st.text(max_size=10_000), st.lists(st.text(max_size=20), max_size=5))
def test_a_hint_is_bounded_and_answers_with_a_candidate_or_nothing(
    name: str, names: list[str]
) -> None:
    found = find_nearest(name, names)
    assert found is None or found in names


def test_a_name_is_never_offered_in_its_own_place() -> None:
    assert find_nearest("name", ["name", "fame"]) == "fame"
    assert find_nearest("name", ["name"]) is None
    assert did_you_mean("name", ["name"], "Hero") == "Hero has: name"


def test_a_hint_can_list_what_several_owners_have() -> None:
    assert did_you_mean("incom", ["heroes"], "Stats", (["income"], "Team")) == (
        "did you mean 'income'? Stats has: heroes; Team has: income"
    )


@pytest.mark.parametrize(
    ("noun", "told"),
    [
        ("Hero", "a Hero"),
        ("Airport", "an Airport"),
        ("int", "an int"),
        ("str", "a str"),
        ("User", "a User"),
        ("UUID", "a UUID"),
        ("Order", "an Order"),
        ("OneTime", "a OneTime"),
        ("Hour", "an Hour"),
        ("_Item", "an _Item"),
        ("NoneType", "None"),
        ("", "a "),
    ],
)
def test_a_noun_has_the_article_that_it_is_spoken_with(noun: str, told: str) -> None:
    assert with_article(noun) == told


def test_one_thing_has_no_plural() -> None:
    assert [format_count(number, "value") for number in (0, 1, 2)] == [
        "0 values",
        "1 value",
        "2 values",
    ]
