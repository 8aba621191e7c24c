"""``Given``, the name of a value that comes with a query, and what stands for it until then.

A schema's conditions are parsed once, when nobody has asked yet. A ``GivenOperand`` then takes the
place of the value, which is checked and bound each time the schema is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, Final

from colonnade.errors import InvalidOperand, InvalidSchema
from colonnade.filters.nodes import Comparison
from colonnade.filters.operands import Pair

__all__ = ["Given", "GivenOperand", "expand_pairs", "given_names"]

#: Every name that was written in a ``Given``; a session may have a value for it. Grows only.
_NAMES: Final[set[str]] = set()


@dataclass(frozen=True, slots=True)
class Given:
    """A value that depends on who asks, in a condition that a schema declares.

    ::

        class ArticleRead(BaseModel):
            title: str
            favorited: Annotated[bool, Exists("fans").where(id=Given("viewer"))]

    It stands in place of the value of a lookup, in ``where`` of an aggregate and in ``Rows``.
    ``projection.given(viewer=7)`` binds it, or else the session's ``scope={"viewer": 7}``. Bound to
    None it is equal to nothing, as NULL is in SQL.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InvalidSchema(
                f"Given is named by an identifier, not {self.name!r}", hint='Given("viewer")'
            )
        _NAMES.add(self.name)


def given_names() -> frozenset[str]:
    """Return every name that a ``Given`` has."""
    return frozenset(_NAMES)


@dataclass(frozen=True, slots=True)
class GivenOperand:
    """A placeholder for the value of a lookup on ``model``, to be given as ``name``."""

    name: str
    model: type[Any]
    lookup: str
    node: Comparison

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


def expand_pairs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bind parameters for values by key: ``k_low`` and ``k_high`` for a ``Pair``."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if type(value) is Pair:
            found[f"{key}_low"], found[f"{key}_high"] = value
        else:
            found[key] = value
    return found
