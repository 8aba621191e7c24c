"""Say loudly that a release of another library no longer has what a file here hooks into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from inspect import signature
from typing import Any

__all__ = ["calls", "demand", "takes"]


def demand(library: str, purpose: str, hooks: Mapping[str, bool]) -> None:
    """Raise ``RuntimeError`` with the names of the hooks that are not there, and what for."""
    missing = [name for name, there in hooks.items() if not there]
    if missing:
        raise RuntimeError(
            f"{library} {version(library)} has changed {', '.join(missing)}, which Colonnade "
            f"{purpose}; install the newest Colonnade, or a release of {library} that it allows"
        )


def takes(hook: Any, parameters: Sequence[str]) -> bool:
    """Return whether a hook is there and has these parameters first, in this order."""
    return callable(hook) and [*signature(hook).parameters][: len(parameters)] == [*parameters]


def calls(caller: Any, name: str) -> bool:
    """Return whether a function of the library names in its code what it should call.

    One that somebody has put in its place, as tools for tracing do, is taken to call the original.
    """
    if caller is None:
        return False
    library = str(getattr(caller, "__module__", "")).startswith("sqlalchemy.")
    code = getattr(caller, "__code__", None)
    return not library or code is None or name in code.co_names
