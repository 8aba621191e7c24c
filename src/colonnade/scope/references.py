"""In charge of which rows a write refers to: foreign keys to tables that have scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import CHAR, Column, ForeignKeyConstraint, Select, Table, select, tuple_
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import NoReferenceError

from colonnade.errors import OutOfScope
from colonnade.mapping import with_article
from colonnade.scope.bindings import Bindings
from colonnade.scope.rules import Rules, rules_of

__all__ = ["Key", "Lookups", "Question", "Reference", "key_reference", "references"]

Key: TypeAlias = tuple[Any, ...]

#: Values of one statement; asyncpg takes 32,767 arguments.
_VALUES: Final = 30_000


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns whose values are those of a row in ``target``, which must be in scope."""

    columns: tuple[Column[Any], ...]
    target: Table
    remote: tuple[Column[Any], ...]
    rules: Rules

    def key(self, row: Mapping[str, Any]) -> Key | None:
        """The values that a row has for it, by column key; None if one of them is NULL."""
        found = tuple(row.get(column.key) for column in self.columns)
        return None if any(value is None for value in found) else found


def references(table: Any, bindings: Bindings) -> list[Reference]:
    """The foreign keys of a table to tables of which a scope holds."""
    if not isinstance(table, Table):
        return []
    found = (_reference(item) for item in table.foreign_key_constraints)
    return [item for item in found if item is not None and bindings.active(item.rules)]


def key_reference(table: Table, rules: Rules) -> Reference:
    """What refers to a row by its own primary key."""
    key = tuple(table.primary_key)
    return Reference(key, table, key, rules)


def _reference(constraint: ForeignKeyConstraint) -> Reference | None:
    try:
        target = constraint.referred_table
    except NoReferenceError:
        # A table that no model of this program is for: what scopes would it have?
        return None
    rules = rules_of(target)
    if rules is None:
        return None
    pairs = [(element.parent, element.column) for element in constraint.elements]
    return Reference(
        tuple(parent for parent, _ in pairs), target, tuple(other for _, other in pairs), rules
    )


class Lookups:
    """Keys of rows that must be in scope, gathered so that one statement asks for a table's."""

    __slots__ = ("_asked", "_own")

    def __init__(self) -> None:
        self._asked: dict[tuple[Table, tuple[Column[Any], ...]], dict[Key, Reference]] = {}
        self._own: dict[tuple[Table, tuple[Column[Any], ...]], set[Key]] = {}

    def add(self, reference: Reference, key: Key) -> None:
        """One more key; who refers to it is told if it is not there."""
        asked = self._asked.setdefault((reference.target, reference.remote), {})
        asked.setdefault(key, reference)

    @property
    def asked(self) -> bool:
        """Whether there is anything to look up."""
        return bool(self._asked)

    def writing(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows that are being inserted: what refers to one of them needs no asking.

        Call it when every key was added.
        """
        rows = list(rows)
        for target, remote in self._asked:
            if target is table:
                keys = {tuple(row.get(column.key) for column in remote) for row in rows}
                self._own.setdefault((target, remote), set()).update(keys)

    def questions(self) -> Iterator[Question]:
        """Return what to ask, so that each key is found or refused."""
        for place, asked in self._asked.items():
            _, remote = place
            own = self._own.get(place, set())
            keys = [key for key in asked if key not in own]
            size = _VALUES // len(remote)
            for start in range(0, len(keys), size):
                chunk = keys[start : start + size]
                yield Question(remote, {key: asked[key] for key in chunk})


@dataclass(frozen=True, slots=True)
class Question:
    """Which of these keys rows in scope have; one SELECT."""

    remote: tuple[Column[Any], ...]
    asked: Mapping[Key, Reference]

    @property
    def statement(self) -> Select[Any]:
        """The SELECT, which may find more: keys that a collation takes for one of these."""
        return _among(self.remote, list(self.asked))

    def check(self, rows: Iterable[Sequence[Any]], dialect: Dialect) -> None:
        """Raise ``OutOfScope`` for a key that none of the rows has, letter by letter."""
        stored = [_storing(column, dialect) for column in self.remote]

        def written(key: Iterable[Any]) -> Key:
            return tuple(store(value) for store, value in zip(stored, key, strict=True))

        found = {written(row) for row in rows}
        for key, reference in self.asked.items():
            if written(key) not in found:
                raise _outside(reference)


def _storing(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """A function that makes values that are stored alike equal, and no others."""
    kind: Any = column.type.dialect_impl(dialect)
    process: Callable[[Any], Any] | None = kind.bind_processor(dialect)
    if process is not None:
        return process
    if isinstance(kind, CHAR):
        # PostgreSQL answers with spaces up to the column's length.
        return lambda value: value.rstrip(" ") if isinstance(value, str) else value
    return lambda value: value


def _among(remote: tuple[Column[Any], ...], keys: list[Key]) -> Select[Any]:
    if len(remote) == 1:
        return select(*remote).where(remote[0].in_([key[0] for key in keys]))
    return select(*remote).where(tuple_(*remote).in_(keys))


def _outside(reference: Reference) -> OutOfScope:
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
