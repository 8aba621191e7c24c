"""Read the parts of statements and expressions, and make changed copies of them.

SQLAlchemy has public functions to build statements, but only its compiler reads them: the values of
an INSERT, the conditions in WHERE and the tables of an expression have no public names. Scopes need
them before a statement is sent; without them they would have to refuse such statements.
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
    "loaded_attributes_of",
    "make_unique",
    "post_values_of",
    "prefixes_of",
    "replace_where",
    "statement_rows_of",
    "statement_values_of",
    "tables_of",
    "where_of",
]

Element = TypeVar("Element")


def copy_element(element: Element) -> Element:
    """Return a shallow copy, of which the caller replaces parts.

    The public ``visitors.cloned_traverse`` also copies the tables inside, by whose identity
    criteria are found.
    """
    copied: Element = element._clone()  # type: ignore[attr-defined]
    return copied


def where_of(statement: Any) -> Sequence[Any]:
    """Return the conditions of a SELECT, UPDATE or DELETE, which are joined by AND.

    The public ``whereclause`` has them joined, without parentheses around raw SQL with an OR.
    """
    found: Sequence[Any] = statement._where_criteria
    return found


def replace_where(statement: Any, criterion: Any) -> Any:
    """Return a copy of the statement with this condition only; ``where()`` can only add one."""
    statement = copy_element(statement)
    statement._where_criteria = (criterion,)
    return statement


def tables_of(element: Any) -> Sequence[FromClause]:
    """Return the tables that an expression, or a mapper's selectable, would put into FROM.

    Tried first: ``visitors.iterate``, which also returns the tables inside of subqueries.
    """
    found: Sequence[FromClause] = element._from_objects
    return found


def statement_values_of(statement: Any) -> Mapping[Any, Any]:
    """Return the values that ``values()`` of an INSERT or UPDATE has set, by column or name."""
    return statement._values or {}


def statement_rows_of(statement: Any) -> Sequence[Sequence[Any]]:
    """Return the rows that ``values()`` of an INSERT has set: a list for each call."""
    found: Sequence[Sequence[Any]] = statement._multi_values
    return found


def prefixes_of(statement: Any) -> str:
    """Return the prefixes of ``prefix_with``, such as ``OR REPLACE``, in capital letters."""
    return " ".join(str(prefix) for prefix, _ in statement._prefixes).upper()


def post_values_of(statement: Any) -> Any:
    """Return the clause after VALUES, such as ON CONFLICT, or None; an UPDATE has none."""
    return getattr(statement, "_post_values_clause", None)


def entity_of(statement: Any) -> Any:
    """Return the mapper or aliased class that an ORM statement writes to, or None.

    The public ``entity_description`` also has the table of a statement without a model, so that a
    model and its table could not be told apart.
    """
    return statement._propagate_attrs.get("plugin_subject")


def loaded_attributes_of(statement: Any) -> Iterable[str]:
    """Return the attributes that SQLAlchemy loads by this statement; none if it loads all.

    The event ``do_orm_execute`` tells that columns are loaded, and not which.
    """
    names: Iterable[str] = statement._compile_options._only_load_props or ()
    return names


def make_unique(parameter: BindParameter[Any]) -> None:
    """Let the compiler rename a parameter that has the same name as another one.

    ``bindparam(unique=True)`` does that for a new parameter; this one is in an expression already.
    """
    parameter._convert_to_unique()  # type: ignore[no-untyped-call]


def is_anonymous(name: object) -> bool:
    """Return whether SQLAlchemy generated the name; the SQL text then has another one."""
    return isinstance(name, _anonymous_label)
