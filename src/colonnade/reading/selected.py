"""Read a schema by a SELECT that the user wrote.

A column fills the field of its name or label. If the SELECT has the objects of a model as well,
they fill the other fields as in any schema: only the columns that are needed are selected, and each
collection takes a statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.util import AliasedInsp

from colonnade._compat.sqlalchemy_statements import is_anonymous
from colonnade.errors import InvalidSchema, UsageError
from colonnade.filters import JoinTree, expand_pairs
from colonnade.reading.program import Program, Shapes, build_program, shapes_of
from colonnade.reading.row_assembler import Columns
from colonnade.reading.rows import validate_trees
from colonnade.reading.terms import check_given_values, find_given_values, terms_of
from colonnade.schemas import Plan, Rows, plan_of_select
from colonnade.session import Session
from colonnade.spec import remembered

__all__ = ["select_into"]

S = TypeVar("S", bound=BaseModel)
LabelledColumns = dict[str, Any]


async def select_into(
    session: Session,
    statement: Any,
    schema: type[S],
    depth: int | None,
    collections: Mapping[str, Rows],
    given: Mapping[str, Any],
) -> list[S]:
    """Return the schema's objects for the rows of ``statement``.

    Runs it, and one more statement for each collection in the schema. Raises ``InvalidSchema`` for
    a field that nothing fills and for a column that fills no field.
    """
    entity, labelled = _split_columns(statement)
    mapper: Any = None if entity is None else inspect(entity).mapper
    labels = tuple(labelled)
    plan = plan_of_select(None if mapper is None else mapper.class_, schema, labels, depth)
    terms = terms_of(plan, collections)
    check_given_values(plan, terms, given)
    values = find_given_values(plan, terms, given, session.scope)
    program, columns = _cached_program(entity, plan, labels, shapes_of(terms))
    if entity is not None:
        # The entity's columns are replaced by those that the plan needs; the FROM has to stay,
        # also where none of them mentions a table of it any more.
        statement = statement.with_only_columns(
            *labelled.values(), *columns.expressions, maintain_column_froms=True
        )
        statement = columns.sources.apply_joins(statement)
    rows = await session.rows(statement, expand_pairs(values))
    return validate_trees(plan, await program.run(session, rows, terms, values)) if rows else []


@remembered
def _cached_program(
    entity: Any, plan: Plan, labels: tuple[str, ...], shapes: Shapes
) -> tuple[Program, Columns]:
    columns = Columns(JoinTree(entity), plan, labels)
    return build_program(None, plan, columns, shapes), columns


def _split_columns(statement: Any) -> tuple[Any, LabelledColumns]:
    """Return the entity in a SELECT, if there is one, and the other columns by name.

    Raises ``InvalidSchema`` for two entities, and for columns without a name or with the same one.
    """
    entities: list[Any] = []
    labelled: LabelledColumns = {}
    for name, expression in _selected_columns(statement):
        if isinstance(inspect(expression, raiseerr=False), Mapper | AliasedInsp):
            entities.append(expression)
        elif not name or name in labelled:
            raise InvalidSchema(
                f"two columns of the select are called {name!r}"
                if name
                else "a column of the select has no name",
                hint="name it after the field that it fills: .label('total')",
                fields=(name,) if name else (),
            )
        else:
            labelled[name] = expression
    if len(entities) > 1:
        raise InvalidSchema(
            "the select has the objects of two models",
            hint="select one, and of the other the columns that the schema names",
        )
    return (entities[0] if entities else None), labelled


def _selected_columns(statement: Any) -> list[tuple[str | None, Any]]:
    """Return what a SELECT, a union or a text with columns selects, with the names."""
    if isinstance(statement, Select):
        return [
            (_column_name(item["expr"]), item["expr"]) for item in statement.column_descriptions
        ]
    columns = getattr(statement, "selected_columns", None)
    if columns is None:
        raise UsageError(
            f"{type(statement).__name__} is no select",
            hint="hand in a select(…), a union of them, or text(…).columns(…)",
        )
    return [(column.key, column) for column in columns]


def _column_name(expression: Any) -> str | None:
    """Return the label or name of a column; for a function its own; None for other expressions."""
    key = getattr(expression, "key", None)
    if is_anonymous(key):
        return None
    return key or getattr(expression, "name", None)
