"""Build the WHERE of an UPDATE or DELETE from the conditions of a spec.

Such a statement has one table and no joins. Where conditions follow relations to one object, a
SELECT with the joins finds the keys of the rows, and the statement is limited to those keys. A path
over a collection is EXISTS, as everywhere.
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
    """Return the condition on the model itself for the rows of ``spec``, and the values to bind.

    ``apart`` is for a database that cannot read the table that a statement writes to (MySQL,
    MariaDB), unless it is read in a derived table.
    """
    shape = Shape(spec.shape.model, spec.shape.where)
    found = _build_dml_condition(shape, apart) if spec.raw else _cached_dml_condition(shape, apart)
    prefix = unused_prefix(shape.model, WHERE_VALUE)
    return found, {prefix + name: value for name, value in spec.parameters.items()}


def _build_dml_condition(shape: Shape, apart: bool) -> ColumnElement[bool]:
    sources = JoinTree(shape.model)
    condition = _compile_conditions(shape, sources)
    # The usual case: no joins are needed, and the conditions stand in the statement itself.
    if sources.is_alone and not (apart and any(map(_reads_other_tables, shape.where))):
        return condition
    root: Any = aliased(shape.model)
    sources = JoinTree(root)
    condition = _compile_conditions(shape, sources)
    names = mapping_of(shape.model).key
    keys: Any = select(*(getattr(root, name) for name in names)).select_from(root).where(condition)
    keys = sources.apply_joins(keys)
    if apart:
        # Without DISTINCT the database would merge the derived table into the statement again.
        keys = select(*keys.distinct().subquery().columns)
    columns = [getattr(shape.model, name) for name in names]
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    result: ColumnElement[bool] = key.in_(keys)
    return result


@remembered
def _cached_dml_condition(shape: Shape, apart: bool) -> ColumnElement[bool]:
    return _build_dml_condition(shape, apart)


def _compile_conditions(shape: Shape, sources: JoinTree) -> ColumnElement[bool]:
    prefix = unused_prefix(shape.model, WHERE_VALUE)
    names = (f"{prefix}v{number}" for number in count())
    return compile_node(And(shape.where), sources, names.__next__)


def _reads_other_tables(node: Node) -> bool:
    """Return whether a condition may read other tables, or the model's own table once more."""
    match node:
        case Comparison(steps):
            return bool(steps)
        case And(nodes) | Or(nodes):
            return any(map(_reads_other_tables, nodes))
        case Not(inner):
            return _reads_other_tables(inner)
        case _:
            return True
