"""Mark one alias in a statement, so that a compiler of ours knows it from others of its table.

SQLAlchemy marks elements with annotations for its ORM. A set of aliases that are marked would do as
well, but for the cache: two statements that differ in the mark alone would share what was compiled
for the first. An annotation is a part of the cache's key, and survives what the ORM does to an
element. There is no public way to either.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Table

__all__ = ["annotate_alias", "annotation_of", "without_annotations"]


def annotate_alias(alias: FromClause, name: str, value: Any) -> FromClause:
    """Return a copy of the alias, equal to it, that carries a hashable value by this name."""
    return alias._annotate({name: value})


def annotation_of(element: Any, name: str) -> Any:
    """Return what an element of a statement carries by this name, or None."""
    return getattr(element, "_annotations", {}).get(name)


def without_annotations(table: Table) -> Table:
    """Return the table as it was declared; a copy that the ORM annotated knows none of its columns.

    In public ``metadata.tables`` has it, unless two tables have had one name.
    """
    return table._deannotate()
