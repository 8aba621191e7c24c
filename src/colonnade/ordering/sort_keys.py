"""Parse names and expressions into sort keys, and add the primary key that makes an order total.

``"-age"`` is descending, ``"team.name"`` and ``"team__name"`` follow relations to one object. NULL
counts as greater than every value, on every database: last when ascending, first when descending,
unless a name ends with ``nulls first`` or ``nulls last``. Rows that compare equal would come in any
order, and pages of them would overlap; so the primary key comes last. ``"-body__match"`` puts the
rows first that match a search best. SQLAlchemy's expressions are sort keys too, by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.types import TypeDecorator

from colonnade.caches import memoized
from colonnade.errors import InvalidOperand, UnknownField
from colonnade.mapping import Attribute, Column, RawExpression, Relation, mapping_of
from colonnade.mapping.paths import column_path, possible_paths
from colonnade.ordering.expressions import read_expression
from colonnade.scope import scopes_hiding

__all__ = [
    "Order",
    "SortKey",
    "drop_repeated_keys",
    "flip_sort_key",
    "sort_key_of",
    "sort_keys_of",
    "with_primary_key",
]

#: A name may come from a request, so that its length is bounded.
_LONGEST: Final = 300
_SPELLING: Final = re.compile(
    r"([+-]?)(.*?)(?:\s+nulls\s+(first|last))?", re.IGNORECASE | re.DOTALL
)
#: Operators that also rank: they say how well a row matches, not only that it does.
_RANKS: Final = frozenset({"match"})
_DIRECTION: Final = re.compile(r"(asc|desc)(ending)?", re.IGNORECASE)
#: What a list is sorted by: a name, or SQLAlchemy's expression on the model's own columns.
Order: TypeAlias = "str | sa.ColumnElement[Any] | QueryableAttribute[Any]"


@dataclass(frozen=True, slots=True, eq=False)
class SortKey:
    """One thing to sort by; made once for each model and meaning, and compared by identity.

    ``nullable`` is true if NULLs may have to be placed: the column takes NULL, or an object on the
    way may be missing. ``rank`` is the operator of the search whose rank is sorted by in place of
    the column's value. The key of a caller's own expression is made anew each time, and equals no
    other.
    """

    steps: tuple[Relation, ...]
    column: Attribute
    descending: bool
    nulls_first: bool
    nullable: bool
    rank: str | None = None

    @property
    def raw(self) -> bool:
        """True if it is an expression of the caller's own."""
        return isinstance(self.column, RawExpression)

    @property
    def computed(self) -> bool:
        """True if its value is not a column of the rows themselves."""
        return bool(self.steps) or not isinstance(self.column, Column)


def sort_keys_of(model: type[Any], names: tuple[Any, ...]) -> tuple[SortKey, ...]:
    """Return the sort keys for names and expressions; of repeated ones only the first counts.

    Raises ``UnknownField``, or ``InvalidOperand`` for what is neither or has no order.
    """
    return drop_repeated_keys(sort_key_of(model, name) for name in names)


def sort_key_of(model: type[Any], name: Any) -> SortKey:
    """Return the sort key for a name or an expression.

    Raises ``UnknownField``, or ``InvalidOperand`` for what is neither.
    """
    if not isinstance(name, str):
        return _sort_key_of_expression(model, name)
    if len(name) > _LONGEST:
        raise UnknownField(
            f"{model.__name__}: a sort term has at most {_LONGEST} characters",
            model=model.__name__,
        )
    return _sort_key_of_name(model, name)


def with_primary_key(model: type[Any], terms: tuple[SortKey, ...]) -> tuple[SortKey, ...]:
    """Return the sort keys with missing columns of the primary key added, in the last direction.

    What would come after a complete key decides nothing and is left out.
    """
    missing = dict.fromkeys(mapping_of(model).key)
    needed: list[SortKey] = []
    for item in terms:
        if not missing:
            break
        needed.append(item)
        if not item.computed and item.rank is None:  # a column of the rows themselves
            missing.pop(item.column.name, None)
    sign = "-" if terms and terms[-1].descending else ""
    return (*needed, *(_sort_key_of_name(model, sign + name) for name in missing))


def flip_sort_key(item: SortKey) -> SortKey:
    """Return the sort key in the opposite direction, NULLs included."""
    return replace(item, descending=not item.descending, nulls_first=not item.nulls_first)


def drop_repeated_keys(terms: Iterable[SortKey]) -> tuple[SortKey, ...]:
    """Return the sort keys without those that sort by the same as an earlier one."""
    found: dict[tuple[tuple[Relation, ...], Any, str | None], SortKey] = {}
    for item in terms:
        what = item.column if item.raw else item.column.name
        found.setdefault((item.steps, what, item.rank), item)
    return tuple(found.values())


@memoized
def _sort_key_of_name(model: type[Any], name: str) -> SortKey:
    spelled = _SPELLING.fullmatch(name.rstrip())
    assert spelled is not None
    sign, plain, nulls = spelled.groups()
    plain, rank = _split_rank(model, plain)
    try:
        path = column_path(model, plain)
    except UnknownField as error:
        raise _misspelt_error(error, model, plain) from None
    many = next((step for step in path.steps if step.many), None)
    if many is not None:
        raise UnknownField(
            f"rows cannot be sorted by {name!r}: {many.name} has many of them",
            hint="sort by a column of the model or of a relation to one object",
            model=model.__name__,
            fields=(many.name,),
        )
    _check_order(model, plain, path.column)
    descending = sign == "-"
    nulls_first = descending if nulls is None else nulls.lower() == "first"
    return _make_sort_key(model, path.steps, path.column, descending, nulls_first, rank)


@memoized
def _make_sort_key(
    model: type[Any],
    steps: tuple[Relation, ...],
    column: Attribute,
    descending: bool,
    nulls_first: bool,
    rank: str | None,
) -> SortKey:
    nullable = rank is None and (column.nullable or _may_be_missing(model, steps))
    return SortKey(steps, column, descending, nulls_first, nullable, rank)


def _may_be_missing(model: type[Any], steps: tuple[Relation, ...]) -> bool:
    """Return whether there may be no object at the end of ``steps``, or a scope may hide it."""
    owner = model
    for step in steps:
        if step.optional or scopes_hiding(owner, step.target):
            return True
        owner = step.target
    return False


def _split_rank(model: type[Any], name: str) -> tuple[str, str | None]:
    """Return a name and its rank operator apart, if it ends with one and no column is called so."""
    found = list(possible_paths(model, name.replace(".", "__")))
    if not any(not path.rest for path in found) and any(path.rest in _RANKS for path in found):
        plain, _, rank = name.replace(".", "__").rpartition("__")
        return plain, rank
    return name, None


def _sort_key_of_expression(model: type[Any], given: Any) -> SortKey:
    """Return the sort key for SQLAlchemy's expression, with the direction that it says."""
    found = read_expression(model, given)
    if isinstance(found.what, str):
        words = f"{'-' if found.descending else ''}{found.what}"
        if found.nulls_first is not None:
            words += f" nulls {'first' if found.nulls_first else 'last'}"
        return _sort_key_of_name(model, words)
    _check_order(model, found.what.name, found.what)
    nulls_first = found.descending if found.nulls_first is None else found.nulls_first
    return SortKey((), found.what, found.descending, nulls_first, nullable=True)


def _check_order(model: type[Any], name: str, column: Attribute) -> None:
    """Raise ``InvalidOperand`` for a column of JSON, which has no order."""
    plain = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(plain, sa.JSON):
        raise InvalidOperand(
            f"rows cannot be sorted by {name}: JSON has no order",
            hint=f'hand in a part of it: order_by({model.__name__}.{column.name}["…"].as_string())'
            if isinstance(column, Column)
            else "say what its value is, with as_string() or as_integer()",
            model=model.__name__,
            fields=(column.name,),
        )


def _misspelt_error(error: UnknownField, model: type[Any], name: str) -> UnknownField:
    """Return the error with a better hint where the mistake is a familiar one."""
    words = name.split()
    if "," in name:
        hint = 'each term is an argument of its own: order_by("-age", "name")'
    elif words and _DIRECTION.fullmatch(words[-1]):
        column = words[0] if len(words) > 1 else next(iter(mapping_of(model).columns))
        hint = f'a direction is a sign: "{column}" goes up, "-{column}" goes down'
    elif len(words) > 1:
        hint = 'a term is a name, such as "age", "-age" or "-age nulls last"'
    else:
        return error
    return UnknownField(error.message, hint=hint, model=error.model, fields=error.fields)
