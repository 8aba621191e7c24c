"""Rows that are inserted past the unit of work become the session's objects."""

from __future__ import annotations

import inspect

from sqlalchemy.orm import Session


def test_sqlalchemy_still_has_what_makes_a_session_hold_new_objects() -> None:
    hooks = {"_save_impl": ["self", "state"], "_register_persistent": ["self", "states"]}
    for name, parameters in hooks.items():
        hook = getattr(Session, name, None)
        assert hook is not None, f"Session.{name} is gone: see database/inserts.py"
        assert list(inspect.signature(hook).parameters) == parameters, (
            f"Session.{name} takes other parameters: see database/inserts.py"
        )
