"""Decide how many rows a relation can lead to, by what the tables guarantee.

``uselist=False`` guarantees nothing: where neither a primary key nor a unique set covers the
columns that the join compares, two rows may match, and a join repeats the owner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, RelationshipProperty
from sqlalchemy.sql import operators

__all__ = ["indexed_parts", "is_partial", "may_repeat_owner"]


def may_repeat_owner(prop: RelationshipProperty[Any]) -> bool:
    """Return whether the join of a relation may find more than one row for an owner."""
    if prop.uselist:
        return True
    pairs = set(prop.local_remote_pairs or ())
    joined = set(_compared_pairs(prop.primaryjoin, pairs))
    held: set[Any] = {remote for _, remote in joined} | set(_fixed_columns_of_join(prop))
    if prop.secondary is None:
        return not _leaves_one_row(held, _unique_sets(prop.mapper))
    # Over a link table two steps have to be unique: from the owner to the link, and from the link
    # to the target. A mapped join or SELECT in place of the table guarantees nothing.
    links = _unique_sets_of(prop.secondary) if isinstance(prop.secondary, sa.Table) else ()
    targets = {local for local, _ in _compared_pairs(prop.secondaryjoin, pairs)}
    return not (
        _leaves_one_row(held, links) and _leaves_one_row(targets, _unique_sets(prop.mapper))
    )


def is_partial(item: sa.UniqueConstraint | sa.Index) -> bool:
    """Return whether a unique set holds for some rows only."""
    return any(
        name.endswith("_where") for name, value in item.dialect_kwargs.items() if value is not None
    )


def indexed_parts(item: sa.UniqueConstraint | sa.Index) -> list[Any]:
    """Return the columns of a unique set, and the expressions of an index."""
    return list(item.expressions if isinstance(item, sa.Index) else item.columns)


def _leaves_one_row(held: set[Any], unique: Iterable[Collection[Any]]) -> bool:
    """Return whether these columns, each held to one value, leave one row at most."""
    return any(held.issuperset(columns) for columns in unique)


def _compared_pairs(condition: Any, pairs: set[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs, local and remote, that have to be equal for the condition to hold."""
    for part in _conjuncts(condition):
        if getattr(part, "operator", None) is operators.eq:
            for pair in ((part.left, part.right), (part.right, part.left)):
                if pair in pairs:
                    yield pair


def _fixed_columns_of_join(prop: RelationshipProperty[Any]) -> Iterator[Any]:
    """Yield the remote columns that have to equal a constant for the relation's join to hold."""
    if not set(prop.parent.tables).isdisjoint(prop.mapper.tables):
        return  # a column of the one table may be the owner's
    for part in _conjuncts(prop.primaryjoin):
        if getattr(part, "operator", None) is operators.eq:
            for column, value in ((part.left, part.right), (part.right, part.left)):
                if isinstance(value, sa.BindParameter) and column in prop.remote_side:
                    yield column


def _conjuncts(condition: Any) -> Iterator[Any]:
    """Yield the conditions that all have to hold."""
    if isinstance(condition, sa.BooleanClauseList) and condition.operator is operators.and_:
        for part in condition.clauses:
            yield from _conjuncts(part)
    else:
        yield condition


def _unique_sets(mapper: Mapper[Any]) -> Iterator[Collection[Any]]:
    """Yield the sets of columns of which no two of the model's rows have the same values."""
    yield mapper.primary_key
    selectable = mapper.persist_selectable
    # A row of a join or of a SELECT may have the row of a table several times. But the tables of
    # a class hierarchy are joined by their keys.
    if isinstance(selectable, sa.Table) or mapper.inherits is not None:
        for table in mapper.tables:
            if isinstance(table, sa.Table):
                yield from _unique_sets_of(table)


def _unique_sets_of(table: sa.Table) -> Iterator[Collection[Any]]:
    if table.primary_key.columns:
        yield table.primary_key.columns.values()
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint):
            yield constraint.columns.values()
    for index in table.indexes:
        plain = all(isinstance(part, sa.Column) for part in index.expressions)
        if index.unique and plain and not is_partial(index):
            yield index.columns.values()
