"""In charge of what a new object has from its model's class, for rows that become none by it.

SQLModel gives a new object the defaults of its fields, and the mixins' listeners see to it before
the INSERT. What the columns and the database fill in is left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic.fields import FieldInfo
from sqlalchemy import inspect
from sqlalchemy.orm import Mapper

from colonnade.mapping import mapping_of, memoized
from colonnade.models import Timestamps

__all__ = ["complete"]

Row: TypeAlias = dict[str, Any]

#: Values that can be shared by any number of rows.
_SHARED = (bool, int, float, str, bytes, type(None))


def complete(model: type[Any], rows: Sequence[Row]) -> None:
    """Give rows the values that an object made of them would have before the INSERT."""
    mapper: Mapper[Any] = inspect(model)
    version, first_version = mapping_of(model).version, mapper.version_id_generator
    dated = issubclass(model, Timestamps)
    known: dict[tuple[str, ...], _Lacking] = {}
    for row in rows:
        names = tuple(row)
        lacking = known.get(names)
        if lacking is None:
            lacking = known[names] = _lacking(model, names)
        is_touched = dated and "updated_at" in row
        row.update(lacking.shared)
        for name, make in lacking.made:
            value = make()
            if value is not None or name not in lacking.filled:
                row[name] = value
        if dated and not is_touched:
            row["updated_at"] = row["created_at"]
        if version is not None and first_version:
            row[version] = first_version(None)


@dataclass(frozen=True, slots=True)
class _Lacking:
    """What rows with values for certain attributes get besides."""

    shared: Row
    made: tuple[tuple[str, Callable[[], Any]], ...]
    #: Attributes of ``made`` for which None is a wish for what the column fills in.
    filled: frozenset[str]


@memoized
def _lacking(model: type[Any], names: tuple[str, ...]) -> _Lacking:
    shared: Row = {}
    made: list[tuple[str, Callable[[], Any]]] = []
    columns = mapping_of(model).columns
    filled = frozenset(
        name
        for name, column in columns.items()
        if column.has_default or column.has_server_default or column.computed
    )
    for name in columns.keys() - set(names):
        field: FieldInfo | None = model.model_fields.get(name)
        if field is None or field.is_required():
            if columns[name].type.should_evaluate_none:
                continue  # JSON, in which None that was set is a document
            value = None
        elif field.default_factory is not None or type(field.default) not in _SHARED:
            made.append((name, _maker(field)))
            continue
        else:
            value = field.default
        if value is not None or name not in filled:
            shared[name] = value
    return _Lacking(shared, tuple(made), filled)


def _maker(field: FieldInfo) -> Callable[[], Any]:
    return lambda: field.get_default(call_default_factory=True)
