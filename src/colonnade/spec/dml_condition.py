"""In charge of what tells the rows of an UPDATE or DELETE: the conditions of a spec, bound.

Such a statement has one table. Where the conditions follow relations to one object, the rows are
those whose key a SELECT with the joins finds; a path over a collection is EXISTS as everywhere.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import aliased

from colonnade.filters import And, Comparison, JoinTree, Node, Not, Or, compile_node
from colonnade.mapping import mapping_of
from colonnade.spec.keys import unused_prefix
from colonnade.spec.memory import remembered
from colonnade.spec.parameters import WHERE_VALUE
from colonnade.spec.shape import Shape, Spec

__all__ = ["dml_condition"]


def dml_condition(spec: Spec, *, apart: bool) -> tuple[ColumnElement[bool], dict[str, Any]]:
    """The condition, on the model itself, for the rows that ``spec`` asks for, and what it binds.

    ``apart`` for a database that cannot read the table that a statement writes to, unless what is
    read is a table of its own.
    """
    shape = Shape(spec.shape.model, spec.shape.where)
    found = _criterion(shape, apart) if spec.raw else _cached(shape, apart)
    prefix = unused_prefix(shape.model, WHERE_VALUE)
    return found, {prefix + name: value for name, value in spec.parameters.items()}


def _criterion(shape: Shape, apart: bool) -> ColumnElement[bool]:
    sources = JoinTree(shape.model)
    condition = _condition(shape, sources)
    if sources.is_alone and not (apart and any(map(_reaches_out, shape.where))):
        return condition
    root: Any = aliased(shape.model)
    sources = JoinTree(root)
    condition = _condition(shape, sources)
    names = mapping_of(shape.model).key
    keys: Any = select(*(getattr(root, name) for name in names)).select_from(root).where(condition)
    keys = sources.apply_joins(keys)
    if apart:
        # DISTINCT is what keeps the database from merging the two again.
        keys = select(*keys.distinct().subquery().columns)
    columns = [getattr(shape.model, name) for name in names]
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    result: ColumnElement[bool] = key.in_(keys)
    return result


@remembered
def _cached(shape: Shape, apart: bool) -> ColumnElement[bool]:
    return _criterion(shape, apart)


def _condition(shape: Shape, sources: JoinTree) -> ColumnElement[bool]:
    prefix = unused_prefix(shape.model, WHERE_VALUE)
    names = (f"{prefix}v{number}" for number in count())
    return compile_node(And(shape.where), sources, names.__next__)


def _reaches_out(node: Node) -> bool:
    """Whether a condition may read another table than the model's own, or this one twice."""
    match node:
        case Comparison(steps):
            return bool(steps)
        case And(nodes) | Or(nodes):
            return any(map(_reaches_out, nodes))
        case Not(inner):
            return _reaches_out(inner)
        case _:
            return True
