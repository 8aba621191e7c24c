from __future__ import annotations

import dataclasses
import os
from typing import Any

import pytest

from colonnade.database import Database
from colonnade.errors import InvalidSetting
from colonnade.settings.settings import Settings, make_settings, read_environment

URL = {"DATABASE_URL": "sqlite:///shop.db"}
RANGES = {
    "pool_size": 1,
    "max_overflow": 0,
    "reader_pool_size": 1,
    "pool_timeout": 0.001,
    "pool_recycle": 1,
    "idle_check": 0,
    "connect_timeout": 0.001,
    "statement_timeout": 0.001,
    "lock_timeout": 0.001,
    "health_timeout": 0.001,
    "warn_repeated": 2,
}
COUNTS = ("pool_size", "max_overflow", "reader_pool_size", "warn_repeated")
LIFTED = ("reader_pool_size", "statement_timeout", "lock_timeout", "warn_repeated")


def test_every_wait_has_a_limit_by_default() -> None:
    assert Settings() == Settings(
        pool_timeout=5.0,
        connect_timeout=5.0,
        statement_timeout=30.0,
        lock_timeout=5.0,
        health_timeout=2.0,
    )


def test_every_setting_of_a_number_has_a_range() -> None:
    numbers = {item.name for item in dataclasses.fields(Settings) if "bool" not in str(item.type)}
    assert numbers - {"application_name", "cursor_secret", "isolation"} == set(RANGES)


@pytest.mark.parametrize(("name", "lowest"), RANGES.items())
def test_the_lowest_value_is_taken_and_what_is_below_is_not(name: str, lowest: float) -> None:
    assert getattr(make_settings(**{name: lowest}), name) == lowest
    below = lowest - 1 if name in COUNTS else lowest - 0.0001
    with pytest.raises(InvalidSetting) as caught:
        make_settings(**{name: below})
    assert caught.value.fields == (name,)
    assert f"of at least {lowest}, not {below!r}" in caught.value.message


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("value", ["5", True, 1e7, float("inf"), float("nan"), [1]])
def test_what_is_no_number_in_the_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting, match=f"^{name} must be a"):
        make_settings(**{name: value})


@pytest.mark.parametrize("name", COUNTS)
def test_a_count_is_a_whole_number(name: str) -> None:
    with pytest.raises(InvalidSetting, match=r"must be a whole number of at least .*, not 2\.0"):
        make_settings(**{name: 2.0})


@pytest.mark.parametrize("name", RANGES)
def test_none_lifts_a_limit_only_where_that_is_allowed(name: str) -> None:
    if name in LIFTED:
        assert getattr(make_settings(**{name: None}), name) is None
    else:
        with pytest.raises(InvalidSetting, match=f"{name} must be .*, not None"):
            make_settings(**{name: None})


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(InvalidSetting) as caught:
        make_settings(pool_sise=3)
    assert caught.value.hint == "did you mean 'pool_size'?"
    assert caught.value.fields == ("pool_sise",)


def test_a_setting_like_none_of_them_lists_all() -> None:
    with pytest.raises(InvalidSetting) as caught:
        make_settings(colour="red")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("known settings: pool_size, max_overflow")


def test_readers_have_as_many_places_as_units_unless_told_otherwise() -> None:
    assert Settings(pool_size=3, max_overflow=4).capacity == 7
    assert Settings(pool_size=3, max_overflow=4).reader_capacity == 7
    assert Settings(pool_size=3, max_overflow=4, reader_pool_size=2).reader_capacity == 2


@pytest.mark.parametrize("environ", [{}, {"DATABASE_URL": ""}, {"DATABASE_URL": "  "}])
def test_without_a_url_the_environment_gives_no_database(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match="DATABASE_URL is not set") as caught:
        read_environment(environ)
    assert caught.value.hint is not None
    assert "no default" in caught.value.hint


def test_every_setting_has_an_environment_variable() -> None:
    texts = {
        "pool_size": "3",
        "max_overflow": "0",
        "reader_pool_size": "2",
        "pool_timeout": "1.5",
        "pool_recycle": "60",
        "idle_check": "0",
        "connect_timeout": "1",
        "statement_timeout": "2.5",
        "lock_timeout": "0.5",
        "isolation": "repeatable-read",
        "health_timeout": "1",
        "pgbouncer": "true",
        "application_name": " shop ",
        "cursor_secret": "correct horse battery",
        "warn_repeated": "5",
        "echo": "0",
        "debug": "on",
    }
    assert set(texts) == {item.name for item in dataclasses.fields(Settings)}
    environ = {f"DB_{name.upper()}": text for name, text in texts.items()}
    url, reader_url, given = read_environment({**URL, **environ})
    assert (url, reader_url) == ("sqlite:///shop.db", None)
    assert make_settings(**given) == Settings(
        pool_size=3,
        max_overflow=0,
        reader_pool_size=2,
        pool_timeout=1.5,
        pool_recycle=60.0,
        idle_check=0.0,
        connect_timeout=1.0,
        statement_timeout=2.5,
        lock_timeout=0.5,
        isolation="REPEATABLE READ",
        health_timeout=1.0,
        pgbouncer=True,
        application_name="shop",
        cursor_secret="correct horse battery",
        warn_repeated=5,
        echo=False,
        debug=True,
    )


@pytest.mark.parametrize("secret", ["", "too short", b"0123456789abcdef", 1234567890123456])
def test_a_secret_is_a_text_that_nobody_guesses_and_no_error_tells(secret: Any) -> None:
    with pytest.raises(InvalidSetting, match="at least 16 characters") as caught:
        make_settings(cursor_secret=secret)
    assert caught.value.fields == ("cursor_secret",)
    assert not secret or str(secret) not in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    assert "horse" not in repr(make_settings(cursor_secret="correct horse battery"))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, True) for word in ("1", "TRUE", "Yes", "on")),
        *((word, False) for word in ("0", "False", "no", "OFF")),
    ],
)
def test_a_switch_is_read_from_the_usual_words(word: str, value: bool) -> None:
    assert read_environment({**URL, "DB_DEBUG": word})[2] == {"debug": value}


@pytest.mark.parametrize("word", ["", "none", "None", " NONE "])
def test_none_and_nothing_lift_a_limit_that_may_be_lifted(word: str) -> None:
    assert read_environment({**URL, "DB_LOCK_TIMEOUT": word})[2] == {"lock_timeout": None}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DB_POOL_SIZE", "many"),
        ("DB_POOL_SIZE", "1.5"),
        ("DB_POOL_SIZE", ""),
        ("DB_POOL_TIMEOUT", "none"),
        ("DB_POOL_TIMEOUT", "5s"),
        ("DB_DEBUG", "maybe"),
        ("DB_DEBUG", ""),
    ],
)
def test_a_variable_that_cannot_be_read_is_refused(variable: str, text: str) -> None:
    with pytest.raises(InvalidSetting, match=f"environment variable {variable} cannot be read"):
        read_environment({**URL, variable: text})


def test_a_value_out_of_range_in_the_environment_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="pool_size must be a whole number of at least 1"):
        Database.from_env(environ={**URL, "DB_POOL_SIZE": "0"})


@pytest.mark.parametrize(
    ("variable", "near"),
    [("DB_POOLSIZE", "DB_POOL_SIZE"), ("DB_STATEMENT_TIMOUT", "DB_STATEMENT_TIMEOUT")],
)
def test_a_near_miss_of_a_variable_is_an_error(variable: str, near: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_environment({**URL, variable: "5"})
    assert caught.value.message == f"the environment variable {variable} is no setting"
    assert caught.value.hint == f"did you mean {near}?"


@pytest.mark.parametrize("variable", ["DB_HOST", "DB_PASSWORD", "DB_NAME", "POOL_SIZE"])
def test_variables_of_other_programs_are_let_be(variable: str) -> None:
    assert read_environment({**URL, variable: "5"})[2] == {}


@pytest.mark.parametrize(("text", "url"), [("sqlite:///b.db", "sqlite:///b.db"), ("  ", None)])
def test_a_reader_url_may_be_given(text: str, url: str | None) -> None:
    assert read_environment({**URL, "DATABASE_READER_URL": text})[1] == url


def test_a_database_is_made_from_the_processs_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("DB_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///shop.db")
    monkeypatch.setenv("DB_POOL_SIZE", "3")
    database = Database.from_env()
    assert database.settings == Settings(pool_size=3)
    assert repr(database) == "Database('sqlite+aiosqlite:///shop.db')"


@pytest.mark.parametrize("text", ["serializable", " Repeatable-Read ", "READ_COMMITTED"])
def test_a_default_isolation_level_is_known_in_any_spelling(text: str) -> None:
    level = text.strip().upper().replace("-", " ").replace("_", " ")
    assert make_settings(isolation=text).isolation == level
    assert read_environment({**URL, "DB_ISOLATION": text})[2] == {"isolation": text.strip()}
    assert Database.from_env(environ={**URL, "DB_ISOLATION": text}).settings.isolation == level


@pytest.mark.parametrize("level", ["serialisable", "", 5])
def test_an_isolation_level_that_there_is_not_is_refused(level: Any) -> None:
    with pytest.raises(InvalidSetting, match="isolation level"):
        Database("sqlite:///shop.db", isolation=level)


@pytest.mark.parametrize("word", ["", "none"])
def test_without_an_isolation_level_it_is_the_servers_own(word: str) -> None:
    assert read_environment({**URL, "DB_ISOLATION": word})[2] == {"isolation": None}
