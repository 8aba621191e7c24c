"""Compare keys as the lookup ``eq`` compares them, and ask the database which key equals which.

A key that was asked for may be another value than the one that is stored: PostgreSQL finds ``de``
in a ``CHAR(5)`` and ``EUR`` in a ``CITEXT`` that holds ``eur``, and a type of the user's own may
write any value as another. Then only the database knows which row a key names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Integer, bindparam, literal_column, select, union_all

from colonnade.caches import memoized
from colonnade.filters import OPERATORS
from colonnade.mapping import mapping_of
from colonnade.spec.memory import remembered
from colonnade.spec.parameters import name_key_value
from colonnade.values import equal_as_asked, family_of, integer_bounds

__all__ = [
    "KeyQuestion",
    "build_equal",
    "build_key_criteria",
    "has_exact_key",
    "is_found_by_value",
    "key_questions",
    "make_equal_parameter",
]

Key: TypeAlias = tuple[Any, ...]

_EQ: Final = OPERATORS["eq"]
#: Keys of one statement, so that there are three texts for any number; SQLite puts at most 500
#: selects together.
_SIZES: Final = (1, 16, 128)


def build_equal(column: Any, value: Any) -> ColumnElement[bool]:
    """Return the condition that a column equals a value or a ``make_equal_parameter``."""
    return _EQ.build(column, value)


def make_equal_parameter(column: Any, name: str) -> Any:
    """Return the parameter ``name``, whose value a column is compared with."""
    return _EQ.make_parameter(name, column.type)


def build_key_criteria(model: type[Any], key: Key) -> list[ColumnElement[bool]]:
    """Return the conditions of the row with this key."""
    columns = [getattr(model, name) for name in mapping_of(model).key]
    return [
        build_equal(column, bindparam(None, value, type_=_EQ.kind(column.type)))
        for column, value in zip(columns, key, strict=True)
    ]


@memoized
def has_exact_key(model: type[Any]) -> bool:
    """Return whether a key that was asked for names just the row whose key Python finds equal."""
    mapped = mapping_of(model)
    return all(equal_as_asked(mapped.columns[name].type) for name in mapped.key)


def is_found_by_value(model: type[Any], key: Key) -> bool:
    """Return whether a session that looks for the key by its value finds what ``eq`` finds.

    Not an integer that is wider than its column either: PostgreSQL refuses to take it for one.
    """
    return has_exact_key(model) and all(
        low <= key[place] <= high for place, low, high in _integer_key_bounds(model)
    )


@memoized
def _integer_key_bounds(model: type[Any]) -> tuple[tuple[int, int, int], ...]:
    mapped = mapping_of(model)
    kinds = [mapped.columns[name].type for name in mapped.key]
    return tuple(
        (place, *integer_bounds(kind))
        for place, kind in enumerate(kinds)
        if family_of(kind) == "integer"
    )


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """A statement that returns, for each key that a row has, its number and the row's own key."""

    statement: Any
    parameters: dict[str, Any]
    keys: Sequence[Key]

    def pair(self, rows: Iterable[Sequence[Any]]) -> dict[Key, Key]:
        """Return the keys as the database has them, by the keys that were asked for."""
        told: dict[Key, Key] = {}
        for row in rows:
            number: int = row[0]
            told[self.keys[number]] = tuple(row[1:])
        return told


def key_questions(model: type[Any], keys: Sequence[Key]) -> Iterator[KeyQuestion]:
    """Yield the statements that match asked keys with stored ones, 128 keys at once."""
    for start in range(0, len(keys), _SIZES[-1]):
        chunk = keys[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if len(chunk) <= size)
        padded = [*chunk, *(chunk[-1] for _ in range(size - len(chunk)))]
        bound = {
            name_key_value(number, place): value
            for number, key in enumerate(padded)
            for place, value in enumerate(key)
        }
        # The padding repeats the last key, so that its answer is the same.
        yield KeyQuestion(_build_key_question(model, size), bound, padded)


@remembered
def _build_key_question(model: type[Any], size: int) -> Any:
    columns = [getattr(model, name) for name in mapping_of(model).key]
    return union_all(
        *(
            select(literal_column(str(number), Integer), *columns).where(
                *(
                    build_equal(column, make_equal_parameter(column, name_key_value(number, place)))
                    for place, column in enumerate(columns)
                )
            )
            for number in range(size)
        )
    )
