"""In charge of the groups that a grouped schema reads: a subquery by the name of their table.

So whatever is asked of them is asked as of any rows: HAVING is a WHERE on them, and their order,
cut and count are those of a model.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CTE, inspect
from sqlalchemy import select as select_rows

from colonnade.filters import And, Sources, compile_node
from colonnade.loading import groups_of
from colonnade.mapping import clause_of
from colonnade.spec.measures import exactly, figure, shown
from colonnade.spec.shape import Shape
from colonnade.spec.values import names

__all__ = ["groups"]


def groups(entity: type[Any], rows: Shape) -> CTE:
    """The groups that ``entity`` was mapped for, of the rows of this shape."""
    grouped = groups_of(entity)
    assert grouped is not None
    sources = Sources(rows.model)
    columns: list[Any] = []
    keys: list[Any] = []
    values: dict[Any, Any] = {}
    for item in grouped.groupings:
        # Once for each attribute: what a hybrid binds is another parameter each time it is built.
        at = (item.steps, item.attribute)
        if at not in values:
            values[at] = clause_of(getattr(sources.joined(item.steps), item.attribute))
        column = values[at]
        if item.shown:
            column = shown(column)
        else:
            column = exactly(column) if item.exact else column
            keys.append(column)
        columns.append(column.label(item.label))
    columns += [figure(measure, sources).label(label) for label, measure in grouped.measures]
    statement: Any = select_rows(*columns).select_from(rows.model)
    if rows.where:
        condition = compile_node(And(rows.where), sources, names("r").__next__)
        statement = statement.where(condition)
    name = inspect(entity).local_table.name
    found: CTE = sources.joining(statement).group_by(*keys).cte(name)
    return found
