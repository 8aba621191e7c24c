from __future__ import annotations

import pytest

from colonnade.errors import InvalidSetting
from colonnade.settings.unit import Unit


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("serializable", "SERIALIZABLE"),
        ("Repeatable Read", "REPEATABLE READ"),
        ("repeatable_read", "REPEATABLE READ"),
        (" read-committed ", "READ COMMITTED"),
        ("READ  UNCOMMITTED", "READ UNCOMMITTED"),
    ],
)
def test_an_isolation_level_is_known_in_any_case_and_spelling(text: str, level: str) -> None:
    assert Unit(isolation=text).isolation == level


def test_a_misspelt_isolation_level_names_the_nearest() -> None:
    with pytest.raises(InvalidSetting) as caught:
        Unit(isolation="serialisable")
    assert caught.value.message == "there is no isolation level 'serialisable'"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean 'serializable'?")


def test_a_level_like_none_of_them_lists_all() -> None:
    with pytest.raises(InvalidSetting) as caught:
        Unit(isolation="x")
    assert caught.value.hint == (
        "levels: read uncommitted, read committed, repeatable read, serializable"
    )


@pytest.mark.parametrize("seconds", [0, -1, 0.0009, 1e7, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout"])
def test_a_units_time_out_has_a_range(name: str, seconds: float) -> None:
    with pytest.raises(InvalidSetting, match=f"{name} must be at least 0.001 seconds"):
        Unit(**{name: seconds})  # type: ignore[arg-type]  # the name is a parameter of the test


@pytest.mark.parametrize("name", ["tenant", "app.", ".tenant", "app.a b", "1app.x", "a.b;c", ""])
def test_a_variable_needs_a_dot_in_its_name(name: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Unit(variables={name: "1"})
    assert caught.value.message == f"{name!r} is no name for a variable"
    assert caught.value.hint is not None
    assert "app.tenant" in caught.value.hint


def test_a_unit_without_wishes_equals_another() -> None:
    assert Unit() == Unit(variables={})
    assert Unit(variables={"app.tenant": "1", "app.a.b": "2"}) != Unit()


def test_a_newline_after_a_variables_name_is_refused() -> None:
    with pytest.raises(InvalidSetting):
        Unit(variables={"app.tenant\n": "1"})
