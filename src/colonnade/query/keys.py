"""Check primary keys and build the specs that select rows by them.

A key is a scalar, or a tuple for a composite key. The same for the keys of groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from colonnade.aggregates import Grouped
from colonnade.caches import memoized
from colonnade.errors import InvalidOperand, NotFound
from colonnade.filters import Comparison, key_value_of, parse_conditions, resolve_comparison
from colonnade.mapping import format_count, mapping_of, with_article
from colonnade.spec import Shape, Spec

__all__ = [
    "filter_by_key",
    "group_of_key",
    "missing_group_error",
    "missing_row_error",
    "parse_key",
    "parse_possible_key",
    "spec_of_key",
]


def parse_key(model: type[Any], key: Any) -> tuple[Any, ...]:
    """Return the key's values, in the order of the key's columns.

    Raises ``InvalidOperand`` when there are too few or too many, or when one does not fit its
    column, and ``NotFound`` for an integer so large that no row can have it.
    """
    values = parse_possible_key(model, key)
    if values is None:
        raise missing_row_error(model, (key,))
    return values


def parse_possible_key(model: type[Any], key: Any) -> tuple[Any, ...] | None:
    """Return the key's values as ``key_of`` does, but None for a key that no row can have.

    Raises ``InvalidOperand``.
    """
    readers = _key_validators(model)
    values = key if isinstance(key, tuple) else (key,)
    # The usual case first: a message is put together only for a key that is wrong.
    if None not in values and len(values) == len(readers):
        found = tuple([read(value) for read, value in zip(readers, values, strict=True)])
        return None if None in found else found
    names = mapping_of(model).key
    if any(value is None for value in values):
        raise InvalidOperand(
            f"None is no key of {model.__name__}", model=model.__name__, fields=names
        )
    raise InvalidOperand(
        f"the key of {model.__name__} is {_join_names(names)}, "
        f"not {format_count(len(values), 'value')}",
        hint="hand in a tuple with a value for each" if len(names) > 1 else None,
        model=model.__name__,
        fields=names,
    )


def spec_of_key(model: type[Any], key: Any) -> Spec:
    """Return the spec that selects the row with this key. Raises what ``key_of`` raises."""
    values = parse_key(model, key)
    return Spec(_key_shape(model), values)


def filter_by_key(spec: Spec, values: tuple[Any, ...]) -> Spec:
    """Return the spec for one row of those that ``spec`` asks for: the one with this key.

    ``values`` are those that ``key_of`` has returned, so that none is validated twice.
    """
    return spec.filtered(_key_comparisons(spec.shape.model), values)


@memoized
def _key_shape(model: type[Any]) -> Shape:
    return Shape(model, _key_comparisons(model))


def group_of_key(spec: Spec, groups: Grouped, key: Any) -> Spec:
    """Return the spec that selects the group with this value, or with this tuple of values.

    Raises ``InvalidOperand``, and ``NotFound`` for an integer so large that no group can have it.
    """
    names = groups.fields
    values = key if isinstance(key, tuple) else (key,)
    if not names:
        raise InvalidOperand(
            f"{groups.schema.__name__} is one object, and has no groups", hint="ask for one()"
        )
    if len(values) != len(names):
        raise InvalidOperand(
            f"the key of {with_article(groups.schema.__name__)} is {_join_names(names)}, "
            f"not {format_count(len(values), 'value')}",
            hint="hand in a tuple with a value for each" if len(names) > 1 else None,
            fields=names,
        )
    model = spec.shape.model
    given = dict(zip(names, values, strict=True))
    # Here too None stands for an integer beyond the column's range; NULL is a group like any other.
    if any(
        value is not None and key_value_of(model, name)(value) is None
        for name, value in given.items()
    ):
        raise missing_group_error(groups, key)
    return spec.uncut().where(parse_conditions(model, (), given))


def missing_row_error(model: type[Any], keys: tuple[Any, ...]) -> NotFound:
    """Return the error for keys that no row has."""
    many = len(keys) > 1
    return NotFound(
        f"there is no {model.__name__} with {'these keys' if many else 'this key'}",
        model=model.__name__,
        fields=mapping_of(model).key,
        keys=keys,
    )


def missing_group_error(groups: Grouped, key: Any) -> NotFound:
    """Return the error for a group that does not exist."""
    return NotFound(
        f"there is no {groups.schema.__name__} of this group",
        model=groups.model.__name__,
        fields=groups.fields,
        keys=(key,),
    )


@memoized
def _key_comparisons(model: type[Any]) -> tuple[Comparison, ...]:
    return tuple(resolve_comparison(model, name) for name in mapping_of(model).key)


@memoized
def _key_validators(model: type[Any]) -> tuple[Callable[[Any], Any], ...]:
    return tuple(key_value_of(model, name) for name in mapping_of(model).key)


def _join_names(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"({', '.join(names)})"
