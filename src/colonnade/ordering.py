"""In charge of order: sort terms, and the primary key that closes every order.

``"-age"`` is descending, ``"team.name"`` and ``"team__name"`` follow relations to one object. Rows
that compare equal would come in any order, and pages of them would overlap; so the key comes last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from colonnade.errors import InvalidOperand, UnknownField
from colonnade.mapping import Column, Relation, mapping_of, memoized
from colonnade.mapping.paths import column_path

__all__ = ["Term", "closed", "term_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One thing to sort by; made once for each model and name, and compared by identity."""

    steps: tuple[Relation, ...]
    column: Column
    descending: bool


def term_of(model: type[Any], name: str) -> Term:
    """The term that ``name`` means. Raises ``UnknownField``, or ``InvalidOperand`` for no name."""
    if not isinstance(name, str):
        raise InvalidOperand(
            f"an order is given by names, not by {type(name).__name__}", hint='such as "-age"'
        )
    return _term(model, name)


@memoized
def _term(model: type[Any], name: str) -> Term:
    path = column_path(model, name[1:] if name[:1] in ("-", "+") else name)
    many = next((step for step in path.steps if step.many), None)
    if many is not None:
        raise UnknownField(
            f"rows cannot be sorted by {name!r}: {many.name} has many of them",
            hint="sort by a column of the model or of a relation to one object",
            model=model.__name__,
            fields=(many.name,),
        )
    return Term(path.steps, path.column, name.startswith("-"))


def closed(model: type[Any], terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The terms, then the key columns that are not among them, in the last term's direction."""
    there = {item.column.name for item in terms if not item.steps}
    sign = "-" if terms and terms[-1].descending else ""
    rest = (name for name in mapping_of(model).key if name not in there)
    return (*terms, *(_term(model, sign + name) for name in rest))
