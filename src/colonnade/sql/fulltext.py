"""The SQL of ``match``: each database's own full-text search, and its rank.

The condition is true or false and never NULL: a column that is NULL holds no word. SQLite's index
is an FTS5 table of its own, joined by the integer key of the row; on MySQL and MariaDB a search is
possible only where there is a FULLTEXT index. PostgreSQL searches without an index too, slowly.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from colonnade.errors import UnknownOperator
from colonnade.models import FullText, full_text_of
from colonnade.sql.comparison import Predicate

__all__ = ["build_match", "build_rank"]


class _Matches(Predicate):
    """``matches(text, search, key)``: true if the text matches; ``key`` is the row's, if any.

    ``place`` is the table's column and its full-text index, for the SQL to name.
    """

    inherit_cache = True

    def __init__(self, column: Any, search: Any) -> None:
        # The SQL needs the index's name and configuration. It need not be among the clauses, which
        # are the cache key, since it follows from the column.
        self.place = _find_indexed_column(column)
        super().__init__(column, search, *_key_arguments(column, self.place))


class _Rank(FunctionElement[float]):
    """``rank(text, search, key)``: a number that is greater the better the row matches."""

    inherit_cache = True
    type = Float()

    def __init__(self, column: Any, search: Any) -> None:
        self.place = _find_indexed_column(column)
        super().__init__(column, search, *_key_arguments(column, self.place))


def build_match(column: Any, search: Any) -> ColumnElement[bool]:
    """Build the condition that a text matches a bound ``FullTextSearch``."""
    return _Matches(column, search)


def build_rank(column: Any, search: Any) -> ColumnElement[float]:
    """Build the rank of a text for a bound ``FullTextSearch``: the higher, the better."""
    return _Rank(column, search)


def _find_indexed_column(column: Any) -> tuple[Column[Any], FullText | None]:
    """Return the table's column behind an attribute or an alias of it, and its index, if any."""
    element = getattr(column, "__clause_element__", lambda: column)()
    table_column = next(item for item in element.base_columns if isinstance(item, Column))
    return table_column, full_text_of(table_column)


def _key_arguments(column: Any, place: tuple[Column[Any], FullText | None]) -> tuple[Any, ...]:
    """Return the key of the column's row as the only item, or nothing without such a key."""
    index = place[1]
    if index is None or index.key is None:
        return ()
    # The key of the same alias as the column, or the search would be about another row.
    element = getattr(column, "__clause_element__", lambda: column)()
    return (element.table.c[index.key],)


@compiles(_Matches)
def _render_match(element: Any, compiler: Any, **options: Any) -> str:
    text, vector, query = _render_vector_and_query(element, compiler, options)
    return f"({vector} @@ {query} AND {text} IS NOT NULL)"


@compiles(_Rank)
def _render_rank(element: Any, compiler: Any, **options: Any) -> str:
    _, vector, query = _render_vector_and_query(element, compiler, options)
    return f"coalesce(ts_rank({vector}, {query}), 0)"


@compiles(_Matches, "mysql", "mariadb")
def _render_match_on_mysql(element: Any, compiler: Any, **options: Any) -> str:
    return f"({_render_match_against(element, compiler, options)})"


@compiles(_Rank, "mysql", "mariadb")
def _render_rank_on_mysql(element: Any, compiler: Any, **options: Any) -> str:
    return f"({_render_match_against(element, compiler, options)})"


@compiles(_Matches, "sqlite")
def _render_match_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    text, search, key, index = _render_fts5_parts(element, compiler, options)
    found = f"SELECT rowid FROM {index} WHERE {index} MATCH {search}"
    return f"({key} IN ({found}) AND {text} IS NOT NULL)"


@compiles(_Rank, "sqlite")
def _render_rank_on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    _, search, key, index = _render_fts5_parts(element, compiler, options)
    # The rank of FTS5 is negative, and the lowest is the best.
    found = f"SELECT -rank FROM {index} WHERE {index} MATCH {search} AND rowid = {key}"
    return f"coalesce(({found}), 0)"


def _render_vector_and_query(
    element: Any, compiler: Any, options: dict[str, Any]
) -> tuple[str, str, str]:
    """Return the SQL of the text, its tsvector and the tsquery, for PostgreSQL.

    The tsvector is written exactly as the index declares it, or the index would not be used.
    """
    text, search, *_ = _render_arguments(element, compiler, options)
    _, index = element.place
    config = "simple" if index is None else index.config
    return text, f"to_tsvector('{config}', {text})", f"websearch_to_tsquery('{config}', {search})"


def _render_match_against(element: Any, compiler: Any, options: dict[str, Any]) -> str:
    """Return MATCH … AGAINST for MySQL and MariaDB, which is a condition and a rank in one."""
    text, search, *_ = _render_arguments(element, compiler, options)
    _require_index(element, compiler)
    return f"MATCH ({text}) AGAINST ({search} IN BOOLEAN MODE)"


def _render_fts5_parts(
    element: Any, compiler: Any, options: dict[str, Any]
) -> tuple[str, str, str, str]:
    """Return the SQL of the text, the search, the row's key and the FTS5 table, for SQLite.

    Raise ``UnknownOperator`` without an index, or without an integer key to join it by.
    """
    index = _require_index(element, compiler)
    text, search, *keys = _render_arguments(element, compiler, options)
    if not keys:
        raise UnknownOperator(
            f"{element.place[0].name}: SQLite cannot search rows without one integer as their key"
        )
    # The table holds all columns of the index; the search is limited to this one: "name" : (…).
    # The column's name stands in FTS5's double quotes inside of SQL's single quotes.
    name = element.place[0].name.replace('"', '""').replace("'", "''")
    quoted = compiler.preparer.quote_identifier(index.name)
    return text, f"('\"{name}\" : (' || {search} || ')')", keys[0], quoted


def _require_index(element: Any, compiler: Any) -> FullText:
    """Return the element's full-text index. Raise ``UnknownOperator`` if there is none."""
    column, index = element.place
    if index is None:
        raise UnknownOperator(
            f"{column.table.name}.{column.name} has no full-text index, which 'match' needs on "
            f"{compiler.dialect.name}",
            hint=f"declare one: __table_args__ = (full_text({column.name!r}),), and create it",
            fields=(column.name,),
        )
    return index  # type: ignore[no-any-return] # the place's second


def _render_arguments(element: Any, compiler: Any, options: dict[str, Any]) -> list[str]:
    """Return the SQL of each of an element's arguments."""
    return [compiler.process(clause, **options) for clause in element.clauses]
