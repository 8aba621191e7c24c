"""Read JSON that PostgreSQL itself writes: the whole answer in one statement, a document.

The innermost SELECT reads rows, with conditions, order and limits. The SELECT around it converts
each column and labels it with the name of its field; its row is the JSON object. A related single
object is a row in that row. A collection is an array of rows, from a subquery for each parent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from sqlalchemy import and_, case, func, literal_column
from sqlalchemy import select as select_rows

from colonnade.capabilities import capabilities_of
from colonnade.documents import JsonLayout, json_layout_of, why_not_server_json
from colonnade.documents.forms_sql import (
    SENTINEL,
    needs_fallback,
    send_document,
    sentinels_of,
    write_constant,
    write_value,
)
from colonnade.engine import PreparedSelect
from colonnade.filters import And, JoinTree, compile_node
from colonnade.reading.children import ParentLink
from colonnade.reading.entities import is_known_empty
from colonnade.reading.program import Shapes, shapes_of
from colonnade.reading.row_assembler import Columns, Steps
from colonnade.reading.terms import Path, Terms, bind_terms
from colonnade.schemas import Plan, plan_of
from colonnade.session import Session
from colonnade.spec import (
    Shape,
    Spec,
    apply_shape,
    bind_values,
    make_limit,
    parameter_names,
    remembered,
    scroll_columns,
    select_count,
)
from colonnade.spec.parameters import CONDITION_VALUE, LIMIT, name_in_collection

__all__ = [
    "Document",
    "document_of",
    "document_parameters",
    "read_array",
    "read_array_and_count",
    "read_objects",
    "why_plan_reads_rows",
    "why_schema_reads_rows",
]

#: All objects in one row, the same with their number in a second column, or a row for each object.
DocumentMode: TypeAlias = Literal["array", "counted", "objects"]


async def read_array(session: Session, spec: Spec, plan: Plan, terms: Terms) -> bytes | None:
    """Return a JSON array of the objects, or None if it must be made of rows.

    Runs at most one statement.
    """
    found = await _read_document(session, spec, plan, terms, "array")
    return None if found is None else found[0][0]


async def read_array_and_count(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[bytes, int] | None:
    """Return a JSON array of the objects and their number without limit and offset.

    Returns None if the array must be made of rows. Runs at most one statement.
    """
    found = await _read_document(session, spec, plan, terms, "counted")
    return None if found is None else (found[0][0], found[0][1])


async def read_objects(
    session: Session, spec: Spec, plan: Plan, terms: Terms
) -> tuple[list[bytes], list[tuple[Any, ...]]] | None:
    """Return each object as JSON and, for a scroll, the values of its sort keys.

    Returns None if the objects must be made of rows. Runs at most one statement.
    """
    found = await _read_document(session, spec, plan, terms, "objects")
    if found is None:
        return None
    return [row[0] for row in found], [tuple(row[1:]) for row in found]


def why_plan_reads_rows(plan: Plan, dialect: str) -> str | None:
    """Return why ``.json`` of this plan reads rows on ``dialect``; None if it writes the JSON."""
    if not capabilities_of(dialect).writes_json:
        return f"{dialect} does not write it"
    return why_not_server_json(plan)


def why_schema_reads_rows(model: type[Any], schema: type[Any], dialect: str) -> str | None:
    """Return why ``.json`` of this schema reads rows on ``dialect``; None if it writes the JSON."""
    return why_plan_reads_rows(plan_of(model, schema), dialect)


@dataclass(frozen=True, slots=True)
class Document:
    """A statement whose rows hold JSON, and what to look for in the JSON before it is used.

    ``sentinels`` are the texts in place of values that only Python can write. ``has_json`` is true
    if the document has JSON columns, which may hold anything.
    """

    statement: Any
    sentinels: tuple[bytes, ...]
    has_json: bool


def document_of(spec: Spec, plan: Plan, terms: Terms, mode: DocumentMode) -> Document:
    """Return the statement that writes the objects of ``spec``, built once for each shape."""
    shapes = shapes_of(terms)
    if spec.raw or any(item.raw for item in terms.values()):
        return _build_document(spec.shape, plan, shapes, mode)
    return _cached_document(spec.shape, plan, shapes, mode)


def document_parameters(spec: Spec, terms: Terms) -> Mapping[str, Any]:
    """Return the bind parameters of the document's statement."""
    found = spec.parameters
    for number, item in enumerate(bind_terms(terms, spec.given).values()):
        found |= bind_values(name_in_collection(number, CONDITION_VALUE), item.values)
        if item.binds_limit:
            found[name_in_collection(number, LIMIT)] = item.limit
    return found


async def _read_document(
    session: Session, spec: Spec, plan: Plan, terms: Terms, mode: DocumentMode
) -> Sequence[Any] | None:
    """Return the rows of the document, or None if PostgreSQL does not write it exactly."""
    if not capabilities_of(session.family).writes_json or json_layout_of(plan) is None:
        return None
    document = document_of(spec, plan, terms, mode)
    # With ``limit=0`` the array is empty, but there may be rows to count.
    known = spec.uncut() if mode == "counted" else spec
    if is_known_empty(session, known, lambda: document.statement):
        return [] if mode == "objects" else [(b"[]", 0)]
    found = await session.rows(document.statement, document_parameters(spec, terms))
    # Other drivers than asyncpg return text, see ``send_document``.
    if found and isinstance(found[0][0], str):
        found = [(row[0].encode(), *row[1:]) for row in found]
    for row in found:
        if needs_fallback(row[0], document.sentinels, free=document.has_json):
            return None
    return found


@remembered
def _cached_document(shape: Shape, plan: Plan, shapes: Shapes, mode: DocumentMode) -> Document:
    found = _build_document(shape, plan, shapes, mode)
    return replace(found, statement=PreparedSelect(found.statement))


def _build_document(shape: Shape, plan: Plan, shapes: Shapes, mode: DocumentMode) -> Document:
    written = json_layout_of(plan)
    assert written is not None
    columns = Columns(JoinTree(shape.model), plan)
    keys = [columns.add_expression(key) for key in scroll_columns(shape, columns.sources)]
    statement: Any = select_rows(*columns.expressions).select_from(shape.model)
    rows = apply_shape(statement, columns.sources, shape).subquery()
    writer = _JsonBuilder(rows, columns, dict(shapes))
    if mode == "objects":
        placed = (rows.c[key] for key in keys)
        statement = select_rows(writer.one(written), *placed).select_from(rows)
    else:
        statement = select_rows(send_document(func.array_to_json(writer.array(written))))
    if mode == "counted":
        statement = statement.add_columns(select_count(Spec(shape).uncut()).scalar_subquery())
    return Document(
        statement, sentinels_of(written), not {"json", "jsonb"}.isdisjoint(written.forms)
    )


class _JsonBuilder:
    """Builds the SQL that makes JSON of the columns of ``rows``, a subquery.

    ``shapes`` says which rows of a collection are read, by the fields that lead to it.
    """

    def __init__(self, rows: Any, columns: Columns, shapes: Mapping[Path, Shape]) -> None:
        self._rows = rows
        self._columns = columns
        self._shapes = shapes

    def array(self, written: JsonLayout, path: Path = ()) -> Any:
        """Return an array of objects, one for each row."""
        fields = self._fields(written, (), path)
        # The row of a subquery as one value: its labels become the keys of the JSON object.
        item: Any = select_rows(*fields).select_from(self._rows).subquery().table_valued()
        return func.array(select_rows(item).scalar_subquery())

    def one(self, written: JsonLayout) -> Any:
        """Return the object of one row, as JSON text or bytes."""
        item = self._item(written, (), ())
        return select_rows(send_document(func.row_to_json(item))).scalar_subquery()

    def _item(self, written: JsonLayout, steps: Steps, path: Path) -> Any:
        """Return an object as a row whose columns are labelled with the fields' names."""
        fields = self._fields(written, steps, path)
        return select_rows(*fields).correlate(self._rows).subquery().table_valued()

    def _fields(self, written: JsonLayout, steps: Steps, path: Path) -> list[Any]:
        """Return the labelled columns of an object, in the order of the schema's fields."""
        found: dict[str, Any] = {}
        for alias, leaf, form in written.columns:
            column = self._rows.c[self._columns.index_of(steps, leaf.name)]
            found[alias] = write_value(form, column)
        for alias, measure, form in written.figures:
            figure = self._rows.c[self._columns.index_of_figure(steps, measure)]
            found[alias] = write_value(form, figure)
        for alias, given in written.given:
            found[alias] = write_constant(given)
        for alias, nested, inner in written.nested:
            below = (*path, nested.field)
            if nested.relation.many:
                link = ParentLink(written.plan.model, nested)
                key = self._columns.key_indexes(written.plan, steps)
                found[alias] = self._collection(link, key, inner, below)
            else:
                found[alias] = self._single(inner, (*steps, nested.relation), below)
        return [found[alias].label(alias) for alias in written.order]

    def _single(self, written: JsonLayout, steps: Steps, path: Path) -> Any:
        """Return a related object as a row in the row, or null if the joined key is null.

        If the field takes no null, the missing object becomes a sentinel, and rows are read.
        """
        there = self._rows.c[self._columns.key_indexes(written.plan, steps)[0]].is_not(None)
        item = self._item(written, steps, path)
        if not written.required:
            return case((there, select_rows(item).scalar_subquery()))
        found = select_rows(func.row_to_json(item)).scalar_subquery()
        return case((there, found), else_=literal_column(f"{SENTINEL}::json"))

    def _collection(
        self, link: ParentLink, key: Sequence[int], written: JsonLayout, path: Path
    ) -> Any:
        """Return the array of one parent's children, from a subquery correlated by ``key``."""
        sources = JoinTree(link.child)
        columns = Columns(sources, written.plan)
        shape = self._shapes.get(path) or Shape(link.child)
        order = link.order(sources, shape)
        parents = (self._rows.c[place] for place in key)
        theirs = (own == parent for own, parent in zip(link.keys, parents, strict=True))
        statement = link.joined(select_rows(*columns.expressions)).where(and_(*theirs))
        # ``document_parameters`` numbers collections in the same order. Those without terms bind
        # nothing.
        number = [*self._shapes].index(path) if path in self._shapes else 0
        if shape.where:
            slots = parameter_names(name_in_collection(number, CONDITION_VALUE))
            statement = statement.where(compile_node(And(shape.where), sources, slots.__next__))
        statement = sources.apply_joins(statement).order_by(*order).correlate(self._rows)
        if shape.limit is not None:
            statement = statement.limit(make_limit(shape.limit, name_in_collection(number, LIMIT)))
        inner = _JsonBuilder(statement.subquery(), columns, self._shapes)
        return inner.array(written, path)
