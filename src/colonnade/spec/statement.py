"""In charge of statements: a spec becomes a SELECT with bind parameters, built once for a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, func, literal_column
from sqlalchemy import select as select_rows
from sqlmodel import select

from colonnade.filters import And, Sources, compile_node
from colonnade.loading import loader_options
from colonnade.ordering import closed
from colonnade.spec.groups import groups
from colonnade.spec.keyset import beyond, key_columns, order_of
from colonnade.spec.memory import remembered
from colonnade.spec.shape import Limit, Shape, Spec, unsorted_paths
from colonnade.spec.values import names

__all__ = ["counting", "entities", "existing", "keys_of", "limiting", "matching", "narrowed"]

Builder: TypeAlias = Callable[[Shape], Any]


def entities(spec: Spec) -> Any:
    """SELECT of whole objects, with what ``load`` asks for."""
    return _for(spec, _entities, _entities_cached)


def counting(spec: Spec) -> Any:
    """SELECT count(*): no order, no loads, and only the joins that filter.

    Of a question that is cut, the rows that the limit and the offset leave.
    """
    if spec.is_cut:
        return _for(_bare(spec, cut=True), _counting_cut, _counting_cut_cached)
    return _for(_bare(spec), _counting, _counting_cached)


def existing(spec: Spec) -> Any:
    """SELECT 1 … LIMIT 1, after the rows that an offset leaves out."""
    if spec.is_cut:
        spec = spec.within(1)
        return _for(_bare(spec, cut=True), _existing_cut, _existing_cut_cached)
    return _for(_bare(spec), _existing, _existing_cached)


def matching(spec: Spec) -> Any:
    """SELECT 1 for every row: what a planner is asked about."""
    return _for(_bare(spec), _matching, _matching_cached)


def narrowed(
    statement: Select[Any],
    sources: Sources,
    shape: Shape,
    *,
    ordered: bool = True,
) -> Select[Any]:
    """A SELECT of anything from ``sources``, with the shape's conditions, order and cut."""
    if shape.where:
        condition = compile_node(And(shape.where), sources, names("v").__next__)
        statement = statement.where(condition)
    if shape.of is not None:
        statement = statement.add_cte(groups(shape.model, shape.of))
    order: list[Any] = []
    if ordered:
        terms = closed(shape.model, shape.order)
        order = order_of(terms, shape.keyset, sources, shape.where)
        if shape.keyset is not None:
            later = beyond(terms, shape.keyset, sources)
            statement = statement if later is None else statement.where(later)
    statement = sources.joining(statement).order_by(*order)
    return _cut(statement, shape) if ordered else statement


def _cut(statement: Select[Any], shape: Shape) -> Select[Any]:
    if shape.limit is not None:
        statement = statement.limit(limiting(shape.limit, "limit"))
    if shape.skipping:
        statement = statement.offset(bindparam("offset", required=True))
    return statement


def limiting(limit: Limit, name: str) -> ColumnElement[int]:
    """Return the number of rows as it stands in a statement: itself, or the value of this name."""
    if isinstance(limit, int):
        return literal_column(str(limit), Integer)
    # Two types, and so two texts: the servers keep a plan for each.
    kind = Integer() if limit == "few" else BigInteger()
    return bindparam(name, type_=kind, required=True)


def keys_of(shape: Shape, sources: Sources) -> list[Any]:
    """The columns that a scroll reads beside what it is asked for: where each row stands."""
    if shape.keyset is None:
        return []
    return key_columns(closed(shape.model, shape.order), sources)


def _for(spec: Spec, build: Builder, cached: Callable[[Shape], Any]) -> Any:
    return build(spec.shape) if spec.raw else cached(spec.shape)


def _bare(spec: Spec, *, cut: bool = False) -> Spec:
    """The conditions alone, or with the cut: questions that differ in the rest share a statement.

    How many rows are left does not depend on their order.
    """
    shape = Shape(spec.shape.model, spec.shape.where, of=spec.shape.of)
    if cut:
        shape = shape._replace(limit=spec.shape.limit, skipping=spec.shape.skipping)
    return spec._replace(shape=shape)


def _entities(shape: Shape) -> Any:
    sources = Sources(shape.model)
    statement: Any = select(shape.model)
    if keys := keys_of(shape, sources):
        statement = select_rows(shape.model, *keys)
    statement = statement.options(
        *loader_options(shape.model, unsorted_paths(shape.load, shape.sorted))
    )
    return _locking(narrowed(statement, sources, shape), shape)


def _locking(statement: Select[Any], shape: Shape) -> Select[Any]:
    """With FOR UPDATE of the model's own table: the far side of an outer join cannot be locked."""
    if shape.lock is None:
        return statement
    statement = statement.with_for_update(
        of=shape.model, skip_locked=shape.lock.skip_locked, nowait=shape.lock.nowait
    )
    # What an object that is held already has was read before the lock, and may be old.
    return statement.execution_options(populate_existing=True)


def _counting(shape: Shape) -> Any:
    statement: Select[Any] = select_rows(func.count()).select_from(shape.model)
    return narrowed(statement, Sources(shape.model), shape, ordered=False)


def _matching(shape: Shape) -> Any:
    statement: Select[Any] = select_rows(literal_column("1")).select_from(shape.model)
    return narrowed(statement, Sources(shape.model), shape, ordered=False)


def _existing(shape: Shape) -> Any:
    return _matching(shape).limit(limiting(1, "limit"))


def _counting_cut(shape: Shape) -> Any:
    rows = _cut(_matching(shape), shape).subquery()
    return select_rows(func.count()).select_from(rows)


def _existing_cut(shape: Shape) -> Any:
    return _cut(_matching(shape), shape)


@remembered
def _entities_cached(shape: Shape) -> Any:
    return _entities(shape)


@remembered
def _counting_cached(shape: Shape) -> Any:
    return _counting(shape)


@remembered
def _matching_cached(shape: Shape) -> Any:
    return _matching(shape)


@remembered
def _existing_cached(shape: Shape) -> Any:
    return _existing(shape)


@remembered
def _counting_cut_cached(shape: Shape) -> Any:
    return _counting_cut(shape)


@remembered
def _existing_cut_cached(shape: Shape) -> Any:
    return _existing_cut(shape)
