"""In charge of reading lookups: ``team__name__icontains="x"`` becomes a leaf and its value.

What a name means is found out once for a model and remembered; after that a lookup costs a look
into a table and a check of its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colonnade.errors import AmbiguousLookup, InvalidOperand, UnknownOperator
from colonnade.filters.nodes import Where
from colonnade.filters.operands import checker
from colonnade.filters.operators import OPERATORS, Operator, is_text
from colonnade.mapping import memoized, nearest
from colonnade.mapping.paths import ColumnPath, readings, unknown

__all__ = ["lookup", "lookups"]


def lookups(
    model: type[Any], given: Mapping[str, Any]
) -> tuple[tuple[Where, ...], tuple[Any, ...]]:
    """The leaves that the lookups mean, and the values to bind, in the same order.

    Raises ``UnknownField``, ``UnknownOperator``, ``AmbiguousLookup`` or ``InvalidOperand``.
    """
    nodes: list[Where] = []
    values: list[Any] = []
    for name, value in given.items():
        node = lookup(model, name, value)
        nodes.append(node)
        if node.binds:
            values.append(node.check(value))
    return tuple(nodes), tuple(values)


def lookup(model: type[Any], name: str, value: Any) -> Where:
    """The leaf for one lookup. ``None`` and a flag's bool are part of its shape."""
    plain, null, not_null = _leaves(model, name)
    if plain is None:
        assert null is not None
        return null if null.check(value) else _required(not_null)
    if value is None:
        if null is not None and plain.operator.name == "eq":
            return null
        if null is not None and plain.operator.name == "ne":
            return _required(not_null)
        raise InvalidOperand(
            f"{name}: None cannot be compared with {plain.operator.name!r}",
            hint=f"ask for NULL with {plain.column.name}__isnull=True",
            fields=(name,),
        )
    return plain


def _required(node: Where | None) -> Where:
    assert node is not None
    return node


@memoized
def _leaves(model: type[Any], name: str) -> tuple[Where | None, Where | None, Where | None]:
    """The leaf with a value, the one for NULL and the one for not NULL, as far as they exist."""
    path, operator = _read(model, name)
    if operator.text and not is_text(path.column.type):
        raise UnknownOperator(
            f"{name}: {operator.name!r} is for text, and {path.column.name} is none",
            hint=f"operators for it: {', '.join(_fitting(path))}",
            fields=(name,),
        )
    check = checker(model, name, path, operator)
    isnull = OPERATORS["isnull"]
    null, not_null = (Where(path.steps, path.column, isnull, flag, check) for flag in (True, False))
    if operator.operand == "flag":
        return None, null, not_null
    return Where(path.steps, path.column, operator, None, check), null, not_null


def _read(model: type[Any], name: str) -> tuple[ColumnPath, Operator]:
    found = list(readings(model, name))
    fitting = [path for path in found if not path.rest or path.rest in OPERATORS]
    if len(fitting) > 1:
        raise AmbiguousLookup(
            f"{model.__name__}: {name!r} could mean two things",
            hint="rename one of the two attributes that spell the same",
            model=model.__name__,
            fields=(name,),
        )
    if fitting:
        return fitting[0], OPERATORS[fitting[0].rest or "eq"]
    if not found:
        raise unknown(model, name, OPERATORS)
    rest = found[-1].rest
    near = nearest(rest, OPERATORS)
    known = ", ".join(_fitting(found[-1]))
    raise UnknownOperator(
        f"{name}: there is no operator {rest!r}",
        hint=f"did you mean {near!r}? operators: {known}" if near else f"operators: {known}",
        model=model.__name__,
        fields=(name,),
    )


def _fitting(path: ColumnPath) -> list[str]:
    text = is_text(path.column.type)
    return [item.name for item in OPERATORS.values() if text or not item.text]
