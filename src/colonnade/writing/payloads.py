"""Check many payloads at once, column by column: the rows are those of ``parse_insert``.

Looking at each value of each payload costs as much as the INSERT does. Payloads of one schema are
alike: what a schema has is found out once, and the values of a column are checked together. If
anything is wrong or unusual, every payload goes through ``parse_insert``, so that rows and errors
are always the same as for one payload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType, NoneType
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from colonnade.caches import memoized
from colonnade.engine import CollectionPaused
from colonnade.errors import InvalidOperand
from colonnade.filters.operands import BatchValidator, column_batch_validator
from colonnade.mapping import mapping_of
from colonnade.writing.changes import parse_insert, payload_keys, required_attributes

__all__ = ["parse_inserts"]

Row: TypeAlias = dict[str, Any]


def parse_inserts(
    model: type[Any],
    schema: type[BaseModel],
    payloads: Iterable[Any],
    filled: Mapping[str, Any] = MappingProxyType({}),
) -> list[Row]:
    """Return what to insert for each payload, in their order; see ``parse_insert``.

    Raise ``InvalidChanges`` for the first payload that may not be written.
    """
    if isinstance(payloads, str | bytes | Mapping) or not isinstance(payloads, Iterable):
        raise InvalidOperand(
            f"create_many takes a collection of payloads, not {type(payloads).__name__}",
            hint="hand in a list, or one payload to create",
            model=model.__name__,
        )
    given = list(payloads)
    if len(given) == 1:
        return [parse_insert(model, schema, given[0], filled)]
    with CollectionPaused():
        items = _validate_payloads(schema, given)
        rows = None if items is None else _payload_rows(model, items, filled)
    if rows is None:
        return [parse_insert(model, schema, payload, filled) for payload in given]
    return rows


def _validate_payloads(schema: type[BaseModel], payloads: Sequence[Any]) -> list[BaseModel] | None:
    """Return the payloads as objects of a schema; None if one needs a closer look."""
    items: list[BaseModel] = []
    for kind, alike in groupby(payloads, type):
        if issubclass(kind, BaseModel) and not hasattr(kind, "__table__"):
            items += alike
            continue
        if not issubclass(kind, dict):
            return None
        fields = _fields_by_key(schema)
        if fields is None:
            return None
        is_open = schema.model_config.get("extra") == "allow"
        validate = schema.__pydantic_validator__.validate_python
        known: set[tuple[Any, ...]] = set()
        for payload in alike:
            keys = tuple(payload)
            if keys not in known:
                if not is_open and not fields.keys() >= set(keys):
                    return None
                if len({fields.get(key, key) for key in keys}) < len(keys):
                    return None
                known.add(keys)
            try:
                # A copy: a validator of the schema may change the mapping that it is handed.
                items.append(validate(dict(payload), by_name=True, by_alias=True))
            except ValidationError:
                return None
    return items


@memoized
def _fields_by_key(schema: type[BaseModel]) -> Mapping[str, str] | None:
    """Return the field that each key of a mapping fills; None if a key could fill two."""
    found: dict[str, str] = {}
    for name, spellings in payload_keys(schema)[0].items():
        if spellings & found.keys():
            return None
        found |= dict.fromkeys(spellings, name)
    return found


def _payload_rows(
    model: type[Any], items: Sequence[BaseModel], filled: Mapping[str, Any]
) -> list[Row] | None:
    """Return the rows, or None if something is wrong with one of them."""
    rows: list[Row] = []
    for kind, alike in groupby(items, type):
        shape = _payload_shape(model, kind)
        for item in alike:
            fields = item.__dict__
            # The results of cached properties are stored in the same dictionary.
            if len(fields) == len(shape.names):
                row = fields.copy()
            elif fields.keys() >= set(shape.names):
                row = {name: fields[name] for name in shape.names}
            else:  # made by model_construct without all of its fields
                return None
            if shape.is_open and item.model_extra:
                row |= item.model_extra
            for name in shape.filled:
                if row[name] is None and name not in item.model_fields_set:
                    del row[name]
            rows.append(row)
    for name, value in filled.items():
        for row in rows:
            if row.get(name) is None:
                row[name] = value
    by_names: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        by_names.setdefault(tuple(row), []).append(row)
    fits = all(_check_columns(model, names, alike) for names, alike in by_names.items())
    return rows if fits else None


@dataclass(frozen=True, slots=True)
class _PayloadShape:
    """The fields that payloads of one schema have; others too if it ``is_open``."""

    names: tuple[str, ...]
    is_open: bool
    #: Fields whose columns have a default: None that was not set by the payload gives way to it.
    filled: tuple[str, ...]


@memoized
def _payload_shape(model: type[Any], kind: type[BaseModel]) -> _PayloadShape:
    names = tuple(kind.model_fields)
    columns = mapping_of(model).columns
    return _PayloadShape(
        names,
        kind.model_config.get("extra") == "allow",
        tuple(
            name
            for name in names
            if name in columns and (columns[name].has_default or columns[name].has_server_default)
        ),
    )


def _check_columns(model: type[Any], names: tuple[str, ...], rows: Sequence[Row]) -> bool:
    """Return whether rows with these names may be written; replace values by their columns' own."""
    columns = _batch_validators(model)
    if not columns.keys() >= set(names) >= set(required_attributes(model)):
        return False
    for name in names:
        nullable, check_all = columns[name]
        values = [row[name] for row in rows]
        if not nullable and NoneType in set(map(type, values)):
            return False
        try:
            checked = check_all(values)
        except InvalidOperand:
            return False
        if checked is not values:
            for row, value in zip(rows, checked, strict=True):
                row[name] = value
    return True


@memoized
def _batch_validators(model: type[Any]) -> Mapping[str, tuple[bool, BatchValidator]]:
    """Return, for each writable column, whether it takes NULL and its batch validator."""
    return {
        name: (column.nullable, column_batch_validator(model, name))
        for name, column in mapping_of(model).columns.items()
        if not column.computed
    }
