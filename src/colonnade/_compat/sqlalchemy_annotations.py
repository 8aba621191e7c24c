"""Mark an alias in a statement, so that our compiler can tell it from other aliases of its table.

SQLAlchemy's ORM marks elements with annotations, which have no public functions. A set of marked
aliases beside the statement would not do: two statements that differ only in the mark would share
one compiled form. An annotation is part of the key of the compiled cache, and the ORM keeps it when
it copies an element.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Table

__all__ = ["annotate_alias", "annotation_of", "without_annotations"]


def annotate_alias(alias: FromClause, name: str, value: Any) -> FromClause:
    """Return a copy of the alias, equal to it, that carries a hashable value by this name."""
    return alias._annotate({name: value})


def annotation_of(element: Any, name: str) -> Any:
    """Return the value of an annotation of an element, or None."""
    return getattr(element, "_annotations", {}).get(name)


def without_annotations(table: Table) -> Table:
    """Return the table as it was declared; a copy annotated by the ORM has other column objects.

    The public ``metadata.tables`` has it too, unless another table had the same name before.
    """
    return table._deannotate()
