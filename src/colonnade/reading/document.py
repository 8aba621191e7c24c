"""In charge of documents: PostgreSQL writes the whole answer as JSON, in one statement.

The innermost SELECT is the one that reads rows, with its conditions, order and cut. Around it
stands one that names each field and writes it; its row is the object. Single objects are rows of
their own in it, collections are arrays of rows, read for each parent by its key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import and_, case, func, literal_column
from sqlalchemy import select as select_rows

from colonnade.database import Prepared, Session
from colonnade.filters import And, Sources, compile_node
from colonnade.loading import Plan, Written, inexact, plan_of, written_of
from colonnade.reading.collection import Link
from colonnade.reading.columns import Columns, Steps
from colonnade.reading.emptiness import is_known_empty
from colonnade.reading.given import give_terms
from colonnade.reading.json_forms import DOUBT, constant, doubtful, marks, sent, value
from colonnade.reading.program import Shapes, shapes_of
from colonnade.reading.terms import Path, Terms
from colonnade.spec import (
    Shape,
    Spec,
    bound,
    counting,
    keys_of,
    limiting,
    names,
    narrowed,
    remembered,
)

__all__ = [
    "Document",
    "counted",
    "document_of",
    "document_reason",
    "items",
    "listed",
    "parameters",
    "reason",
]

#: An answer in one row, the same beside its count, or a row for each object.
Mode: TypeAlias = Literal["array", "counted", "objects"]

_SERVER: Final = "postgresql"


def document_reason(model: type[Any], schema: type[Any], dialect: str) -> str | None:
    """Why ``.json`` of this schema reads rows on a database; None where the server writes it."""
    return reason(plan_of(model, schema), dialect)


def reason(plan: Plan, dialect: str) -> str | None:
    """The same for a plan."""
    return f"{dialect} does not write it" if dialect != _SERVER else inexact(plan)


async def listed(session: Session, spec: Spec, plan: Plan, terms: Terms) -> bytes | None:
    """An array of the objects, or None where it has to be made of rows. One statement at most."""
    found = await _read(session, spec, plan, terms, "array")
    return None if found is None else found[0][0]


async def counted(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[bytes, int] | None:
    """The same, and how many there are without the cut. One statement at most."""
    found = await _read(session, spec, plan, terms, "counted")
    return None if found is None else (found[0][0], found[0][1])


async def items(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[list[bytes], list[tuple[Any, ...]]] | None:
    """Each object by itself and, for a scroll, its keys. One statement at most."""
    found = await _read(session, spec, plan, terms, "objects")
    if found is None:
        return None
    return [row[0] for row in found], [tuple(row[1:]) for row in found]


@dataclass(frozen=True, slots=True)
class Document:
    """A statement whose rows hold JSON, and what to look for in it before it is believed."""

    statement: Any
    marks: tuple[bytes, ...]
    free: bool


async def _read(
    session: Session, spec: Spec, plan: Plan, terms: Terms, mode: Mode
) -> Sequence[Any] | None:
    if session.family != _SERVER or written_of(plan) is None:
        return None
    document = document_of(spec, plan, terms, mode)
    # Without a limit of 0 there would be rows to count.
    known = spec.uncut() if mode == "counted" else spec
    if is_known_empty(session, known, lambda: document.statement):
        return [] if mode == "objects" else [(b"[]", 0)]
    found = await session.rows(document.statement, parameters(spec, terms))
    if found and isinstance(found[0][0], str):
        found = [(row[0].encode(), *row[1:]) for row in found]
    for row in found:
        if doubtful(row[0], document.marks, free=document.free):
            return None
    return found


def document_of(spec: Spec, plan: Plan, terms: Terms, mode: Mode) -> Document:
    """What writes the plan's objects for the rows that ``spec`` asks for, once for each shape."""
    shapes = shapes_of(terms)
    if spec.raw or any(item.raw for item in terms.values()):
        return _document(spec.shape, plan, shapes, mode)
    return _remembered(spec.shape, plan, shapes, mode)


def parameters(spec: Spec, terms: Terms) -> Mapping[str, Any]:
    """What its statement binds."""
    found = spec.parameters
    for number, item in enumerate(give_terms(terms, spec.given).values()):
        found |= bound(_slot(number, "v"), item.values)
        if item.binds_limit:
            found[_slot(number, "limit")] = item.limit
    return found


@remembered
def _remembered(shape: Shape, plan: Plan, shapes: Shapes, mode: Mode) -> Document:
    found = _document(shape, plan, shapes, mode)
    return replace(found, statement=Prepared(found.statement))


def _document(shape: Shape, plan: Plan, shapes: Shapes, mode: Mode) -> Document:
    written = written_of(plan)
    assert written is not None
    columns = Columns(Sources(shape.model), plan)
    keys = [columns.add(key) for key in keys_of(shape, columns.sources)]
    statement: Any = select_rows(*columns.expressions).select_from(shape.model)
    rows = narrowed(statement, columns.sources, shape).subquery()
    writer = _Writer(rows, columns, dict(shapes))
    if mode == "objects":
        placed = (rows.c[key] for key in keys)
        statement = select_rows(writer.one(written), *placed).select_from(rows)
    else:
        statement = select_rows(sent(func.array_to_json(writer.array(written))))
    if mode == "counted":
        statement = statement.add_columns(counting(Spec(shape).uncut()).scalar_subquery())
    return Document(statement, marks(written), not {"json", "jsonb"}.isdisjoint(written.forms))


def _slot(number: int, name: str) -> str:
    """How the values of the collection with this number are called."""
    return f"t{number}{name}"


class _Writer:
    """Writes what ``rows`` hold; knows on which terms collections are read."""

    def __init__(self, rows: Any, columns: Columns, shapes: Mapping[Path, Shape]) -> None:
        self._rows = rows
        self._columns = columns
        self._shapes = shapes

    def array(self, written: Written, path: Path = ()) -> Any:
        """An array of objects, from all rows."""
        fields = self._fields(written, (), path)
        item: Any = select_rows(*fields).select_from(self._rows).subquery().table_valued()
        return func.array(select_rows(item).scalar_subquery())

    def one(self, written: Written) -> Any:
        """The object of one row, as text."""
        item = self._item(written, (), ())
        return select_rows(sent(func.row_to_json(item))).scalar_subquery()

    def _item(self, written: Written, steps: Steps, path: Path) -> Any:
        """An object as a row of its own, made of one row."""
        fields = self._fields(written, steps, path)
        return select_rows(*fields).correlate(self._rows).subquery().table_valued()

    def _fields(self, written: Written, steps: Steps, path: Path) -> list[Any]:
        found: dict[str, Any] = {}
        for alias, leaf, form in written.columns:
            column = self._rows.c[self._columns.place(steps, leaf.name)]
            found[alias] = value(form, column)
        for alias, measure, form in written.figures:
            figure = self._rows.c[self._columns.figure(steps, measure)]
            found[alias] = value(form, figure)
        for alias, given in written.given:
            found[alias] = constant(given)
        for alias, nested, inner in written.nested:
            below = (*path, nested.field)
            if nested.relation.many:
                link = Link(written.plan.model, nested)
                key = self._columns.key(written.plan, steps)
                found[alias] = self._collection(link, key, inner, below)
            else:
                found[alias] = self._single(inner, (*steps, nested.relation), below)
        return [found[alias].label(alias) for alias in written.order]

    def _single(self, written: Written, steps: Steps, path: Path) -> Any:
        """A row in the row; the key tells whether there is an object."""
        there = self._rows.c[self._columns.key(written.plan, steps)[0]].is_not(None)
        item = self._item(written, steps, path)
        if not written.required:
            return case((there, select_rows(item).scalar_subquery()))
        found = select_rows(func.row_to_json(item)).scalar_subquery()
        return case((there, found), else_=literal_column(f"{DOUBT}::json"))

    def _collection(self, link: Link, key: Sequence[int], written: Written, path: Path) -> Any:
        """The children of one parent: the array of their rows."""
        sources = Sources(link.child)
        columns = Columns(sources, written.plan)
        shape = self._shapes.get(path) or Shape(link.child)
        order = link.order(sources, shape)
        parents = (self._rows.c[place] for place in key)
        theirs = (own == parent for own, parent in zip(link.keys, parents, strict=True))
        statement = link.joined(select_rows(*columns.expressions)).where(and_(*theirs))
        number = [*self._shapes].index(path) if path in self._shapes else 0
        if shape.where:
            slots = names(_slot(number, "v"))
            statement = statement.where(compile_node(And(shape.where), sources, slots.__next__))
        statement = sources.joining(statement).order_by(*order).correlate(self._rows)
        if shape.limit is not None:
            statement = statement.limit(limiting(shape.limit, _slot(number, "limit")))
        inner = _Writer(statement.subquery(), columns, self._shapes)
        return inner.array(written, path)
