"""Compile and run what reading a plan takes: its statements, and the functions for their rows.

One statement reads the rows with their single objects joined, and one more each collection,
whatever the number of rows. A collection that is met in several places at one depth is read once,
for the parents of all these places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqlalchemy import select as select_rows

from colonnade.engine import CollectionPaused, PreparedSelect
from colonnade.filters import JoinTree, expand_pairs
from colonnade.reading.children import children_of
from colonnade.reading.row_assembler import (
    CollectionField,
    Columns,
    RowFunction,
    compile_groups,
    compile_list,
)
from colonnade.reading.terms import Path, Terms, bind_terms
from colonnade.schemas import Plan
from colonnade.session import Session
from colonnade.spec import Shape, Spec, apply_shape, chunk_keys, remembered, scroll_columns

__all__ = ["Collection", "Program", "Shapes", "build_program", "program_of", "shapes_of"]

#: The shapes of the collections that are read on terms of their own.
Shapes: TypeAlias = tuple[tuple[Path, Shape], ...]
Rows: TypeAlias = Sequence[Sequence[Any]]
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def program_of(spec: Spec, plan: Plan, terms: Terms) -> Program:
    """Return what reads ``plan`` for the rows of ``spec``; compiled once for each shape."""
    shapes = shapes_of(terms)
    if spec.raw or any(item.raw for item in terms.values()):
        return _build_rows_program(spec.shape, plan, shapes)
    return _cached_rows_program(spec.shape, plan, shapes)


def shapes_of(terms: Terms) -> Shapes:
    """Return the parts of the terms that make statements: their shapes, without values."""
    return tuple((path, item.shape) for path, item in terms.items())


def build_program(statement: Any, plan: Plan, columns: Columns, shapes: Shapes) -> Program:
    """Return the program for the rows of ``statement``, which selects ``columns``."""
    maker, collections = _compile_plan(plan, columns.labels, len(columns), shapes)
    return Program(statement, maker, collections)


@dataclass(frozen=True, slots=True)
class Program:
    """The statement for a plan's rows, and how the rows become objects with their ``collections``.

    The statement is number 0, the collections' from 1 on, each after those of its parents.
    """

    statement: Any
    maker: RowFunction
    collections: tuple[Collection, ...]
    #: The index in a row at which a scroll's sort keys begin; 0 if it is no scroll.
    width: int = 0

    async def run(
        self, session: Session, rows: Rows, terms: Terms, given: Mapping[str, Any] = _NOTHING
    ) -> list[Any]:
        """Return nested dictionaries, or stand-ins for entities, made of ``rows``.

        Runs a statement for each collection, unless there are no parents or its terms leave no
        children. ``given`` are the values that the schema awaits.
        """
        read = [rows]
        terms, figures = bind_terms(terms, given), expand_pairs(given)
        for collection in self.collections:
            spec = terms.get(collection.path)
            found: list[Sequence[Any]] = []
            if spec is None or not spec.finds_nothing:
                bound = figures if spec is None else figures | spec.parameters
                for keys in chunk_keys(collection.keys(read)):
                    found += await session.rows(collection.statement, bound | keys)
            read.append(found)
        return self.made(read)

    def made(self, read: Sequence[Rows]) -> list[Any]:
        """Return what the rows of all statements make, from the deepest collections up."""
        finders: dict[int, Any] = {}
        with CollectionPaused():
            # Children before their parents: a parent's object looks its children up by key.
            for number in range(len(self.collections), 0, -1):
                maker = self.collections[number - 1].maker
                groups = maker.function(read[number], *(finders[item] for item in maker.finders))
                finders[number] = groups.get
            made: list[Any] = self.maker.function(
                read[0], *(finders[item] for item in self.maker.finders)
            )
        return made


@dataclass(frozen=True, slots=True)
class Collection:
    """One statement for the children of all parents in ``parents``.

    ``parents`` has the numbers of the statements whose rows hold parents, each with the function
    that gets a parent's key from a row.
    """

    path: Path
    parents: tuple[tuple[int, itemgetter[Any]], ...]
    composite: bool
    statement: PreparedSelect
    maker: RowFunction

    def keys(self, rows: Sequence[Rows]) -> list[tuple[Any, ...]]:
        """Return the keys of all parents in the rows, each once, in order."""
        found: dict[Any, None] = {}
        for number, key in self.parents:
            found |= dict.fromkeys(map(key, rows[number]))
        # A row whose single object is missing has NULL for that object's key.
        if self.composite:
            return [key for key in found if key[0] is not None]
        return [(key,) for key in found if key is not None]


@remembered
def _cached_rows_program(shape: Shape, plan: Plan, shapes: Shapes) -> Program:
    program = _build_rows_program(shape, plan, shapes)
    return replace(program, statement=PreparedSelect(program.statement))


def _build_rows_program(shape: Shape, plan: Plan, shapes: Shapes) -> Program:
    columns = Columns(JoinTree(shape.model), plan)
    keys = scroll_columns(shape, columns.sources)
    width = len(columns) if keys else 0
    for key in keys:
        columns.add_expression(key)
    statement: Any = select_rows(*columns.expressions).select_from(shape.model)
    statement = apply_shape(statement, columns.sources, shape)
    return replace(build_program(statement, plan, columns, shapes), width=width)


@remembered
def _compile_plan(
    plan: Plan, labels: tuple[str, ...], width: int, shapes: Shapes
) -> tuple[RowFunction, tuple[Collection, ...]]:
    """Compile the functions for rows of ``width`` columns, and the statements of collections.

    They do not depend on the conditions or the order of the root's statement.
    """
    assembly = _CollectionCompiler(dict(shapes))
    columns = Columns(JoinTree(plan.model), plan, labels)
    maker = compile_list(plan, columns, width, lambda place: assembly.number(place, 0, ()))
    assembly.finish()
    return maker, tuple(assembly.collections)


@dataclass(slots=True)
class _PendingCollection:
    """A collection that is still to be compiled, once all its parents are known.

    ``alone`` ones have terms of their own, or collections below them have, and share no statement.
    """

    number: int
    place: CollectionField
    path: Path
    alone: bool
    parents: list[tuple[int, itemgetter[Any]]]


class _CollectionCompiler:
    """The collections found so far; those of one depth are compiled after those above them."""

    def __init__(self, shapes: Mapping[Path, Shape]) -> None:
        self.collections: list[Collection] = []
        self._shapes = shapes
        self._waiting: list[_PendingCollection] = []
        self._count = 0

    def number(self, place: CollectionField, parents: int, above: Path) -> int:
        """Return the number of the collection at ``place`` in rows of the statement ``parents``.

        A collection that another place reads already at this depth shares that one's statement.
        """
        path = (*above, *place.path)
        parent = (parents, itemgetter(*place.key))
        alone = any(own[: len(path)] == path for own in self._shapes)
        for waiting in self._waiting:
            if not (alone or waiting.alone) and waiting.place.shares_statement_with(place):
                waiting.parents.append(parent)
                return waiting.number
        self._count += 1
        self._waiting.append(_PendingCollection(self._count, place, path, alone, [parent]))
        return self._count

    def finish(self) -> None:
        """Compile the collections that wait, one depth after the other."""
        while self._waiting:
            depth, self._waiting = self._waiting, []
            self.collections += [self._compile_collection(item) for item in depth]

    def _compile_collection(self, item: _PendingCollection) -> Collection:
        owner, nested = item.place.owner, item.place.nested
        children = children_of(owner, nested, self._shapes.get(item.path))
        maker = compile_groups(
            nested.plan,
            children.columns,
            children.parent,
            lambda place: self.number(place, item.number, item.path),
        )
        composite = len(item.place.key) > 1
        return Collection(item.path, tuple(item.parents), composite, children.statement, maker)
