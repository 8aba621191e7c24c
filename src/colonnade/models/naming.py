"""Names for every constraint, so that an error can name one and a migration can drop it."""

from __future__ import annotations

from collections.abc import Iterator

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
from sqlmodel import SQLModel

from colonnade.errors import InvalidMapping

__all__ = ["NAMING_CONVENTION", "check_names", "install_naming_convention", "unnamed_constraints"]

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# PostgreSQL cuts a name at 63 characters, MySQL refuses one of more than 64; SQLAlchemy shortens
# it by its own rule. Each would know the constraint by another name.
_LONGEST = 63

_KINDS = {
    PrimaryKeyConstraint: "PRIMARY KEY",
    ForeignKeyConstraint: "FOREIGN KEY",
    UniqueConstraint: "UNIQUE",
    CheckConstraint: "CHECK",
    Index: "INDEX",
}

_UNCHANGED = MetaData().naming_convention


def install_naming_convention(metadata: MetaData = SQLModel.metadata) -> bool:
    """Give ``metadata`` the naming convention, unless it has one; answers whether it did.

    A convention names what is declared after it: call this before the first model. Importing
    ``colonnade.models`` does so for ``SQLModel.metadata``.
    """
    if metadata.naming_convention != _UNCHANGED:
        return False
    metadata.naming_convention = dict(NAMING_CONVENTION)
    return True


def unnamed_constraints(metadata: MetaData) -> tuple[str, ...]:
    """What is wrong with the names of constraints and indexes, one sentence each."""
    return tuple(problem for table in metadata.sorted_tables for problem in _problems_of(table))


def check_names(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` when a constraint has no name, or one that is too long."""
    if problems := unnamed_constraints(metadata):
        raise InvalidMapping(
            "constraints without a usable name:\n" + "\n".join(f"- {item}" for item in problems),
            hint="name them, or import colonnade.models before the first model: "
            "a naming convention only names what is declared after it",
        )


def _problems_of(table: Table) -> Iterator[str]:
    items: list[Constraint | Index] = [*table.constraints, *table.indexes]
    for item in sorted(items, key=_description):
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
    names = [column.name for column in getattr(item, "columns", ())]
    return f"{kind} ({', '.join(names)})"
