"""Names for constraints: conventions to choose from, and what has no name.

With names an error can say which constraint refused, and a migration can drop one. Nothing here
happens by itself: an application that has tables already has names for them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Constraint,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.schema import conv
from sqlmodel import SQLModel

from colonnade._compat.sqlalchemy_naming import name_by_convention
from colonnade.errors import InvalidMapping

__all__ = [
    "NAMING_CONVENTION",
    "POSTGRESQL_NAMES",
    "check_names",
    "install_naming_convention",
    "unnamed_constraints",
]

# PostgreSQL cuts a name at 63 characters, MySQL refuses one of more than 64; SQLAlchemy shortens
# it by its own rule. Each would know the constraint by another name.
_LONGEST: Final = 63


def _postgresql_name(label: str) -> Callable[[Constraint, Table], str]:
    """Return what names a constraint as PostgreSQL does: table, columns and a label, cut to fit."""

    def name(item: Constraint, table: Table) -> str:
        # A key is named after its table alone.
        columns = "" if isinstance(item, PrimaryKeyConstraint) else "_".join(_column_names(item))
        parts = [part for part in (table.name, columns) if part]
        while len("_".join((*parts, label)).encode()) > _LONGEST:
            # The longer one is cut, of two that are as long the second.
            longest = max(reversed(range(len(parts))), key=lambda place: len(parts[place]))
            parts[longest] = parts[longest][:-1]
        return "_".join((*parts, label))

    return name


#: Every constraint by its table and columns; a CHECK by the name that it is declared with.
NAMING_CONVENTION: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: The names that PostgreSQL gives to constraints without one, such as ``hero_team_id_fkey``: those
#: of a database that was created without a convention. A CHECK keeps its name or has none.
POSTGRESQL_NAMES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "uq": "%(postgresql_key)s",
        "fk": "%(postgresql_fkey)s",
        "pk": "%(postgresql_pkey)s",
        "postgresql_key": _postgresql_name("key"),
        "postgresql_fkey": _postgresql_name("fkey"),
        "postgresql_pkey": _postgresql_name("pkey"),
    }
)

_KINDS = {
    PrimaryKeyConstraint: "PRIMARY KEY",
    ForeignKeyConstraint: "FOREIGN KEY",
    UniqueConstraint: "UNIQUE",
    CheckConstraint: "CHECK",
    Index: "INDEX",
}

#: What every ``MetaData`` begins with: a name for indexes.
_UNCHANGED: Final = MetaData().naming_convention


def install_naming_convention(
    metadata: MetaData = SQLModel.metadata, convention: Mapping[str, Any] = NAMING_CONVENTION
) -> bool:
    """Give ``metadata`` the naming convention; return False if it has one already, which stays.

    Tables that are there already get the same names as those declared from now on, so it does not
    matter whether the models are imported before. A constraint without a name stays so where the
    convention has none for its kind, and a CHECK where the convention builds on its own name.
    """
    if metadata.naming_convention != _UNCHANGED:
        return False
    defaults = [index for index in _indexes(metadata) if _has_default_name(index)]
    metadata.naming_convention = dict(_UNCHANGED) | dict(convention)
    for index in defaults:
        index.name = None
    for table in metadata.tables.values():
        for item in _items(table):
            _rename(item, table)
    return True


def _indexes(metadata: MetaData) -> Iterator[Index]:
    for table in metadata.tables.values():
        yield from table.indexes


def _has_default_name(index: Index) -> bool:
    """Return whether SQLAlchemy's own convention named the index, and not whoever declared it."""
    given, table = index.name, index.table
    if table is None or not isinstance(given, conv):
        return False
    index.name = None
    try:
        return name_by_convention(index, table) == given
    finally:
        index.name = given


def _rename(item: Constraint | Index, table: Table) -> None:
    try:
        name = name_by_convention(item, table)
    except InvalidRequestError:
        return  # a CHECK without a name of its own, on which the convention builds
    if name is not None:
        item.name = name


def unnamed_constraints(metadata: MetaData) -> tuple[str, ...]:
    """Return what is wrong with the names of constraints and indexes, one sentence each."""
    return tuple(problem for table in metadata.sorted_tables for problem in _problems_of(table))


def check_names(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` when a constraint has no name, or one that is too long."""
    if problems := unnamed_constraints(metadata):
        raise InvalidMapping(
            "constraints without a usable name:\n" + "\n".join(f"- {item}" for item in problems),
            hint="name them where they are declared, or call install_naming_convention(): a "
            "convention names all but a CHECK, which needs a name of its own",
        )


def _problems_of(table: Table) -> Iterator[str]:
    for item in sorted(_items(table), key=_description):
        # A CHECK that a type made has a marker, which is no str, where a name should be.
        if not isinstance(item.name, str):
            if not _is_empty_key(item):
                yield f"{table.fullname}: {_description(item)} has no name"
        elif len(item.name) > _LONGEST:
            yield f"{table.fullname}: the name {item.name!r} is longer than {_LONGEST} characters"


def _is_empty_key(item: Constraint | Index) -> bool:
    return isinstance(item, PrimaryKeyConstraint) and not item.columns


def _description(item: Constraint | Index) -> str:
    kind = next((word for known, word in _KINDS.items() if isinstance(item, known)), "constraint")
    if isinstance(item, CheckConstraint):
        plainly = {"literal_binds": True, "include_table": False}
        return f"{kind} ({item.sqltext.compile(compile_kwargs=plainly)})"
    return f"{kind} ({', '.join(_column_names(item))})"


def _items(table: Table) -> list[Constraint | Index]:
    return [*table.constraints, *table.indexes]


def _column_names(item: Constraint | Index) -> list[str]:
    return [column.name for column in getattr(item, "columns", ())]
