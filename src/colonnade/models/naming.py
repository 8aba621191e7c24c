"""Name the constraints of a metadata by a convention, and find those without a usable name.

An error can say which constraint a row violates only if it has a name, and a migration can drop
only a constraint with a name. No convention is installed by itself: the tables of an existing
database have names already, which a convention would not match.
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

# PostgreSQL cuts a name after 63 characters, MySQL refuses one of more than 64, and SQLAlchemy
# shortens it by a rule of its own. A longer name would be another one on each of them.
_LONGEST: Final = 63


def _postgresql_name(label: str) -> Callable[[Constraint, Table], str]:
    """Return the function that names a constraint as PostgreSQL does when it has no name.

    The name is made of the table, the columns and ``label``, cut to fit.
    """

    def name(item: Constraint, table: Table) -> str:
        # The name of a primary key has no columns in it.
        columns = "" if isinstance(item, PrimaryKeyConstraint) else "_".join(_column_names(item))
        parts = [part for part in (table.name, columns) if part]
        while len("_".join((*parts, label)).encode()) > _LONGEST:
            # PostgreSQL cuts the longer part, and the second of two equally long ones.
            longest = max(reversed(range(len(parts))), key=lambda place: len(parts[place]))
            parts[longest] = parts[longest][:-1]
        return "_".join((*parts, label))

    return name


#: Names every constraint by its table and columns, and a CHECK by the name in its declaration.
NAMING_CONVENTION: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Names constraints as PostgreSQL does for those without a name, such as ``hero_team_id_fkey``: for
#: a database that was created without a convention. A CHECK keeps its name, or has none.
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

#: The convention that every new ``MetaData`` has: names for indexes only.
_DEFAULT_CONVENTION: Final = MetaData().naming_convention


def install_naming_convention(
    metadata: MetaData = SQLModel.metadata, convention: Mapping[str, Any] = NAMING_CONVENTION
) -> bool:
    """Give ``metadata`` the naming convention; return False if it has one already, which stays.

    Tables that are declared already are renamed as well, so models may be imported before or after
    this call. A constraint stays without a name if the convention has none for its kind. So does a
    CHECK without a name if the convention's name for it contains the declared one.
    """
    if metadata.naming_convention != _DEFAULT_CONVENTION:
        return False
    # Found before the convention changes: afterwards a default name looks like one by hand.
    defaults = [index for index in _all_indexes(metadata) if _has_default_name(index)]
    metadata.naming_convention = dict(_DEFAULT_CONVENTION) | dict(convention)
    for index in defaults:
        index.name = None
    for table in metadata.tables.values():
        for item in _constraints_and_indexes(table):
            _apply_convention(item, table)
    return True


def _all_indexes(metadata: MetaData) -> Iterator[Index]:
    """Yield the indexes of all tables."""
    for table in metadata.tables.values():
        yield from table.indexes


def _has_default_name(index: Index) -> bool:
    """Return whether an index has its name by SQLAlchemy's default convention, not by hand."""
    declared, table = index.name, index.table
    if table is None or not isinstance(declared, conv):
        return False
    # The convention names only an index without a name, so take the name away for a moment.
    index.name = None
    try:
        return name_by_convention(index, table) == declared
    finally:
        index.name = declared


def _apply_convention(item: Constraint | Index, table: Table) -> None:
    """Name a constraint by the metadata's convention, if that has a name for it."""
    try:
        name = name_by_convention(item, table)
    except InvalidRequestError:
        return  # a CHECK that was declared without the name that the convention contains
    if name is not None:
        item.name = name


def unnamed_constraints(metadata: MetaData) -> tuple[str, ...]:
    """Return a sentence for each constraint and index without a name, or with one too long."""
    return tuple(problem for table in metadata.sorted_tables for problem in _name_problems(table))


def check_names(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` if a constraint or index has no name, or one that is too long."""
    if problems := unnamed_constraints(metadata):
        raise InvalidMapping(
            "constraints without a usable name:\n" + "\n".join(f"- {item}" for item in problems),
            hint="name them where they are declared, or call install_naming_convention(): a "
            "convention names all but a CHECK, which needs a name of its own",
        )


def _name_problems(table: Table) -> Iterator[str]:
    """Yield a sentence for each of a table's constraints and indexes without a usable name."""
    for item in sorted(_constraints_and_indexes(table), key=_describe_constraint):
        # A CHECK that belongs to a type has a marker object in place of a name.
        if not isinstance(item.name, str):
            if not _is_empty_key(item):
                yield f"{table.fullname}: {_describe_constraint(item)} has no name"
        elif len(item.name) > _LONGEST:
            yield f"{table.fullname}: the name {item.name!r} is longer than {_LONGEST} characters"


def _is_empty_key(item: Constraint | Index) -> bool:
    """Return whether it is the primary key that SQLAlchemy gives to a table without one."""
    return isinstance(item, PrimaryKeyConstraint) and not item.columns


def _describe_constraint(item: Constraint | Index) -> str:
    """Return a constraint as errors call it: its kind and columns, or the condition of a CHECK."""
    kind = next((word for known, word in _KINDS.items() if isinstance(item, known)), "constraint")
    if isinstance(item, CheckConstraint):
        options = {"literal_binds": True, "include_table": False}
        return f"{kind} ({item.sqltext.compile(compile_kwargs=options)})"
    return f"{kind} ({', '.join(_column_names(item))})"


def _constraints_and_indexes(table: Table) -> list[Constraint | Index]:
    """Return the constraints and indexes of a table."""
    return [*table.constraints, *table.indexes]


def _column_names(item: Constraint | Index) -> list[str]:
    return [column.name for column in getattr(item, "columns", ())]
