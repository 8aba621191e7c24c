"""Parse lookups: ``team__name__icontains="x"`` becomes a comparison and the value to bind.

The meaning of a name is found once for a model and cached; after that a lookup costs one look-up in
the cache and a check of its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from colonnade.caches import memoized
from colonnade.errors import AmbiguousLookup, InvalidOperand, UnknownField, UnknownOperator
from colonnade.filters.computed import check_comparator, describe_column, is_supported
from colonnade.filters.foreign import suggest_operator
from colonnade.filters.nodes import Comparison
from colonnade.filters.operands import operand_validator
from colonnade.filters.operators import OPERATORS, Operator
from colonnade.mapping import find_nearest, mapping_of
from colonnade.mapping.paths import (
    ColumnPath,
    json_example,
    possible_paths,
    relation_path,
    unknown_field_error,
)
from colonnade.values import family_of

__all__ = ["parse_lookup", "parse_lookups", "resolve_comparison", "resolve_given_comparison"]


def parse_lookups(
    model: type[Any], given: Mapping[str, Any]
) -> tuple[tuple[Comparison, ...], tuple[Any, ...]]:
    """Return the comparisons of these lookups, and the values to bind, in the same order.

    Raises ``UnknownField``, ``UnknownOperator``, ``AmbiguousLookup`` or ``InvalidOperand``.
    """
    nodes: list[Comparison] = []
    values: list[Any] = []
    for name, value in given.items():
        node = parse_lookup(model, name, value)
        nodes.append(node)
        if node.binds:
            values.append(node.check(value))
    return tuple(nodes), tuple(values)


def parse_lookup(model: type[Any], name: str, value: Any) -> Comparison:
    """Return the comparison for one lookup. None and the bool of a flag are part of its shape.

    Raises what ``parse_lookups`` raises.
    """
    leaves = _resolve_lookup(model, name)
    if leaves.states:
        state = leaves.check(value)
        if state not in leaves.states:
            raise _unsupported_operator_error(name, leaves.path, leaves.operator)
        return leaves.states[state]
    if value is None:
        if leaves.none is None:
            raise InvalidOperand(
                f"{name}: None cannot be compared with {leaves.operator.name!r}",
                hint=f"ask for NULL with {leaves.path.column.name}__isnull=True",
                fields=(name,),
            )
        return leaves.none
    if leaves.plain is None:
        raise _unsupported_operator_error(name, leaves.path, leaves.operator)
    return leaves.bools[leaves.check(value)] if leaves.bools else leaves.plain


def resolve_comparison(model: type[Any], name: str) -> Comparison:
    """Return the comparison of a column with whatever value is bound."""
    leaf = _resolve_lookup(model, name).plain
    assert leaf is not None
    return leaf


def resolve_given_comparison(model: type[Any], name: str) -> Comparison:
    """Return the comparison for a lookup whose value is given with each query.

    Raises what ``parse_lookup`` raises, and ``InvalidOperand`` if the value shapes the statement.
    """
    leaves = _resolve_lookup(model, name)
    if leaves.states:
        raise InvalidOperand(
            f"{name}: {leaves.operator.name!r} makes another statement of each value, "
            "so its value cannot be given later",
            hint="write the value in place of Given",
            fields=(name,),
        )
    if leaves.plain is None:
        raise _unsupported_operator_error(name, leaves.path, leaves.operator)
    return leaves.plain


@dataclass(frozen=True, slots=True)
class _LookupNodes:
    """The comparisons that a lookup may become: with a value, with None, with each state.

    A bool is part of the shape: a planner that sees it knows how many rows have it, and which
    partial index holds them.
    """

    path: ColumnPath
    operator: Operator
    check: Callable[[Any], Any]
    plain: Comparison | None = None
    none: Comparison | None = None
    states: Mapping[bool | None, Comparison] = field(default_factory=dict)
    bools: Mapping[bool, Comparison] = field(default_factory=dict)


@memoized
def _resolve_lookup(model: type[Any], name: str) -> _LookupNodes:
    """Return the comparisons for a name. Raises if the operator does not fit the column."""
    path, operator = _split_lookup(model, name)
    fitting = is_supported(operator, path.column)
    # A comparison with None is IS NULL or IS NOT NULL, which every column supports.
    asks_null = _NULL.get(operator.name)
    if not fitting and asks_null is None:
        raise _unsupported_operator_error(name, path, operator)
    check_comparator(name, path, operator)
    check = operand_validator(model, name, path, operator)

    def leaf(of: Operator, flag: bool | None) -> Comparison:
        return Comparison(path.steps, path.column, of, flag, check)

    none = None if asks_null is None else leaf(OPERATORS["isnull"], asks_null)
    if operator.operand not in ("flag", "state"):
        plain = leaf(operator, None) if fitting else None
        told = operator.name in ("eq", "ne") and family_of(path.column.type) == "boolean"
        bools = {flag: leaf(operator, flag) for flag in (True, False) if told}
        return _LookupNodes(path, operator, check, plain, none, bools=bools)
    flags = (True, False) if fitting else ()
    states: dict[bool | None, Comparison] = {flag: leaf(operator, flag) for flag in flags}
    if none is not None:
        states[None] = none
    return _LookupNodes(path, operator, check, states=states)


#: Operators that take None, and whether they then ask for NULL or for anything else.
_NULL: Final = MappingProxyType({"eq": True, "ne": False, "is": True, "is_not": False})

#: The operators as Python writes them, for hints.
_SIGNS: Final = MappingProxyType(
    {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
)


def _unsupported_operator_error(name: str, path: ColumnPath, operator: Operator) -> UnknownOperator:
    kind, remedy = describe_column(path.column)
    return UnknownOperator(
        f"{name}: {operator.name!r} is for {operator.applies_to.name}, "
        f"and {path.column.name} is {kind}",
        hint=f"operators for it: {', '.join(_list_operators(path))}{remedy}",
        fields=(name,),
    )


def _split_lookup(model: type[Any], name: str) -> tuple[ColumnPath, Operator]:
    """Return the column and the operator of a name. Raises if it has no meaning, or two."""
    found = list(possible_paths(model, name))
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
        # ``team__isnull`` names no column, but asks whether there is a team.
        key = _find_relation_key(model, name)
        if key is None:
            raise unknown_field_error(model, name, OPERATORS)
        return key, OPERATORS["isnull"]
    rest = found[-1].rest
    if family_of(found[-1].column.type) == "json":
        raise _within_json_error(model, name, found[-1])
    ours, near = suggest_operator(rest), find_nearest(rest, OPERATORS)
    told = f"did you mean {near!r}? " if near else ""
    if ours is not None:
        told = f"here it is {ours}; "
    raise UnknownOperator(
        f"{name}: there is no operator {rest!r}",
        hint=f"{told}operators: {', '.join(_list_operators(found[-1]))}",
        model=model.__name__,
        fields=(name,),
    )


def _within_json_error(model: type[Any], name: str, path: ColumnPath) -> UnknownOperator:
    """Return the error for a lookup that leads into JSON, with the expression to use instead."""
    inside, _, last = path.rest.rpartition("__")
    operator = OPERATORS.get(last) if inside else None
    place = json_example(
        path.owner.__name__, path.column.name, path.rest if operator is None else inside
    )
    condition = f"{place} {_SIGNS.get(last, '==') if operator else '=='} …"
    if operator is not None and operator.operand in ("text", "pattern"):
        condition = f"{place}.{last}(…)"
    owners = (model, *(step.target for step in path.steps[:-1]))
    for step, owner in reversed(list(zip(path.steps, owners, strict=False))):
        over = f"{owner.__name__}.{step.name}.{'any' if step.many else 'has'}"
        condition = f"{over}({condition})"
    return UnknownOperator(
        f"{name}: {path.column.name} is JSON, and a lookup ends there",
        hint=f"hand in the expression: where({condition}); as_integer(), as_float() and "
        f"as_boolean() are for others than text; operators: {', '.join(_list_operators(path))}",
        model=model.__name__,
        fields=(name,),
    )


def _find_relation_key(model: type[Any], name: str) -> ColumnPath | None:
    """Return the key behind the relation in ``team__isnull``; None if the name has none.

    The key of a missing object is NULL, and that of an existing object never is.
    """
    head, _, operator = name.rpartition("__")
    if operator != "isnull":
        return None
    try:
        steps = relation_path(model, head)
    except UnknownField:
        return None
    if steps[-1].many:
        raise UnknownOperator(
            f"{name}: {steps[-1].name} is a collection, which is never NULL",
            hint=f'some("{head}") asks for rows with a member, not_(some("{head}")) for the others',
            model=model.__name__,
            fields=(name,),
        )
    target = mapping_of(steps[-1].target)
    return ColumnPath(model, steps, target.columns[target.key[0]])


def _list_operators(path: ColumnPath) -> list[str]:
    """Return the names of the operators that fit a column."""
    return [item.name for item in OPERATORS.values() if is_supported(item, path.column)]
