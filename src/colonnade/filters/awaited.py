"""In charge of values that a condition awaits: ``Given`` stands where they will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from colonnade.errors import InvalidOperand
from colonnade.filters.nodes import Where
from colonnade.filters.operands import Pair

__all__ = ["Awaited", "bound_by_key"]


@dataclass(frozen=True, slots=True)
class Awaited:
    """The value of a lookup on ``model``, which whoever asks gives by ``name``."""

    name: str
    model: type[Any]
    lookup: str
    node: Where

    @property
    def key(self) -> str:
        """The name by which a statement binds it.

        It hangs on nothing but what the lookup means, so that a statement that was kept and a
        condition that was read anew agree on it; and two lookups never share it, since each may
        take a value of another type.
        """
        meaning = f"{self.model.__module__}.{self.model.__qualname__}.{self.lookup}"
        return f"given_{self.name}_{blake2s(meaning.encode(), digest_size=5).hexdigest()}"

    def check(self, value: Any) -> Any:
        """Return what is bound for a value. Raise ``InvalidOperand`` for one that does not fit."""
        operand = self.node.operator.operand
        if value is not None:
            return self.node.check(value)
        if operand == "many":
            raise InvalidOperand(
                f"{self.lookup} takes a collection of values, and {self.name!r} is given as None",
                hint="give an empty list",
                fields=(self.lookup,),
            )
        # NULL, of which no comparison is true.
        return Pair(None, None) if operand == "pair" else None


def bound_by_key(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a statement binds for values by their keys: a pair is bound by two."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if type(value) is Pair:
            found[f"{key}_low"], found[f"{key}_high"] = value
        else:
            found[key] = value
    return found
