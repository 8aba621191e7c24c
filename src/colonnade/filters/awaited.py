"""Values that a condition gets later: a schema writes ``Given("viewer")`` in their place.

A schema's conditions are parsed once, when nobody has asked yet. ``Awaited`` then stands among the
values of the parsed conditions, and the query replaces it by the checked value when it runs.
"""

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
    """A placeholder for the value of a lookup on ``model``, to be given as ``name``."""

    name: str
    model: type[Any]
    lookup: str
    node: Where

    @property
    def key(self) -> str:
        """The name of the bind parameter.

        It depends only on the model, the lookup and the given name. So a cached statement and a
        condition that is parsed again use the same name, and two lookups of the same given name
        use different ones, since each may convert the value to another type.
        """
        meaning = f"{self.model.__module__}.{self.model.__qualname__}.{self.lookup}"
        return f"given_{self.name}_{blake2s(meaning.encode(), digest_size=5).hexdigest()}"

    def check(self, value: Any) -> Any:
        """Return the value to bind. Raise ``InvalidOperand`` if ``value`` does not fit."""
        operand = self.node.operator.operand
        if value is not None:
            return self.node.check(value)
        if operand == "many":
            raise InvalidOperand(
                f"{self.lookup} takes a collection of values, and {self.name!r} is given as None",
                hint="give an empty list",
                fields=(self.lookup,),
            )
        # Bound as NULL, for which no comparison is true.
        return Pair(None, None) if operand == "pair" else None


def bound_by_key(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bind parameters for values by key: ``k_low`` and ``k_high`` for a ``Pair``."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if type(value) is Pair:
            found[f"{key}_low"], found[f"{key}_high"] = value
        else:
            found[key] = value
    return found
