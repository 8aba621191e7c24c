"""The SQL of ``has_key`` on JSON columns, and of ``isnull`` on columns of every type."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from colonnade.sql.comparison import Predicate
from colonnade.values import family_of, plain_type

__all__ = ["build_has_key", "build_isnull"]


class _HasKey(Predicate):
    """``has_key(document, key)``: true if the document is an object with this top-level key."""

    inherit_cache = True


class _JSONNull(Predicate):
    """True if a document is the JSON null, which Python reads as None just like SQL NULL."""

    inherit_cache = True


def build_has_key(column: Any, key: Any) -> ColumnElement[bool]:
    """Build the condition that a document is an object with this top-level key; NULL for NULL."""
    return _HasKey(column, key)


def build_isnull(column: Any, flag: bool) -> ColumnElement[bool]:
    """Build the condition that a column is read as None, or with ``flag`` False that it is not.

    This is NULL, and for JSON also the JSON null.
    """
    null: ColumnElement[bool] = column.is_(None)
    if family_of(column.type) == "json":
        null = null | _JSONNull(column)
        return null if flag else ~null
    return null if flag else column.is_not(None)


@compiles(_HasKey)
def _render_has_key(element: _HasKey, compiler: Any, **options: Any) -> str:
    document, key = _render_document_and_key(element, compiler, options)
    document = _cast_to_jsonb(element, compiler, document)
    # "?" also finds a string in an array, hence the test of the type. It is used all the same,
    # because a GIN index serves this operator.
    return f"({document} ? {key} AND jsonb_typeof({document}) = 'object')"


@compiles(_HasKey, "sqlite")
def _render_has_key_on_sqlite(element: _HasKey, compiler: Any, **options: Any) -> str:
    document, key = _render_document_and_key(element, compiler, options)
    # Not json_extract with a path: some keys, such as one with a quote, have no valid path.
    found = f"EXISTS (SELECT 1 FROM json_each({document}) AS item WHERE item.key = {key})"
    return (
        f"CASE WHEN json_valid({document}) THEN (json_type({document}) = 'object' AND {found}) END"
    )


@compiles(_HasKey, "mysql", "mariadb")
def _render_has_key_on_mysql(element: _HasKey, compiler: Any, **options: Any) -> str:
    document, key = _render_document_and_key(element, compiler, options)
    path = f"CONCAT('$.', JSON_QUOTE({key}))"
    # MariaDB stores a document as text, as it was written. If a key is written with escapes such
    # as "\\u00e9", only JSON_EXISTS finds it.
    found = f"JSON_CONTAINS_PATH({document}, 'one', {path})"
    if getattr(compiler.dialect, "is_mariadb", False):
        found = f"JSON_EXISTS({document}, {path})"
    return f"(JSON_TYPE({document}) = 'OBJECT' AND {found})"


@compiles(_JSONNull)
def _render_json_null(element: _JSONNull, compiler: Any, **options: Any) -> str:
    document = compiler.process(element.clauses, **options)
    return f"coalesce(jsonb_typeof({_cast_to_jsonb(element, compiler, document)}) = 'null', false)"


@compiles(_JSONNull, "sqlite")
def _render_json_null_on_sqlite(element: _JSONNull, compiler: Any, **options: Any) -> str:
    return f"(coalesce({compiler.process(element.clauses, **options)}, '') = 'null')"


@compiles(_JSONNull, "mysql", "mariadb")
def _render_json_null_on_mysql(element: _JSONNull, compiler: Any, **options: Any) -> str:
    return f"coalesce(JSON_TYPE({compiler.process(element.clauses, **options)}) = 'NULL', false)"


def _cast_to_jsonb(element: FunctionElement[Any], compiler: Any, document: str) -> str:
    """Return the SQL text ``document``, cast to JSONB unless the column is JSONB already."""
    kind = next(iter(element.clauses)).type.dialect_impl(compiler.dialect)
    return document if isinstance(plain_type(kind), JSONB) else f"CAST({document} AS JSONB)"


def _render_document_and_key(
    element: FunctionElement[Any], compiler: Any, options: dict[str, Any]
) -> tuple[str, str]:
    """Return the SQL of an element's two arguments."""
    document, key = (compiler.process(clause, **options) for clause in element.clauses)
    return document, key
