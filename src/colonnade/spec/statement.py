"""In charge of statements: a spec becomes a SELECT with bind parameters, built once for a shape."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column
from sqlalchemy import select as select_rows
from sqlmodel import select

from colonnade.filters import compile_node
from colonnade.loading import loader_options
from colonnade.mapping import memoized
from colonnade.ordering import closed
from colonnade.spec.shape import Shape, Spec
from colonnade.spec.sources import Sources

__all__ = ["counting", "entities", "existing", "narrowed"]

Builder: TypeAlias = Callable[[Shape, tuple[ColumnElement[bool], ...]], Any]


def entities(spec: Spec) -> Any:
    """SELECT of whole objects, with what ``load`` asks for."""
    return _for(spec, _entities, _entities_cached)


def counting(spec: Spec) -> Any:
    """SELECT count(*): no order, no loads, no cut, and only the joins that filter."""
    return _for(spec, _counting, _counting_cached)


def existing(spec: Spec) -> Any:
    """SELECT 1 … LIMIT 1."""
    return _for(spec, _existing, _existing_cached)


def narrowed(
    statement: Select[Any],
    sources: Sources,
    shape: Shape,
    expressions: tuple[ColumnElement[bool], ...],
    *,
    ordered: bool = True,
) -> Select[Any]:
    """A SELECT of anything from ``sources``, with the shape's conditions, order and cut."""
    names = (f"v{number}" for number in count())
    conditions = [compile_node(node, sources, names.__next__) for node in shape.where]
    order = []
    if ordered:
        for term in closed(shape.model, shape.order):
            column = getattr(sources.joined(term.steps), term.column.name)
            order.append(column.desc() if term.descending else column.asc())
    statement = sources.joining(statement).where(*conditions, *expressions).order_by(*order)
    if shape.limited and ordered:
        statement = statement.limit(bindparam("limit", required=True))
    if shape.skipping and ordered:
        statement = statement.offset(bindparam("offset", required=True))
    return statement


def _for(spec: Spec, build: Builder, cached: Callable[[Shape], Any]) -> Any:
    if spec.expressions:
        return build(spec.shape, spec.expressions)
    return cached(spec.shape)


def _entities(shape: Shape, expressions: tuple[ColumnElement[bool], ...]) -> Any:
    statement = select(shape.model).options(*loader_options(shape.model, shape.load))
    return narrowed(statement, Sources(shape.model), shape, expressions)


def _counting(shape: Shape, expressions: tuple[ColumnElement[bool], ...]) -> Any:
    statement: Select[Any] = select_rows(func.count()).select_from(shape.model)
    return narrowed(statement, Sources(shape.model), shape, expressions, ordered=False)


def _existing(shape: Shape, expressions: tuple[ColumnElement[bool], ...]) -> Any:
    statement: Select[Any] = select_rows(literal_column("1")).select_from(shape.model).limit(1)
    return narrowed(statement, Sources(shape.model), shape, expressions, ordered=False)


@memoized
def _entities_cached(shape: Shape) -> Any:
    return _entities(shape, ())


@memoized
def _counting_cached(shape: Shape) -> Any:
    return _counting(shape, ())


@memoized
def _existing_cached(shape: Shape) -> Any:
    return _existing(shape, ())
