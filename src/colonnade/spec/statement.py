"""Build the SELECTs of specs: for entities, counts and existence, each once for a shape.

``apply_shape`` adds conditions, joins, order and limits to any SELECT. ``loader_options`` says how
entities' relations are loaded: a single object is joined, which costs no further statement; a
collection gets a statement of its own, since a join would repeat the parent for each child. An
object that may be one of several is left out: ``reading.children.load_sorted`` reads the first for
each parent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    inspect,
    literal_column,
)
from sqlalchemy import select as select_rows
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel import select

from colonnade.caches import memoized
from colonnade.filters import And, JoinTree, compile_node
from colonnade.mapping import Relation, mapping_of
from colonnade.ordering import with_primary_key
from colonnade.spec.aggregate_sql import build_groups
from colonnade.spec.keys import parameter_names
from colonnade.spec.keyset import after_position, build_order_by, key_columns
from colonnade.spec.memory import remembered
from colonnade.spec.parameters import CONDITION_VALUE, LIMIT, OFFSET
from colonnade.spec.shape import Limit, Shape, Spec, unsorted_paths

__all__ = [
    "apply_shape",
    "loader_options",
    "make_limit",
    "scroll_columns",
    "select_count",
    "select_entities",
    "select_existence",
    "select_matching",
]

#: The values of ``lazy`` for relations that SQLAlchemy joins whenever their owner is read.
_JOINED: Final = frozenset({"joined", False})
Builder: TypeAlias = Callable[[Shape], Any]


def select_entities(spec: Spec) -> Any:
    """Return the SELECT of whole objects, with what ``load`` asks for."""
    return _build_statement(spec, _build_entities, _cached_entities)


def select_count(spec: Spec) -> Any:
    """Return SELECT count(*): no order, no loads, and only the joins that filter.

    With a limit or an offset it counts the rows that they leave.
    """
    if spec.is_cut:
        return _build_statement(
            _without_order(spec, cut=True), _build_bounded_count, _cached_bounded_count
        )
    return _build_statement(_without_order(spec), _build_count, _cached_count)


def select_existence(spec: Spec) -> Any:
    """Return SELECT 1 … LIMIT 1, after the rows that an offset leaves out."""
    if spec.is_cut:
        spec = spec.within(1)
        return _build_statement(
            _without_order(spec, cut=True), _build_bounded_existence, _cached_bounded_existence
        )
    return _build_statement(_without_order(spec), _build_existence, _cached_existence)


def select_matching(spec: Spec) -> Any:
    """Return SELECT 1 for every row, of which a planner is asked for its estimate."""
    return _build_statement(_without_order(spec), _build_matching, _cached_matching)


def apply_shape(
    statement: Select[Any],
    sources: JoinTree,
    shape: Shape,
    *,
    ordered: bool = True,
) -> Select[Any]:
    """Return a SELECT from ``sources`` with the shape's conditions, order and limits."""
    if shape.where:
        condition = compile_node(
            And(shape.where), sources, parameter_names(CONDITION_VALUE).__next__
        )
        statement = statement.where(condition)
    if shape.of is not None:
        statement = statement.add_cte(build_groups(shape.model, shape.of))
    order: list[Any] = []
    if ordered:
        terms = with_primary_key(shape.model, shape.order)
        order = build_order_by(terms, shape.keyset, sources, shape.where)
        if shape.keyset is not None:
            later = after_position(terms, shape.keyset, sources)
            statement = statement if later is None else statement.where(later)
    # Last, since conditions and order have told the sources what to join.
    statement = sources.apply_joins(statement).order_by(*order)
    return _apply_bounds(statement, shape) if ordered else statement


def make_limit(limit: Limit, name: str) -> ColumnElement[int]:
    """Return the number of rows as it stands in a statement: itself, or the value of this name."""
    if isinstance(limit, int):
        return literal_column(str(limit), Integer)
    # Two types, and so two texts: the servers keep a plan for each.
    kind = Integer() if limit == "few" else BigInteger()
    return bindparam(name, type_=kind, required=True)


def scroll_columns(shape: Shape, sources: JoinTree) -> list[Any]:
    """Return the columns that a scroll reads in addition: the sort keys of each row."""
    if shape.keyset is None:
        return []
    return key_columns(with_primary_key(shape.model, shape.order), sources)


def loader_options(
    model: type[Any], paths: Iterable[tuple[Relation, ...]]
) -> tuple[ORMOption, ...]:
    """Return SQLAlchemy's options that load the relations of each path, with those on the way."""
    return (*_separate_load_options(model), *(_loader_option(model, path) for path in paths))


@memoized
def _separate_load_options(model: type[Any]) -> tuple[ORMOption, ...]:
    """Return options for single objects that the model joins by itself and that may be several.

    Loaded in a statement of their own, they do not repeat its rows.
    """
    relations = inspect(model).relationships
    return tuple(
        selectinload(getattr(model, name))
        for name, relation in mapping_of(model).relations.items()
        if relation.multiplies and not relation.many and relations[name].lazy in _JOINED
    )


def _loader_option(model: type[Any], path: tuple[Relation, ...]) -> ORMOption:
    """Return the option that loads one path: single objects joined, collections apart."""
    option: Any = None
    owner = model
    for step in path:
        attribute = getattr(owner, step.name)
        if option is None:
            option = selectinload(attribute) if step.many else joinedload(attribute)
        else:
            option = option.selectinload(attribute) if step.many else option.joinedload(attribute)
        owner = step.target
    result: ORMOption = option
    return result


def _apply_bounds(statement: Select[Any], shape: Shape) -> Select[Any]:
    if shape.limit is not None:
        statement = statement.limit(make_limit(shape.limit, LIMIT))
    if shape.skipping:
        statement = statement.offset(bindparam(OFFSET, required=True))
    return statement


def _build_statement(spec: Spec, build: Builder, cached: Callable[[Shape], Any]) -> Any:
    """Return the statement for a spec, from the cache unless the spec is ``raw``."""
    return build(spec.shape) if spec.raw else cached(spec.shape)


def _without_order(spec: Spec, *, cut: bool = False) -> Spec:
    """Return the spec with its conditions only, or with its limits too.

    Queries that differ in the rest then share a statement: the number of rows does not depend on
    it.
    """
    shape = Shape(spec.shape.model, spec.shape.where, of=spec.shape.of)
    if cut:
        shape = shape._replace(limit=spec.shape.limit, skipping=spec.shape.skipping)
    return spec._replace(shape=shape)


def _build_entities(shape: Shape) -> Any:
    sources = JoinTree(shape.model)
    statement: Any = select(shape.model)
    if keys := scroll_columns(shape, sources):
        statement = select_rows(shape.model, *keys)
    statement = statement.options(
        *loader_options(shape.model, unsorted_paths(shape.load, shape.sorted))
    )
    return _apply_lock(apply_shape(statement, sources, shape), shape)


def _apply_lock(statement: Select[Any], shape: Shape) -> Select[Any]:
    """Return the SELECT with FOR UPDATE of the model's own table, if the shape asks for a lock.

    The far side of an outer join cannot be locked.
    """
    if shape.lock is None:
        return statement
    statement = statement.with_for_update(
        of=shape.model, skip_locked=shape.lock.skip_locked, nowait=shape.lock.nowait
    )
    # An object in the session was read before the lock, so that its values may be out of date.
    return statement.execution_options(populate_existing=True)


def _build_count(shape: Shape) -> Any:
    statement: Select[Any] = select_rows(func.count()).select_from(shape.model)
    return apply_shape(statement, JoinTree(shape.model), shape, ordered=False)


def _build_matching(shape: Shape) -> Any:
    statement: Select[Any] = select_rows(literal_column("1")).select_from(shape.model)
    return apply_shape(statement, JoinTree(shape.model), shape, ordered=False)


def _build_existence(shape: Shape) -> Any:
    return _build_matching(shape).limit(make_limit(1, LIMIT))


def _build_bounded_count(shape: Shape) -> Any:
    # A limit beside count(*) would apply to the one row of the result.
    rows = _apply_bounds(_build_matching(shape), shape).subquery()
    return select_rows(func.count()).select_from(rows)


def _build_bounded_existence(shape: Shape) -> Any:
    return _apply_bounds(_build_matching(shape), shape)


@remembered
def _cached_entities(shape: Shape) -> Any:
    return _build_entities(shape)


@remembered
def _cached_count(shape: Shape) -> Any:
    return _build_count(shape)


@remembered
def _cached_matching(shape: Shape) -> Any:
    return _build_matching(shape)


@remembered
def _cached_existence(shape: Shape) -> Any:
    return _build_existence(shape)


@remembered
def _cached_bounded_count(shape: Shape) -> Any:
    return _build_bounded_count(shape)


@remembered
def _cached_bounded_existence(shape: Shape) -> Any:
    return _build_bounded_existence(shape)
