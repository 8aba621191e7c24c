"""Look into statements and their elements, and make changed copies of them.

SQLAlchemy's statements are built in public and read by its compiler alone: what an INSERT sets,
what stands in a WHERE, which tables an expression is about has no public name. Scopes have to know
it before a statement is sent; what they could not look into they would have to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, FromClause
from sqlalchemy.sql.elements import _anonymous_label

__all__ = [
    "copy_element",
    "entity_of",
    "is_anonymous",
    "make_unique",
    "post_values_of",
    "prefixes_of",
    "put_off_by",
    "replace_where",
    "rows_of",
    "tables_of",
    "values_of",
    "where_of",
]

Element = TypeVar("Element")


def copy_element(element: Element) -> Element:
    """Return a shallow copy, to be given other parts.

    In public ``visitors.cloned_traverse`` copies all that is in it too, and with it the tables'
    identity that criteria are found by.
    """
    copied: Element = element._clone()  # type: ignore[attr-defined]
    return copied


def where_of(statement: Any) -> Sequence[Any]:
    """Return the conditions of a SELECT, UPDATE or DELETE, which AND joins.

    ``whereclause`` has them joined already, where raw SQL among them could come apart at an OR.
    """
    found: Sequence[Any] = statement._where_criteria
    return found


def replace_where(statement: Any, criterion: Any) -> Any:
    """Return a copy of the statement with one condition in place of all; ``where()`` adds only."""
    statement = copy_element(statement)
    statement._where_criteria = (criterion,)
    return statement


def tables_of(element: Any) -> Sequence[FromClause]:
    """Return what an expression, or a mapper's selectable, would put into FROM.

    Tried first: ``visitors.iterate``, which goes into subqueries, whose tables are their own.
    """
    found: Sequence[FromClause] = element._from_objects
    return found


def values_of(statement: Any) -> Mapping[Any, Any]:
    """Return what ``values()`` of an INSERT or UPDATE set for one row, by column or name."""
    return statement._values or {}


def rows_of(statement: Any) -> Sequence[Sequence[Any]]:
    """Return what ``values()`` of an INSERT set for several rows: lists of rows."""
    found: Sequence[Sequence[Any]] = statement._multi_values
    return found


def prefixes_of(statement: Any) -> str:
    """Return the words that ``prefix_with`` put before the rest, in capital letters."""
    return " ".join(str(prefix) for prefix, _ in statement._prefixes).upper()


def post_values_of(statement: Any) -> Any:
    """Return the clause after VALUES, such as ON CONFLICT, or None; an UPDATE has none."""
    return getattr(statement, "_post_values_clause", None)


def entity_of(statement: Any) -> Any:
    """Return the mapper or aliased class that an ORM statement writes to, or None.

    ``entity_description`` says it in public, for statements that name an entity and for all others
    alike, so that a table of some model could not be told from the model.
    """
    return statement._propagate_attrs.get("plugin_subject")


def put_off_by(statement: Any) -> Iterable[str]:
    """Return the attributes that a load of SQLAlchemy's own is for; none where it is all of them.

    ``do_orm_execute`` says that columns are loaded, and not which.
    """
    names: Iterable[str] = statement._compile_options._only_load_props or ()
    return names


def make_unique(parameter: BindParameter[Any]) -> None:
    """Let a parameter that has its value take another name where two of one name would meet.

    ``bindparam(unique=True)`` does it for a new one; this one is in an expression already.
    """
    parameter._convert_to_unique()  # type: ignore[no-untyped-call]


def is_anonymous(name: object) -> bool:
    """Return whether SQLAlchemy made a name up, which the text of a statement has otherwise."""
    return isinstance(name, _anonymous_label)
