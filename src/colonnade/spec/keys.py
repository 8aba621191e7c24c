"""In charge of keys in bulk: as many in one statement as every driver binds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, tuple_
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel import select

from colonnade.filters import OPERATORS
from colonnade.filters.families import family_of
from colonnade.filters.membership import among as one_of_many
from colonnade.filters.stored import among_stored
from colonnade.mapping import mapping_of

__all__ = ["among", "among_asked", "among_held", "asked", "chunked", "keyed"]

_KEYS: Final = 10_000
#: Text is compared as the database likes, and nobody knows how a list of another type travels.
_BY_ONE: Final = frozenset({"text", "other"})
#: As lookups compare: a text letter by letter, whatever the collation.
_IN: Final = OPERATORS["in"]
#: Values; asyncpg takes 32,767 arguments.
_VALUES: Final = 30_000


def among(entity: Any, names: Sequence[str]) -> Any:
    """The condition that an entity's key is one of those bound as ``keys``."""
    columns = [getattr(entity, name) for name in names]
    if len(columns) == 1 and family_of(columns[0].type) not in _BY_ONE:
        # One text for any number of keys, so that it is prepared once.
        return one_of_many(columns[0], bindparam("keys", type_=columns[0].type, expanding=True))
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    return key.in_(bindparam("keys", expanding=True))


def among_asked(model: type[Any]) -> Any:
    """Return the same for keys that were asked for, which are compared as lookups compare."""
    columns = [getattr(model, name) for name in mapping_of(model).key]
    if len(columns) == 1:
        return _IN.build(columns[0], _IN.bound("keys", columns[0].type))
    return among_stored(columns, "keys", [_IN.kind(column.type) for column in columns])


def among_held(entity: Any, names: Sequence[str]) -> Any:
    """The same for keys that the database has returned: one text for any number, of any width."""
    columns = [getattr(entity, name) for name in names]
    if len(columns) == 1 and family_of(columns[0].type) not in _BY_ONE:
        return among(entity, names)
    return among_stored(columns, "keys")


def chunked(keys: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, list[Any]]]:
    """What to bind for ``among``: the keys by 10,000, or fewer where a key is wide.

    Of a wide key each column too, which ``among_held`` binds on PostgreSQL.
    """
    if not keys:
        return
    width = len(keys[0])
    size = min(_KEYS, _VALUES // width)
    for start in range(0, len(keys), size):
        chunk = keys[start : start + size]
        if width == 1:
            yield {"keys": [key[0] for key in chunk]}
        else:
            columns = enumerate(zip(*chunk, strict=True))
            yield {"keys": list(chunk)} | {f"keys_{place}": list(own) for place, own in columns}


def keyed(model: type[Any], options: Sequence[ORMOption] = ()) -> Any:
    """SELECT of the objects whose keys are bound as ``keys``, as the database has them."""
    return select(model).where(among(model, mapping_of(model).key)).options(*options)


def asked(model: type[Any], options: Sequence[ORMOption] = ()) -> Any:
    """SELECT of the objects whose keys are bound as ``keys``, as somebody asks for them."""
    return select(model).where(among_asked(model)).options(*options)
