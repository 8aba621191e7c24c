"""Build the SQL of aggregates: an expression over a group's rows, or over the children of a row.

An aggregate of children is a subquery for each row, never a join: a join would repeat the parent,
and several joins would multiply each other.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    case,
    func,
    inspect,
    literal_column,
)
from sqlalchemy import select as select_rows
from sqlalchemy.orm import aliased
from sqlalchemy.sql.visitors import iterate

from colonnade._compat.sqlalchemy_statements import make_unique
from colonnade.aggregates import ResolvedAggregate, groups_of
from colonnade.aggregates.resolve import WholeNumber, is_text
from colonnade.caches import memoized
from colonnade.filters import (
    And,
    GivenOperand,
    JoinTree,
    ParsedConditions,
    compile_node,
    parse_conditions,
)
from colonnade.mapping import Relation, attribute_on, clause_of, mapping_of
from colonnade.mapping.links import build_first_condition
from colonnade.spec.keys import bind_values, parameter_names
from colonnade.spec.parameters import AGGREGATE_VALUE, ROW_CONDITION_VALUE
from colonnade.spec.shape import Shape
from colonnade.sql.groups import AnyOfEquals, ExactText, FloatMean

__all__ = [
    "build_children_aggregate",
    "build_exact_text",
    "build_group_aggregate",
    "build_groups",
    "build_row_aggregate",
    "build_shown_text",
    "parse_aggregate_conditions",
]

_ZERO: Final[ColumnElement[int]] = literal_column("0")
_ONE: Final[ColumnElement[int]] = literal_column("1")


def build_group_aggregate(measure: ResolvedAggregate, sources: JoinTree) -> ColumnElement[Any]:
    """Return the aggregate of a group of the rows in ``sources``."""
    if not measure.many:
        return build_row_aggregate(measure, sources)
    # A group's figure is put together from those of its rows: counts and sums add up.
    each = build_children_aggregate(measure, sources)
    function = measure.aggregate.function
    if function == "exists":
        most = func.max(case((each, _ONE), else_=_ZERO))
        result = func.coalesce(most, _ZERO) == _ONE
    elif function in ("min", "max"):
        result = getattr(func, function)(each, type_=measure.result)
    else:
        kind = WholeNumber() if function == "count" else measure.result
        result = func.sum(each, type_=kind)
        if measure.zero or function == "count":
            result = func.coalesce(result, _ZERO, type_=kind)
    found: ColumnElement[Any] = result
    return found


def build_row_aggregate(measure: ResolvedAggregate, sources: JoinTree) -> ColumnElement[Any]:
    """Return the aggregate of a group's rows, of their own columns and single objects."""
    value = _aggregated_value(measure, sources, measure.steps)
    given = parse_aggregate_conditions(measure)
    if given.nodes:
        # The same as FILTER (WHERE …), which not every database has.
        value = case((_bind_conditions(given, sources), _ONE if value is None else value))
    return _apply_function(measure, value)


def build_children_aggregate(
    measure: ResolvedAggregate, sources: JoinTree, at: tuple[Relation, ...] = ()
) -> ColumnElement[Any]:
    """Return the aggregate of the children of the object at the end of ``at``: a subquery."""
    first = next(index for index, step in enumerate(measure.steps) if step.many)
    last = max(index for index, step in enumerate(measure.steps) if step.many)
    owner = sources.join_path((*at, *measure.steps[:first]))
    child: Any = aliased(measure.steps[first].target)
    link = getattr(owner, measure.steps[first].name).of_type(child)
    statement: Any = select_rows().select_from(child).where(link)
    for step in measure.steps[first + 1 : last + 1]:
        further: Any = aliased(step.target)
        if step.multiplies and not step.many:
            statement = statement.join_from(
                child, further, build_first_condition(child, step, further)
            )
        else:
            statement = statement.join(getattr(child, step.name).of_type(further))
        child = further
    children = JoinTree(child)
    value = _aggregated_value(measure, children, measure.steps[last + 1 :])
    exists = measure.aggregate.function == "exists"
    if not exists:
        statement = statement.add_columns(_apply_function(measure, value))
    else:
        statement = statement.add_columns(_ONE)
        if value is not None:  # an object behind the child, which may be missing
            statement = statement.where(value.is_not(None))
    given = parse_aggregate_conditions(measure)
    if given.nodes:
        statement = statement.where(_bind_conditions(given, children))
    statement = children.apply_joins(statement).correlate(owner)
    found: ColumnElement[Any] = statement.exists() if exists else statement.scalar_subquery()
    return found


def build_groups(entity: type[Any], rows: Shape) -> CTE:
    """Return the CTE of the groups that ``entity`` was mapped for, of the rows of this shape."""
    grouped = groups_of(entity)
    assert grouped is not None
    sources = JoinTree(rows.model)
    columns: list[Any] = []
    keys: list[Any] = []
    values: dict[Any, Any] = {}
    for item in grouped.groupings:
        # Build each attribute once: a hybrid makes new bind parameters each time, and a database
        # would not see that SELECT and GROUP BY have the same expression.
        at = (item.steps, item.attribute)
        if at not in values:
            values[at] = clause_of(getattr(sources.join_path(item.steps), item.attribute))
        column = values[at]
        if item.shown:
            column = build_shown_text(column)
        else:
            column = build_exact_text(column) if item.exact else column
            keys.append(column)
        columns.append(column.label(item.label))
    columns += [
        build_group_aggregate(measure, sources).label(label) for label, measure in grouped.measures
    ]
    statement: Any = select_rows(*columns).select_from(rows.model)
    if rows.where:
        condition = compile_node(
            And(rows.where), sources, parameter_names(ROW_CONDITION_VALUE).__next__
        )
        statement = statement.where(condition)
    name = inspect(entity).local_table.name
    found: CTE = sources.apply_joins(statement).group_by(*keys).cte(name)
    return found


@memoized
def parse_aggregate_conditions(measure: ResolvedAggregate) -> ParsedConditions:
    """Return the parsed conditions of an aggregate.

    Raises what ``parse_conditions`` raises for conditions that do not fit the model.
    """
    given = measure.aggregate
    return parse_conditions(measure.counted, given.conditions, given.lookups, awaiting=True)


def build_exact_text(column: Any) -> ColumnElement[Any]:
    """Return what tells the values of a column apart: the column itself, or the bytes of a text."""
    return ExactText(column) if is_text(column.type) else column


def build_shown_text(column: Any) -> ColumnElement[Any]:
    """Return a group's text as it is to be read; the rows are grouped by ``exactly`` of it."""
    element = AnyOfEquals(column)
    element.type = column.type
    return element


def _aggregated_value(
    measure: ResolvedAggregate, sources: JoinTree, steps: tuple[Relation, ...]
) -> Any:
    """Return what is aggregated; None for whole objects."""
    entity = sources.join_path(steps)
    if measure.column is not None:
        return attribute_on(entity, measure.column)
    if not steps and not measure.aggregate.distinct:
        return None
    return getattr(entity, mapping_of(inspect(entity).mapper.class_).key[0])


def _apply_function(measure: ResolvedAggregate, value: Any) -> ColumnElement[Any]:
    """Return the SQL function of the aggregate on this value."""
    function, kind = measure.aggregate.function, measure.result
    result: Any
    if function == "count":
        if measure.aggregate.distinct:
            value = build_exact_text(value).distinct()
        result = func.count() if value is None else func.count(value)
    elif function == "avg":
        result = FloatMean(value)
    else:
        result = getattr(func, function)(value, type_=kind)
    return func.coalesce(result, _ZERO, type_=kind) if measure.zero else result


def _bind_conditions(given: ParsedConditions, sources: JoinTree) -> ColumnElement[bool]:
    """Return the conditions with their values in them, which are fixed by the schema.

    Values that are given with the query stay open: one statement serves every caller.
    """
    slots = (
        value.key if isinstance(value, GivenOperand) else f"{AGGREGATE_VALUE}{number}"
        for number, value in enumerate(given.values)
    )
    found = compile_node(And(given.nodes), sources, slots.__next__)
    values = bind_values(AGGREGATE_VALUE, given.values)
    for element in iterate(found):
        if isinstance(element, BindParameter) and element.key in values:
            element.value = values[element.key]
            element.required = False
            make_unique(element)
    return found
