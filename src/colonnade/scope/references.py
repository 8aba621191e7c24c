"""Check that the rows which a write refers to are in scope.

``references`` are the foreign keys of a table to tables with scopes. ``Lookups`` collect the keys
that a write has for them, and ask for all keys of one table with one SELECT; a ``KeyQuery`` is that
SELECT and the check of its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Final, TypeAlias

from sqlalchemy import CHAR, Column, ForeignKeyConstraint, Select, Table, select, tuple_
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import NoReferenceError

from colonnade.capabilities import capabilities_of
from colonnade.errors import OutOfScope
from colonnade.mapping import with_article
from colonnade.scope.bindings import Bindings
from colonnade.scope.rules import Rules, rules_of

__all__ = ["Key", "KeyQuery", "Lookups", "Reference", "key_reference", "scoped_references_of"]

Key: TypeAlias = tuple[Any, ...]

#: How many values one statement may have; asyncpg takes 32,767.
_VALUES: Final = 30_000


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that refer to a row of ``target`` by its columns ``remote``; it must be in scope."""

    columns: tuple[Column[Any], ...]
    target: Table
    remote: tuple[Column[Any], ...]
    rules: Rules

    def key(self, row: Mapping[str, Any]) -> Key | None:
        """Return the values of a row (by column key) for the columns; None if one is NULL."""
        found = tuple(row.get(column.key) for column in self.columns)
        return None if any(value is None for value in found) else found


def scoped_references_of(table: Any, bindings: Bindings) -> list[Reference]:
    """Return the foreign keys of a table to tables with a scope that is not lifted."""
    if not isinstance(table, Table):
        return []
    found = (_build_reference(item) for item in table.foreign_key_constraints)
    return [item for item in found if item is not None and bindings.active(item.rules)]


def key_reference(table: Table, rules: Rules) -> Reference:
    """Return a reference by which a row stands for itself, by its primary key.

    Used to look up whether a row that is changed or deleted is in scope.
    """
    key = tuple(table.primary_key)
    return Reference(key, table, key, rules)


def _build_reference(constraint: ForeignKeyConstraint) -> Reference | None:
    """Return the reference of a foreign key; None if its target has no scopes."""
    try:
        target = constraint.referred_table
    except NoReferenceError:
        # The table is not in the metadata, so no model declares scopes for it.
        return None
    rules = rules_of(target)
    if rules is None:
        return None
    pairs = [(element.parent, element.column) for element in constraint.elements]
    return Reference(
        tuple(parent for parent, _ in pairs), target, tuple(other for _, other in pairs), rules
    )


class Lookups:
    """Keys of rows that must be in scope, collected so that one SELECT asks for a table's."""

    __slots__ = ("_asked", "_own")

    def __init__(self) -> None:
        self._asked: dict[tuple[Table, tuple[Column[Any], ...]], dict[Key, Reference]] = {}
        self._own: dict[tuple[Table, tuple[Column[Any], ...]], set[Key]] = {}

    def add(self, reference: Reference, key: Key) -> None:
        """Add a key; an error for it names the first reference that had it."""
        asked = self._asked.setdefault((reference.target, reference.remote), {})
        asked.setdefault(key, reference)

    @property
    def asked(self) -> bool:
        """True if there is any key to look up."""
        return bool(self._asked)

    def writing(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Leave out keys of rows that the same write inserts; they are checked themselves.

        Call it after the last ``add``.
        """
        rows = list(rows)
        for target, remote in self._asked:
            if target is table:
                keys = {tuple(row.get(column.key) for column in remote) for row in rows}
                self._own.setdefault((target, remote), set()).update(keys)

    def questions(self) -> Iterator[KeyQuery]:
        """Yield the SELECTs that look up all keys."""
        for place, asked in self._asked.items():
            _, remote = place
            own = self._own.get(place, set())
            keys = [key for key in asked if key not in own]
            size = _VALUES // len(remote)
            for start in range(0, len(keys), size):
                chunk = keys[start : start + size]
                yield KeyQuery(remote, {key: asked[key] for key in chunk})


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """One SELECT that finds which of these keys belong to rows in scope."""

    remote: tuple[Column[Any], ...]
    asked: Mapping[Key, Reference]

    @property
    def statement(self) -> Select[Any]:
        """The SELECT. Its rows may have other keys too, which a collation takes for equal."""
        return _select_keys(self.remote, list(self.asked))

    def check(self, rows: Iterable[Sequence[Any]], dialect: Dialect) -> None:
        """Raise ``OutOfScope`` for a key that none of the rows has.

        Keys are told apart letter by letter, but where the column's type or SQLite's collation
        takes them for equal, as a foreign key does.
        """
        stored = [_stored_form_of(column, dialect) for column in self.remote]

        # In the form in which they are stored: values that are equal in Python may differ there.
        def written(key: Iterable[Any]) -> Key:
            return tuple(store(value) for store, value in zip(stored, key, strict=True))

        found = {written(row) for row in rows}
        for key, reference in self.asked.items():
            if written(key) not in found:
                raise _out_of_scope_error(reference)


def _stored_form_of(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """Return a function that makes values equal that the column takes for equal, and no others."""
    kind: Any = column.type.dialect_impl(dialect)
    process: Callable[[Any], Any] | None = kind.bind_processor(dialect)
    if process is not None:
        return process
    loose = capabilities_of(dialect.name).has_loose_collations
    if isinstance(kind, CITEXT) or (loose and _collation(kind) == "NOCASE"):
        return _fold
    if loose and _collation(kind) == "RTRIM":
        return lambda value: value.rstrip(" ") if isinstance(value, str) else value
    if isinstance(kind, CHAR):
        # PostgreSQL returns a CHAR with spaces up to the column's length.
        return lambda value: value.rstrip(" ") if isinstance(value, str) else value
    return lambda value: value


#: Both find these equal in every locale; of other letters CITEXT's locale decides, and two that are
#: not equal there may be rows of which only one is in scope.
_LETTERS: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def _fold(value: Any) -> Any:
    return value.translate(_LETTERS) if isinstance(value, str) else value


def _collation(kind: Any) -> str:
    return str(getattr(kind, "collation", None) or "").upper()


def _select_keys(remote: tuple[Column[Any], ...], keys: list[Key]) -> Select[Any]:
    if len(remote) == 1:
        return select(*remote).where(remote[0].in_([key[0] for key in keys]))
    return select(*remote).where(tuple_(*remote).in_(keys))


def _out_of_scope_error(reference: Reference) -> OutOfScope:
    if reference.columns == reference.remote:
        return OutOfScope(
            f"{with_article(str(reference.rules))} that is to be changed is outside of the scope",
            hint="read it under this scope, or lift the scope by name",
            model=str(reference.rules),
        )
    fields = tuple(column.key for column in reference.columns)
    table = reference.columns[0].table
    return OutOfScope(
        f"{rules_of(table) or table.name}.{', '.join(fields)} refers to "
        f"{with_article(str(reference.rules))} outside of the scope, or to none",
        model=str(reference.rules),
        fields=fields,
    )
