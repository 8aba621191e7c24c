"""Check that another library still has the private names that the files here use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from inspect import signature
from typing import Any

__all__ = ["calls_function", "demand_hooks", "takes_parameters"]


def demand_hooks(library: str, purpose: str, hooks: Mapping[str, bool]) -> None:
    """Raise ``RuntimeError`` if hooks are missing, with their names and what they are for.

    ``hooks`` has True for each name that is there.
    """
    missing = [name for name, there in hooks.items() if not there]
    if missing:
        raise RuntimeError(
            f"{library} {version(library)} has changed {', '.join(missing)}, which Colonnade "
            f"{purpose}; install the newest Colonnade, or a release of {library} that it allows"
        )


def takes_parameters(hook: Any, parameters: Sequence[str]) -> bool:
    """Return whether ``hook`` is a function whose first parameters are these, in this order."""
    return callable(hook) and [*signature(hook).parameters][: len(parameters)] == [*parameters]


def calls_function(caller: Any, name: str) -> bool:
    """Return whether the code of a function of SQLAlchemy names the function that it should call.

    A function that a tracing tool has put in its place is taken to call the original.
    """
    if caller is None:
        return False
    library = str(getattr(caller, "__module__", "")).startswith("sqlalchemy.")
    code = getattr(caller, "__code__", None)
    return not library or code is None or name in code.co_names
