"""What is told of a release that no longer has a hook."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from colonnade._compat.changes import calls_function, demand_hooks, takes_parameters


def outer() -> None:
    inner()


def inner() -> None: ...


def test_what_is_missing_is_named_with_the_release_and_the_purpose() -> None:
    demand_hooks("SQLAlchemy", "does so by", {"Session.a": True})
    with pytest.raises(RuntimeError, match=r"^SQLAlchemy 2\.\S+ has changed b, c, which .* so by;"):
        demand_hooks("SQLAlchemy", "does so by", {"a": True, "b": False, "c": False})


def test_a_hook_is_known_by_its_first_parameters() -> None:
    assert takes_parameters(Session.get, ("self", "entity"))
    assert not takes_parameters(Session.get, ("self", "ident"))
    assert not takes_parameters(None, ())


def test_a_function_of_the_library_is_asked_what_it_calls() -> None:
    assert calls_function(Session.get, "_get_impl")
    assert not calls_function(Session.get, "_identity_lookup")
    assert not calls_function(None, "_get_impl")
    # What a tracing tool has put in its place is trusted to call it.
    assert calls_function(outer, "_get_impl")
