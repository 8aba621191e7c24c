"""Check a payload and turn it into the values to write, or raise every reason why it cannot be.

No statement runs: all that is wrong with a payload is reported at once, before the database is
asked. Only the fields that were set count in an update; a patch never resets a field that it does
not name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from inspect import getattr_static
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import AliasChoices, AliasPath, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from sqlalchemy import ClauseElement
from sqlalchemy.ext.hybrid import hybrid_property

from colonnade.caches import memoized
from colonnade.errors import InvalidChanges, InvalidOperand, RefusedByModel
from colonnade.filters import coerce_expression
from colonnade.filters.operands import column_validator
from colonnade.mapping import Mapping as Mapped
from colonnade.mapping import (
    check_writable,
    did_you_mean,
    expressions_of,
    find_nearest,
    mapping_of,
    refusal_of,
    synonym_of,
    with_article,
)

__all__ = [
    "parse_bulk_update",
    "parse_insert",
    "parse_update",
    "payload_keys",
    "refused_by_model",
    "required_attributes",
]

P = TypeVar("P", bound=BaseModel)
E = TypeVar("E", bound=InvalidChanges)
Problems = list[tuple[str, str]]


def parse_insert(
    model: type[Any],
    schema: type[P],
    payload: P | Mapping[str, Any],
    filled: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what to insert: every field of the schema, its defaults included.

    ``filled`` has the attributes that get their value from elsewhere if the payload has none.
    Raises ``InvalidChanges``.
    """
    check_writable(model)
    item = _validate_payload(model, schema, payload)
    given = _payload_fields(item)
    mapped = mapping_of(model)
    left = {
        name: value
        for name, value in given.items()
        # None that is only the schema's default gives way to a default of the column.
        if value is not None or name in item.model_fields_set or not _fills_itself(mapped, name)
    }
    left |= {name: value for name, value in filled.items() if left.get(name) is None}
    fitted, problems = _check_values(mapped, left, protected=())
    problems += [
        (name, f"{mapped.model.__name__} needs a value")
        for name in required_attributes(model)
        if name not in left
    ]
    _raise_problems(mapped, problems)
    return fitted


def parse_update(
    model: type[Any], schema: type[P], payload: P | Mapping[str, Any]
) -> dict[str, Any]:
    """Return what to update: the fields that were set, and no others.

    The key and the version are protected. Raises ``InvalidChanges``.
    """
    check_writable(model)
    item = _validate_payload(model, schema, payload)
    given = {
        name: value
        for name, value in _payload_fields(item).items()
        if name in item.model_fields_set
    }
    mapped = mapping_of(model)
    fitted, problems = _check_values(mapped, given, protected=_protected_attributes(mapped))
    _raise_problems(mapped, problems)
    return fitted


def parse_bulk_update(model: type[Any], payload: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Return what to set in many rows: the fields that a payload of any schema, or a mapping, sets.

    An SQL expression on the model's own columns is taken as it is, and a hybrid with an update
    expression sets what that says. The key and the version are protected. Raises
    ``InvalidChanges``, also for a payload that changes nothing.
    """
    check_writable(model, at_once=True)
    if isinstance(payload, Mapping):
        given = {str(name): value for name, value in payload.items()}
    else:
        item = _validate_payload(model, BaseModel, payload)
        given = {
            n: value for n, value in _payload_fields(item).items() if n in item.model_fields_set
        }
    mapped = mapping_of(model)
    given = _expand_hybrids(mapped, given)
    computed = {name: value for name, value in given.items() if _is_expression(value)}
    plain = {name: value for name, value in given.items() if name not in computed}
    if not given:
        raise InvalidChanges(
            f"{model.__name__}: there is nothing to change",
            hint='name the columns to set, such as {"active": False}',
            model=model.__name__,
        )
    fitted, problems = _check_values(mapped, plain, _protected_attributes(mapped))
    problems += _find_misplaced(mapped, computed, _protected_attributes(mapped))
    _raise_problems(mapped, problems)
    return fitted | {n: coerce_expression(model, value) for n, value in computed.items()}


@memoized
def required_attributes(model: type[Any]) -> tuple[str, ...]:
    """Return the attributes without which no row may be inserted."""
    return tuple(name for name, column in mapping_of(model).columns.items() if column.required)


@memoized
def payload_keys(schema: type[BaseModel]) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
    """Return the keys under which a mapping may give each field, and all of them."""
    spelled = {
        name: frozenset(_field_keys(name, field)) for name, field in schema.model_fields.items()
    }
    return spelled, frozenset().union(*spelled.values())


def refused_by_model(
    model: type[Any], error: ValueError | AssertionError, fields: tuple[str, ...]
) -> RefusedByModel:
    """Return the error for values that a validator of the model refused, with its reason.

    ``fields`` are those that it may be about; of several none is named.
    """
    if isinstance(error, ValidationError):
        return _invalid_changes_error(mapping_of(model), _problems_of(error), RefusedByModel)
    field = fields[0] if len(fields) == 1 else ""
    return _invalid_changes_error(mapping_of(model), [(field, str(error))], RefusedByModel)


def _payload_fields(item: BaseModel) -> dict[str, Any]:
    """Return every field in the order of the schema, then the extra ones that it allows.

    An object made by ``model_construct`` has only those that it was given.
    """
    held = item.__dict__
    fields = {name: held[name] for name in type(item).model_fields if name in held}
    return fields | (item.model_extra or {})


def _validate_payload(
    model: type[Any], schema: type[P], payload: P | Mapping[str, Any]
) -> BaseModel:
    """Return the payload as an object of a schema, validated if it is a mapping."""
    if isinstance(payload, BaseModel):
        if hasattr(type(payload), "__table__"):
            raise InvalidChanges(
                f"{with_article(type(payload).__name__)} is a row, not a payload: "
                "it has every field set",
                hint=f"hand in {with_article(schema.__name__)} or a mapping",
                model=model.__name__,
            )
        return payload
    if not isinstance(payload, Mapping):
        raise InvalidChanges(
            f"a payload is {with_article(schema.__name__)} or a mapping, "
            f"not {with_article(type(payload).__name__)}",
            model=model.__name__,
        )
    spelled, names = payload_keys(schema)
    problems: Problems = [
        (str(name), _unknown_field_reason(str(name), names, schema))
        for name in payload
        if name not in names
    ]
    if schema.model_config.get("extra") == "allow":
        # Then the schema takes any name, and the model's columns decide which exist.
        names, problems = names | set(payload), []
    problems += [
        (name, "given twice, under different names")
        for name, spellings in spelled.items()
        if len(spellings & payload.keys()) > 1
    ]
    # Unknown names are left out, so that Pydantic reports what is wrong with the others too.
    known = {name: value for name, value in payload.items() if name in names}
    item: P | None = None
    try:
        item = schema.__pydantic_validator__.validate_python(known, by_name=True, by_alias=True)
    except ValidationError as error:
        problems += _problems_of(error)
    _raise_problems(mapping_of(model), problems)
    assert item is not None
    return item


def _field_keys(name: str, field: FieldInfo) -> set[str]:
    """Return the keys under which a mapping may give a field: its name and its aliases."""
    found: set[str] = {name}
    alias = field.validation_alias
    for item in alias.choices if isinstance(alias, AliasChoices) else [alias, field.alias]:
        first = item.path[0] if isinstance(item, AliasPath) else item
        if isinstance(first, str):
            found.add(first)
    return found


def _unknown_field_reason(name: str, names: Collection[str], schema: type[BaseModel]) -> str:
    near = find_nearest(name, names)
    return f"{schema.__name__} has no such field" + (f"; did you mean {near!r}?" if near else "")


def _check_values(
    mapped: Mapped, given: Mapping[str, Any], protected: tuple[str, ...]
) -> tuple[dict[str, Any], Problems]:
    """Return the values as their columns hold them, and the problems of the others."""
    fitted: dict[str, Any] = {}
    problems: Problems = []
    columns = _column_validators(mapped.model)
    for name, value in given.items():
        known = columns.get(name)
        if known is None or name in protected:
            problems += _find_misplaced(mapped, (name,), protected)
            continue
        nullable, check = known
        # Validators check values; whether NULL may be is the column's to say.
        if value is None:
            if not nullable:
                problems.append((name, "None is not allowed"))
            fitted[name] = None
            continue
        try:
            fitted[name] = check(value)
        except InvalidOperand as error:
            reason = f": {error.hint}" if error.hint else ""
            problems.append((name, error.message + reason))
    return fitted, problems


@memoized
def _column_validators(model: type[Any]) -> Mapping[str, tuple[bool, Callable[[Any], Any]]]:
    """Return, for each column that may be written, whether it takes NULL and its validator."""
    return {
        name: (column.nullable, column_validator(model, name, name))
        for name, column in mapping_of(model).columns.items()
        if not column.computed
    }


def _find_misplaced(mapped: Mapped, given: Iterable[str], protected: tuple[str, ...]) -> Problems:
    """Return the problems with names that are no column, or a protected or computed one."""
    problems: Problems = []
    for name in given:
        column = mapped.columns.get(name)
        if column is None:
            problems.append((name, _no_column_reason(mapped, name)))
        elif name in protected:
            problems.append((name, "protected: it is the key or the version of the row"))
        elif column.computed:
            problems.append((name, "protected: the database computes it"))
    return problems


def _no_column_reason(mapped: Mapped, name: str) -> str:
    """Return why a name is not that of a column, and which name to use."""
    model = mapped.model
    origin = synonym_of(model, name)
    if origin != name:
        return f"a synonym is read and not written; name {origin!r}"
    if name in expressions_of(model):
        return "protected: it is computed; name the columns that it is made of"
    refused = refusal_of(model, name)
    if refused is not None:
        return f"{refused[0]}; name the columns that hold it"
    return (
        f"{model.__name__} has no such column; {did_you_mean(name, mapped.columns, model.__name__)}"
    )


def _expand_hybrids(mapped: Mapped, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, with those of hybrids replaced by what their update expressions set."""
    found: dict[str, Any] = {}
    problems: Problems = []
    for name, value in given.items():
        hybrid = None if name in mapped.columns else getattr_static(mapped.model, name, None)
        pairs: Any = ((name, value),)
        if isinstance(hybrid, hybrid_property) and hybrid.update_expr is not None:
            try:
                pairs = hybrid.update_expr(mapped.model, value)
            except Exception as error:  # noqa: BLE001 # it is the user's own code
                told = with_article(type(value).__name__)
                problems.append((name, f"{type(error).__name__} of its update, given {told}"))
                continue
        for attribute, part in pairs:
            key = attribute if isinstance(attribute, str) else attribute.key
            if key in found:
                problems.append((name, f"{key} is set twice"))
            found[key] = part
    _raise_problems(mapped, problems)
    return found


def _protected_attributes(mapped: Mapped) -> tuple[str, ...]:
    """Return the attributes that no update may set: the key and the version."""
    return (*mapped.key, *([mapped.version] if mapped.version else ()))


def _is_expression(value: Any) -> bool:
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


def _fills_itself(mapped: Mapped, name: str) -> bool:
    """Return whether a column has a default, of the model or of the database."""
    column = mapped.columns.get(name)
    return column is not None and (column.has_default or column.has_server_default)


def _problems_of(error: ValidationError) -> Problems:
    return [
        (".".join(str(part) for part in found["loc"]), found["msg"])
        for found in error.errors(include_input=False, include_url=False, include_context=False)
    ]


def _raise_problems(mapped: Mapped, problems: Problems) -> None:
    """Raise ``InvalidChanges`` if there are problems."""
    if problems:
        raise _invalid_changes_error(mapped, problems, InvalidChanges)


def _invalid_changes_error(mapped: Mapped, problems: Problems, kind: type[E]) -> E:
    told = "; ".join(f"{field}: {reason}" if field else reason for field, reason in problems)
    return kind(
        f"{mapped.model.__name__} cannot be written: {told}",
        model=mapped.model.__name__,
        fields=tuple(dict.fromkeys(field for field, _ in problems if field)),
        problems=tuple(problems),
    )
