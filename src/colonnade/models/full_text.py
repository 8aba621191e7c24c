"""Declare a full-text index, which each database creates in its own way.

PostgreSQL has a GIN index of ``to_tsvector``, MySQL and MariaDB have a FULLTEXT index for each
column. SQLite has no such index: there an FTS5 table beside the real one has a copy of the words,
and triggers keep it up to date.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import Column, Index, Integer, Table, event, func, text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

from colonnade.errors import InvalidMapping

__all__ = ["FullText", "full_text", "full_text_of"]

#: ``ddl_if`` takes several names of dialects, though its annotation says one.
_MARIADB: Final[Any] = ("mysql", "mariadb")
_KEY: Final = "colonnade_full_text"
#: Names of configurations that are safe: they are written into the SQL, not bound.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class FullText(SchemaItem):
    """A declared full-text index, an element of ``__table_args__``; ``full_text`` makes it.

    ``key`` is the table's integer key, which SQLite needs, or None if the table has none.
    """

    def __init__(self, columns: tuple[str, ...], name: str | None, config: str) -> None:
        self.columns = columns
        self.config = config
        self.name = name or ""
        self.key: str | None = None

    def _set_parent(self, parent: Any, **_options: Any) -> None:
        """Add the index to a table; SQLAlchemy calls this when the table has its columns.

        Raise ``InvalidMapping`` for an unknown column, or one that has such an index already.
        """
        table: Table = parent
        missing = [name for name in self.columns if name not in table.c]
        if missing:
            raise InvalidMapping(
                f"{table.name} has no column {missing[0]!r} to search", fields=tuple(missing)
            )
        self.name = self.name or f"ft_{table.name}_{'_'.join(self.columns)}"
        known = table.info.setdefault(_KEY, {})
        if twice := [name for name in self.columns if name in known]:
            raise InvalidMapping(f"{table.name}.{twice[0]} has two full-text indexes")
        known.update(dict.fromkeys(self.columns, self))
        keys = list(table.primary_key)
        if len(keys) == 1 and isinstance(_unwrapped_type(keys[0]), Integer):
            self.key = keys[0].name
        self._index_on_postgresql(table)
        self._index_on_mariadb(table)
        event.listen(table, "after_create", self._create_on_sqlite)
        event.listen(table, "before_drop", self._drop_on_sqlite)

    def _index_on_postgresql(self, table: Table) -> None:
        # Not a literal_column: Index would look for the table of that column.
        config: Any = text(f"'{self.config}'")
        vectors = [func.to_tsvector(config, table.c[name]) for name in self.columns]
        Index(self.name, *vectors, postgresql_using="gin").ddl_if(dialect="postgresql")

    def _index_on_mariadb(self, table: Table) -> None:
        # An index for each column: MATCH must name all columns of an index, and we search in one.
        for name in self.columns:
            index_name = self.name if len(self.columns) == 1 else f"{self.name}_{name}"
            options: Any = {"mysql_prefix": "FULLTEXT", "mariadb_prefix": "FULLTEXT"}
            Index(index_name, table.c[name], **options).ddl_if(dialect=_MARIADB)

    def _create_on_sqlite(self, table: Table, connection: Any, **_options: Any) -> None:
        """Create the FTS5 table and its triggers after the table was created."""
        if connection.dialect.name != "sqlite":
            return
        if self.key is None:
            raise InvalidMapping(
                f"{table.name}: on SQLite, rows with full text need one integer as primary key",
                hint="SQLite may number other rows anew; declare the index on another database",
                model=table.name,
            )
        for statement in self.sqlite_statements(table):
            connection.exec_driver_sql(statement)

    def _drop_on_sqlite(self, table: Table, connection: Any, **_options: Any) -> None:
        """Drop the FTS5 table; its triggers go with the table that they are on."""
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_quote_identifier(self.name)}")

    def sqlite_statements(self, table: Table) -> tuple[str, ...]:
        """Return the statements that create the index on SQLite.

        They create the FTS5 table, fill it from the rows of ``table``, and create the triggers
        that update it.
        """
        index, rows, key = (
            _quote_identifier(self.name),
            _quote_identifier(table.name),
            _quote_identifier(str(self.key)),
        )
        names = ", ".join(_quote_identifier(name) for name in self.columns)
        tokenizer = "porter unicode61" if self.config == "english" else "unicode61"

        def trigger(what: str, *actions: str) -> str:
            name = _quote_identifier(f"{self.name}_{what.split()[0].lower()}")
            body = " ".join(f"{action};" for action in actions)
            return f"CREATE TRIGGER {name} AFTER {what} ON {rows} BEGIN {body} END"

        def values(row: str) -> str:
            return ", ".join(
                f"{row}.{_quote_identifier(name)}" for name in ((self.key or ""), *self.columns)
            )

        # FTS5 with "content=" does not store the texts: to remove a row it must be given the old
        # texts again, in an INSERT with the command 'delete'.
        add = f"INSERT INTO {index} (rowid, {names}) VALUES ({values('new')})"
        remove = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', {values('old')})"
        options = (
            f"content={_quote_literal(table.name)}, content_rowid={_quote_literal(str(self.key))}, "
            f"tokenize={_quote_literal(tokenizer)}"
        )
        return (
            f"CREATE VIRTUAL TABLE {index} USING fts5({names}, {options})",
            f"INSERT INTO {index} ({index}) VALUES ('rebuild')",
            trigger("INSERT", add),
            trigger("DELETE", remove),
            trigger(f"UPDATE OF {key}, {names}", remove, add),
        )


def full_text(*columns: str, name: str | None = None, config: str = "simple") -> FullText:
    """Declare a full-text index on text columns, in ``__table_args__``, for ``match`` to search.

    ``create_all`` and migrations create it: GIN on PostgreSQL, one FULLTEXT for each column on
    MariaDB, an FTS5 table with triggers on SQLite, where the primary key must be one integer.
    ``config`` is PostgreSQL's text search configuration; with ``"english"`` SQLite finds other
    forms of a word too. Raise ``InvalidMapping`` for a wrong argument.
    """
    if not columns or not all(isinstance(column, str) for column in columns):
        raise InvalidMapping(
            "full_text takes the names of columns", hint='such as full_text("title", "body")'
        )
    if not _NAME.fullmatch(config):
        raise InvalidMapping(
            "a text search configuration is named in small letters",
            hint='such as "simple" or "english"; see pg_ts_config',
        )
    return FullText(columns, name, config)


def full_text_of(column: Column[Any]) -> FullText | None:
    """Return the full-text index that a table's column is in, or None."""
    found: FullText | None = column.table.info.get(_KEY, {}).get(column.name)
    return found


def _unwrapped_type(column: Column[Any]) -> Any:
    """Return the type of a column, or what it wraps if it is a ``TypeDecorator``."""
    kind = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _quote_identifier(name: str) -> str:
    """Return a name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _quote_literal(value: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
