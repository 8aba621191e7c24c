"""In charge of what may be written: a payload becomes changes, or every reason why it may not.

No I/O: what a payload gets wrong is told before the database is asked, all of it at once. Only the
fields that were set count; a patch never resets what it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import AliasChoices, AliasPath, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import ClauseElement

from colonnade.errors import InvalidChanges, InvalidOperand
from colonnade.filters import expression
from colonnade.filters.operands import one_of
from colonnade.mapping import Column, did_you_mean, mapping_of, nearest
from colonnade.mapping import Mapping as Mapped

__all__ = ["assignments_of", "changes_of", "values_of"]

P = TypeVar("P", bound=BaseModel)
Problems = list[tuple[str, str]]


def values_of(
    model: type[Any],
    schema: type[P],
    payload: P | Mapping[str, Any],
    filled: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """What to insert: every field of the schema, its defaults included.

    ``filled`` has the attributes that get their value from elsewhere if the payload has none.
    Raises ``InvalidChanges``.
    """
    item = _validated(model, schema, payload)
    given = _fields(item)
    mapped = mapping_of(model)
    left = {
        name: value
        for name, value in given.items()
        if value is not None or name in item.model_fields_set or not _fills_itself(mapped, name)
    }
    left |= {name: value for name, value in filled.items() if left.get(name) is None}
    problems = _problems(mapped, left, protected=())
    problems += [
        (column.name, f"{mapped.model.__name__} needs a value")
        for column in mapped.columns.values()
        if column.required and column.name not in left
    ]
    _raise(mapped, problems)
    return _fitted(mapped, left)


def changes_of(model: type[Any], schema: type[P], payload: P | Mapping[str, Any]) -> dict[str, Any]:
    """What to update: the fields that were set, and no others.

    The key and the version are protected. Raises ``InvalidChanges``.
    """
    item = _validated(model, schema, payload)
    given = {name: value for name, value in _fields(item).items() if name in item.model_fields_set}
    mapped = mapping_of(model)
    _raise(mapped, _problems(mapped, given, protected=_protected(mapped)))
    return _fitted(mapped, given)


def assignments_of(model: type[Any], payload: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """What to set in many rows: the fields that a payload of any schema sets, or a mapping's.

    An SQL expression on the model's own columns is taken as it is. The key and the version are
    protected. Raises ``InvalidChanges``, for a payload that changes nothing too.
    """
    if isinstance(payload, Mapping):
        given = {str(name): value for name, value in payload.items()}
    else:
        item = _validated(model, BaseModel, payload)
        given = {n: value for n, value in _fields(item).items() if n in item.model_fields_set}
    mapped = mapping_of(model)
    computed = {name: value for name, value in given.items() if _is_expression(value)}
    plain = {name: value for name, value in given.items() if name not in computed}
    if not given:
        raise InvalidChanges(
            f"{model.__name__}: there is nothing to change",
            hint='name the columns to set, such as {"active": False}',
            model=model.__name__,
        )
    problems = _problems(mapped, plain, _protected(mapped))
    problems += _misplaced(mapped, computed, _protected(mapped))
    _raise(mapped, problems)
    return _fitted(mapped, plain) | {n: expression(model, value) for n, value in computed.items()}


def _fields(item: BaseModel) -> dict[str, Any]:
    """Every field in the order of the schema, then what it allows besides."""
    fields = {name: getattr(item, name) for name in type(item).model_fields}
    return fields | (item.model_extra or {})


def _validated(model: type[Any], schema: type[P], payload: P | Mapping[str, Any]) -> BaseModel:
    if isinstance(payload, BaseModel):
        if hasattr(type(payload), "__table__"):
            raise InvalidChanges(
                f"a {type(payload).__name__} is a row, not a payload: it has every field set",
                hint=f"hand in a {schema.__name__} or a mapping",
                model=model.__name__,
            )
        return payload
    if not isinstance(payload, Mapping):
        raise InvalidChanges(
            f"a payload is a {schema.__name__} or a mapping, not {type(payload).__name__}",
            model=model.__name__,
        )
    spelled = {name: _spellings(name, field) for name, field in schema.model_fields.items()}
    names = set().union(*spelled.values())
    problems: Problems = [
        (str(name), _unknown(str(name), names, schema)) for name in payload if name not in names
    ]
    if schema.model_config.get("extra") == "allow":
        # Then the model says what there is.
        names, problems = names | set(payload), []
    problems += [
        (name, "given twice, under different names")
        for name, spellings in spelled.items()
        if len(spellings & payload.keys()) > 1
    ]
    known = {name: value for name, value in payload.items() if name in names}
    item: P | None = None
    try:
        item = TypeAdapter(schema).validate_python(known, by_name=True, by_alias=True)
    except ValidationError as error:
        problems += [
            (".".join(str(part) for part in found["loc"]), found["msg"])
            for found in error.errors(include_input=False, include_url=False, include_context=False)
        ]
    _raise(mapping_of(model), problems)
    assert item is not None
    return item


def _spellings(name: str, field: FieldInfo) -> set[str]:
    """The keys under which a mapping may give a field."""
    found: set[str] = {name}
    alias = field.validation_alias
    for item in alias.choices if isinstance(alias, AliasChoices) else [alias, field.alias]:
        first = item.path[0] if isinstance(item, AliasPath) else item
        if isinstance(first, str):
            found.add(first)
    return found


def _unknown(name: str, names: set[str], schema: type[BaseModel]) -> str:
    near = nearest(name, names)
    return f"{schema.__name__} has no such field" + (f"; did you mean {near!r}?" if near else "")


def _problems(mapped: Mapped, given: Mapping[str, Any], protected: tuple[str, ...]) -> Problems:
    problems = _misplaced(mapped, given, protected)
    wrong = {name for name, _ in problems}
    for name, value in given.items():
        column = mapped.columns.get(name)
        if column is None or name in wrong:
            continue
        if value is None:
            if not column.nullable:
                problems.append((name, "None is not allowed"))
        else:
            problems += _misfit(mapped, column, value)
    return problems


def _misplaced(mapped: Mapped, given: Iterable[str], protected: tuple[str, ...]) -> Problems:
    """What is wrong with where the values go, whatever they are."""
    problems: Problems = []
    for name in given:
        column = mapped.columns.get(name)
        if column is None:
            hint = did_you_mean(name, mapped.columns, mapped.model.__name__)
            problems.append((name, f"{mapped.model.__name__} has no such column; {hint}"))
        elif name in protected:
            problems.append((name, "protected: it is the key or the version of the row"))
        elif column.computed:
            problems.append((name, "protected: the database computes it"))
    return problems


def _protected(mapped: Mapped) -> tuple[str, ...]:
    return (*mapped.key, *([mapped.version] if mapped.version else ()))


def _is_expression(value: Any) -> bool:
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def _misfit(mapped: Mapped, column: Column, value: Any) -> Problems:
    try:
        one_of(mapped.model, column.name, column.name)(value)
    except InvalidOperand as error:
        return [(column.name, error.message)]
    return []


def _fitted(mapped: Mapped, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if value is None else one_of(mapped.model, name, name)(value)
        for name, value in given.items()
    }


def _fills_itself(mapped: Mapped, name: str) -> bool:
    column = mapped.columns.get(name)
    return column is not None and (column.has_default or column.has_server_default)


def _raise(mapped: Mapped, problems: Problems) -> None:
    if problems:
        told = "; ".join(f"{field}: {reason}" for field, reason in problems)
        raise InvalidChanges(
            f"{mapped.model.__name__} cannot be written: {told}",
            model=mapped.model.__name__,
            fields=tuple(dict.fromkeys(field for field, _ in problems)),
            problems=tuple(problems),
        )
