"""Define the options of one unit of work: isolation level, time limits, variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

from colonnade.errors import InvalidSetting
from colonnade.mapping import find_nearest

__all__ = ["Unit", "UnitOptions", "parse_isolation"]

_LEVELS: Final = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")


class UnitOptions(TypedDict, total=False):
    """The keywords of ``Database.session`` and ``Database.run`` that shape the transaction.

    ``isolation`` is a level of the SQL standard, in upper or lower case. ``statement_timeout`` and
    ``lock_timeout`` are seconds, and replace those of the database. ``variables`` are settings with
    a dot in their name, such as ``app.tenant``, for PostgreSQL's row-level security; they end with
    the transaction.
    """

    isolation: str
    read_only: bool
    statement_timeout: float
    lock_timeout: float
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The checked options of one unit of work.

    Raises ``InvalidSetting`` for an unknown isolation level, a time limit out of range, and the
    name of a variable without a dot.
    """

    isolation: str | None = None
    read_only: bool = False
    statement_timeout: float | None = None
    lock_timeout: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    snapshot: bool = False

    def __post_init__(self) -> None:
        if self.isolation is not None:
            object.__setattr__(self, "isolation", parse_isolation(self.isolation))
        for name in ("statement_timeout", "lock_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and not 0.001 <= seconds < 1e7:
                raise InvalidSetting(f"{name} must be at least 0.001 seconds, not {seconds!r}")
        for name in self.variables:
            if not _VARIABLE.fullmatch(name):
                raise InvalidSetting(
                    f"{name!r} is no name for a variable",
                    hint="a variable of your own has a dot in its name, such as app.tenant",
                )


def parse_isolation(text: str) -> str:
    """Return the isolation level as SQL writes it; raise ``InvalidSetting`` if it is unknown."""
    if not isinstance(text, str):
        raise InvalidSetting(f"an isolation level is a text, not {text!r}")
    level = re.sub(r"[\s_-]+", " ", text.strip()).upper()
    if level not in _LEVELS:
        near = find_nearest(level, _LEVELS)
        known = ", ".join(name.lower() for name in _LEVELS)
        hint = f"did you mean {near.lower()!r}? levels: {known}" if near else f"levels: {known}"
        raise InvalidSetting(f"there is no isolation level {text!r}", hint=hint)
    return level
