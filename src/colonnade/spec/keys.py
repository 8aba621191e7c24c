"""Select rows by key, and name the bind parameters of conditions.

``bound`` gives the values of a spec the names that ``names`` counts in compiled conditions.
``keyed`` and ``asked`` select objects by any number of keys, which ``chunk_keys`` splits for the
statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from typing import Any, Final

from sqlalchemy import bindparam, tuple_
from sqlalchemy.orm.interfaces import ORMOption
from sqlmodel import select

from colonnade.caches import memoized
from colonnade.filters import OPERATORS, Pair
from colonnade.mapping import mapping_of
from colonnade.spec.parameters import ASKED_KEYS, name_key_column
from colonnade.sql.membership import build_in as one_of_many
from colonnade.sql.membership import build_in_stored_keys
from colonnade.values import family_of

__all__ = [
    "bind_values",
    "build_asked_key_in",
    "build_key_in",
    "build_stored_key_in",
    "chunk_keys",
    "parameter_names",
    "select_by_asked_keys",
    "select_by_stored_keys",
    "unused_prefix",
]

#: Most statements have no more values than this.
_FEW: Final = 32
_KEYS: Final = 10_000
#: Families whose keys are not sent as one list: text, which a collation compares in its own way,
#: and unknown types, for which nothing says how a list is written.
_BY_ONE: Final = frozenset({"text", "other"})
#: The operator ``in`` of lookups, which compares text exactly, whatever the collation.
_IN: Final = OPERATORS["in"]
#: The most values of one statement; asyncpg takes 32,767 arguments.
_VALUES: Final = 30_000


def parameter_names(prefix: str) -> Iterator[str]:
    """Yield the bind parameters' names for a spec's values, in order: ``v0``, ``v1``, …."""
    return (f"{prefix}{number}" for number in count())


def bind_values(prefix: str, values: Iterable[Any]) -> dict[str, Any]:
    """Return the values by these names; a ``Pair`` has two."""
    values = tuple(values)
    if len(values) <= _FEW and Pair not in map(type, values):
        return dict(zip(_first_names(prefix), values, strict=False))
    found: dict[str, Any] = {}
    for name, value in zip(parameter_names(prefix), values, strict=False):
        if type(value) is Pair:
            found[f"{name}_low"], found[f"{name}_high"] = value
        else:
            found[name] = value
    return found


@memoized
def unused_prefix(model: type[Any], prefix: str) -> str:
    """Return the prefix, with as many ``_`` before it as no column of the model begins with.

    In an UPDATE the values of SET are bound by the names of their columns, so that a value of
    another name must not pass for one.
    """
    while any(name.startswith(prefix) for name in mapping_of(model).table.c.keys()):  # noqa: SIM118 # a collection of columns
        prefix = f"_{prefix}"
    return prefix


def build_key_in(entity: Any, names: Sequence[str]) -> Any:
    """Return the condition that an entity's key is one of those bound as ``keys``."""
    columns = [getattr(entity, name) for name in names]
    if len(columns) == 1 and family_of(columns[0].type) not in _BY_ONE:
        # One text for any number of keys, so that it is prepared once.
        return one_of_many(columns[0], bindparam(ASKED_KEYS, type_=columns[0].type, expanding=True))
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    return key.in_(bindparam(ASKED_KEYS, expanding=True))


def build_asked_key_in(model: type[Any]) -> Any:
    """Return the condition for keys that a caller gave, compared as lookups compare."""
    columns = [getattr(model, name) for name in mapping_of(model).key]
    if len(columns) == 1:
        return _IN.build(columns[0], _IN.make_parameter(ASKED_KEYS, columns[0].type))
    return build_in_stored_keys(columns, ASKED_KEYS, [_IN.kind(column.type) for column in columns])


def build_stored_key_in(entity: Any, names: Sequence[str]) -> Any:
    """Return the condition for keys that the database has returned.

    One text of SQL serves any number of keys with any number of columns.
    """
    columns = [getattr(entity, name) for name in names]
    if len(columns) == 1 and family_of(columns[0].type) not in _BY_ONE:
        return build_key_in(entity, names)
    return build_in_stored_keys(columns, ASKED_KEYS)


def chunk_keys(keys: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, list[Any]]]:
    """Yield the values to bind for ``among``: 10,000 keys at once, or fewer of several columns.

    For keys of several columns it has each column too, which ``build_stored_key_in`` binds on
    PostgreSQL.
    """
    if not keys:
        return
    width = len(keys[0])
    size = min(_KEYS, _VALUES // width)
    for start in range(0, len(keys), size):
        chunk = keys[start : start + size]
        if width == 1:
            yield {ASKED_KEYS: [key[0] for key in chunk]}
        else:
            columns = enumerate(zip(*chunk, strict=True))
            yield {ASKED_KEYS: list(chunk)} | {
                name_key_column(place): list(own) for place, own in columns
            }


def select_by_stored_keys(model: type[Any], options: Sequence[ORMOption] = ()) -> Any:
    """Return the SELECT of objects by ``keys`` that are as the database has stored them."""
    return select(model).where(build_key_in(model, mapping_of(model).key)).options(*options)


def select_by_asked_keys(model: type[Any], options: Sequence[ORMOption] = ()) -> Any:
    """Return the SELECT of objects by ``keys`` that are as a caller gave them."""
    return select(model).where(build_asked_key_in(model)).options(*options)


@memoized
def _first_names(prefix: str) -> tuple[str, ...]:
    return tuple(islice(parameter_names(prefix), _FEW))
