"""In charge of filling schemas from rows: only the columns that the schema names are read.

One statement reads the rows with their single objects joined, one more each collection, whatever
the number of rows. What came back is stitched by key and validated once, in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import ColumnElement, inspect
from sqlalchemy import select as select_rows
from sqlalchemy.orm import aliased

from colonnade.database import Session
from colonnade.loading import Nested, Plan, plan_of
from colonnade.mapping import Relation, mapping_of, memoized
from colonnade.spec import Shape, Sources, Spec, among, chunked, narrowed

__all__ = ["adapter_of", "fill", "tree"]

Tree: TypeAlias = dict[str, Any]
_Parents: TypeAlias = dict[tuple[Any, ...], list[Tree]]


@dataclass(slots=True)
class _Reader:
    """Where in a row the fields of one object stand, and what is nested in it."""

    model: type[Any]
    fields: tuple[tuple[str, int], ...]
    key: tuple[int, ...]
    ones: tuple[tuple[str, _Reader], ...]
    collections: tuple[Nested, ...]

    def read(self, row: Sequence[Any], found: list[_Found]) -> Tree:
        """The object's fields by name; objects with collections are added to ``found``."""
        tree = {name: row[index] for name, index in self.fields}
        for name, inner in self.ones:
            tree[name] = None if row[inner.key[0]] is None else inner.read(row, found)
        if self.collections:
            found.append((self, tree, tuple(row[index] for index in self.key)))
        return tree


#: An object that has collections: its reader, its fields so far, its key.
_Found: TypeAlias = tuple[_Reader, Tree, tuple[Any, ...]]


class _Columns:
    """The columns of one statement, each selected once, and the readers of its rows."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.selected: dict[tuple[tuple[Relation, ...], str], int] = {}
        self.expressions: list[Any] = []

    def index(self, steps: tuple[Relation, ...], name: str) -> int:
        place = self.selected.get((steps, name))
        if place is None:
            place = self.selected[steps, name] = len(self.expressions)
            column = getattr(self.sources.joined(steps), name)
            self.expressions.append(column.label(f"c{place}"))
        return place

    def reader(self, plan: Plan, steps: tuple[Relation, ...] = ()) -> _Reader:
        fields = tuple((field, self.index(steps, column.name)) for field, column in plan.columns)
        needs_key = steps or plan.many
        key = mapping_of(plan.model).key if needs_key else ()
        return _Reader(
            model=plan.model,
            fields=fields,
            key=tuple(self.index(steps, name) for name in key),
            ones=tuple(
                (nested.field, self.reader(nested.plan, (*steps, nested.relation)))
                for nested in plan.ones
            ),
            collections=plan.many,
        )


@dataclass(frozen=True, slots=True)
class _Query:
    """A statement and how its rows are read; ``parent`` is where the parent's key stands."""

    statement: Any
    reader: _Reader
    parent: tuple[int, ...] = ()


async def fill(session: Session, spec: Spec, schema: type[BaseModel]) -> list[Any]:
    """The schema's objects for the rows that ``spec`` asks for.

    Runs one statement, and one more for each collection in the schema.
    """
    trees = await tree(session, spec, schema)
    return adapter_of(schema).validate_python(trees, by_name=True, by_alias=False)


async def tree(session: Session, spec: Spec, schema: type[BaseModel]) -> list[Tree]:
    """The same, as nested dictionaries by field name that are not validated yet."""
    query = _root(spec, schema)
    result = await session.exec(query.statement, params=spec.parameters)
    found: list[_Found] = []
    trees = [query.reader.read(row, found) for row in result.all()]
    await _attach(session, found)
    return trees


@memoized
def adapter_of(schema: type[BaseModel]) -> TypeAdapter[list[Any]]:
    """What validates a whole list at once and writes it as JSON."""
    return TypeAdapter(list[schema])  # type: ignore[valid-type] # a type known at run time only


async def _attach(session: Session, found: list[_Found]) -> None:
    """Read the collections of the objects found, and the collections in those."""
    groups: dict[tuple[type[Any], Nested], _Parents] = {}
    # Found once for each reader: a hash of what is nested costs more than a row does.
    places: dict[int, list[tuple[str, _Parents]]] = {}
    for reader, parent, key in found:
        if id(reader) not in places:
            places[id(reader)] = [
                (nested.field, groups.setdefault((reader.model, nested), {}))
                for nested in reader.collections
            ]
        for field, parents in places[id(reader)]:
            parent[field] = []
            parents.setdefault(key, []).append(parent)
    deeper: list[_Found] = []
    for (owner, nested), parents in groups.items():
        query = _collection(owner, nested)
        for bound in chunked(list(parents)):
            result = await session.exec(query.statement, params=bound)
            for row in result.all():
                child = query.reader.read(row, deeper)
                for parent in parents[tuple(row[index] for index in query.parent)]:
                    parent[nested.field].append(child)
    if deeper:
        await _attach(session, deeper)


def _root(spec: Spec, schema: type[BaseModel]) -> _Query:
    if spec.expressions:
        return _rows(spec.shape, spec.expressions, schema)
    return _rows_cached(spec.shape, schema)


def _rows(
    shape: Shape, expressions: tuple[ColumnElement[bool], ...], schema: type[BaseModel]
) -> _Query:
    columns = _Columns(Sources(shape.model))
    reader = columns.reader(plan_of(shape.model, schema))
    statement: Any = select_rows(*columns.expressions).select_from(shape.model)
    return _Query(narrowed(statement, columns.sources, shape, expressions), reader)


@memoized
def _rows_cached(shape: Shape, schema: type[BaseModel]) -> _Query:
    return _rows(shape, (), schema)


@memoized
def _collection(owner: type[Any], nested: Nested) -> _Query:
    """The children of many parents, each with its parent's key, in the relation's own order."""
    # The relation's order names the columns of the target itself: only the parent is an alias.
    parent, child = aliased(owner), nested.relation.target
    columns = _Columns(Sources(child))
    reader = columns.reader(nested.plan)
    names = mapping_of(owner).key
    keys = [getattr(parent, name) for name in names]
    first = len(columns.expressions)
    statement: Any = (
        select_rows(*columns.expressions, *keys)
        .select_from(parent)
        .join(getattr(parent, nested.relation.name))
        .where(among(parent, names))
    )
    order = inspect(owner).relationships[nested.relation.name].order_by or ()
    key_order = (getattr(child, name) for name in mapping_of(child).key)
    statement = columns.sources.joining(statement).order_by(*order, *key_order)
    return _Query(statement, reader, tuple(range(first, first + len(keys))))
