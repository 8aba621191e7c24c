"""Find the Python type of a column from the model's annotation, without its validators.

Validators are for payloads. ``EmailStr`` would turn ``N <a@b.org>`` into the bare address, but a
lookup with that text must look for that text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from pydantic import EmailStr, NameEmail
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from colonnade.caches import memoized
from colonnade.mapping import Attribute
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, MutableJSON
from colonnade.values.choices import enum_rule, is_closed, restrict_to_choices
from colonnade.values.documents import json_rule
from colonnade.values.families import Family, family_of, is_interval, item_type, plain_type
from colonnade.values.moments import date_rule, datetime_rule, interval_rule, time_rule
from colonnade.values.numbers import check_integer_range, decimal_rule, float_rule, integer_rule
from colonnade.values.texts import bytes_rule, text_problem, text_rule
from colonnade.values.unfit import Rule, RuleTarget, TooLarge, UnfitValue, parser_of

__all__ = [
    "attribute_python_type",
    "column_python_type",
    "is_user_type",
    "python_type_for_errors",
    "rule_of",
    "strip_validators",
]

#: Classes that are nothing but validators of another one.
_VALIDATORS = {EmailStr: str, NameEmail: str}


def column_python_type(owner: type[Any], column: Attribute) -> Any:
    """Return the Python type of a column: the model's annotation, else that of its SQL type."""
    return attribute_python_type(owner, column.name, column.type)


def attribute_python_type(owner: type[Any], name: str, stored: TypeEngine[Any]) -> Any:
    """Return the Python type of the attribute ``name``, whose SQL type is ``stored``.

    This is ``kind_of`` for a model whose mapper is not configured yet.
    """
    field = getattr(owner, "model_fields", {}).get(name)
    if field is not None:
        return strip_validators(field.annotation)
    try:
        return stored.python_type
    except NotImplementedError:
        return Any


@memoized
def strip_validators(annotation: Any) -> Any:
    """Return an annotation without None and without validators."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return strip_validators(arguments[0])
    if origin in (Union, UnionType):
        kinds = [strip_validators(item) for item in arguments if item is not NoneType]
        return kinds[0] if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007 # made from a tuple
    if origin is Literal:
        return Literal[tuple(item for item in arguments if item is not None)]
    return _VALIDATORS.get(annotation, annotation)


_RuleMaker: TypeAlias = Callable[[RuleTarget], Rule]

#: TypeDecorators that have rules of their own here; those of users are "foreign".
_OWN_DECORATORS: Final = (
    AutoString,
    DateTimeUTC,
    EnumValue,
    ExactDecimal,
    MutableJSON,
    UTCDateTime,
)
_BEYOND: Final = 2**63


def rule_of(kind: Any, stored: TypeEngine[Any], *, writing: bool) -> Rule:
    """Return the rule of a column: it returns a value as it is stored, or raises ``UnfitValue``.

    ``stored`` is the column's SQL type, ``kind`` the Python type that the model declares. A text
    in the form of the type, such as one from a URL, is converted. With ``writing`` False the value
    is only compared with the column, so it may be larger than any that the column can store.
    """
    asked = RuleTarget(stored, kind, writing)
    if is_user_type(stored):
        return _user_type_rule(asked)
    family = family_of(stored)
    rule = _RULES_BY_FAMILY[family](asked)
    return (
        restrict_to_choices(kind, rule) if is_closed(kind) and family in _PLAIN_FAMILIES else rule
    )


def python_type_for_errors(kind: Any, stored: TypeEngine[Any]) -> Any:
    """Return the Python type of a column's values, as errors name it."""
    family = family_of(stored)
    if is_user_type(stored) or is_closed(kind) or family in ("array", "json", "other"):
        return kind
    if family == "enum":
        return stored.python_type
    if family == "uuid":
        return UUID
    try:
        return plain_type(stored).python_type
    except NotImplementedError:
        return kind


def is_user_type(stored: TypeEngine[Any]) -> bool:
    """Return whether a type is a user's own ``TypeDecorator``, which may convert any value."""
    return isinstance(stored, TypeDecorator) and not (
        isinstance(stored, _OWN_DECORATORS) or is_interval(stored)
    )


def _user_type_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a user's own type.

    Only the annotation is known, and what no database can store; the type itself converts the
    value when it is bound.
    """
    parsed = parser_of(asked.kind)
    exact_type = asked.kind if isinstance(asked.kind, type) else None
    plain = plain_type(asked.stored)

    def rule(value: Any) -> Any:
        found = value if type(value) is exact_type else parsed(value)
        _check_kept(found)
        # A comparison is bound as the user's type, not as a wider integer.
        if not asked.writing:
            check_integer_range(plain, found)
        return found

    return rule


def _unknown_type_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a type of no known family: what the annotation says."""
    parsed = parser_of(asked.kind)
    exact_type = asked.kind if isinstance(asked.kind, type) else None

    def rule(value: Any) -> Any:
        found = value if type(value) is exact_type else parsed(value)
        _check_kept(found)
        return found

    return rule


def _check_kept(value: Any) -> None:
    """Raise ``UnfitValue`` for a value that no database takes, though its type may be right."""
    if type(value) is int and not -_BEYOND <= value < _BEYOND:
        raise TooLarge("an integer has at most 64 bits")
    if isinstance(value, str) and (reason := text_problem(value)):
        raise UnfitValue(reason)


def _boolean_rule(_asked: RuleTarget) -> Rule:
    parsed = parser_of(bool)
    return lambda value: value if type(value) is bool else parsed(value)


def _uuid_rule(asked: RuleTarget) -> Rule:
    parsed = parser_of(UUID)
    plain: Any = plain_type(asked.stored)
    if plain.as_uuid:
        return lambda value: value if type(value) is UUID else parsed(value)
    return lambda value: str(value if isinstance(value, UUID) else parsed(value))


def _array_rule(asked: RuleTarget) -> Rule:
    """Return the rule of an array: the rule of the items for each item, in any dimension."""
    stored = item_type(asked.stored)
    kind, takes_none = _item_python_type(asked.kind)
    item_rule = rule_of(kind, stored, writing=asked.writing)

    def check_items(values: Any) -> list[Any]:
        return [
            check_items(item) if isinstance(item, list | tuple) else check_item(item)
            for item in values
        ]

    def check_item(value: Any) -> Any:
        if value is None and takes_none:
            if asked.writing:
                return None
            raise UnfitValue("None is never equal to anything, in an array either")
        found = item_rule(value)
        # Also for a comparison: the array is bound with the type of its items, not a wider one.
        check_integer_range(stored, found)
        return found

    def rule(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple | set | frozenset):
            raise UnfitValue("Input should be a valid list")
        return check_items(value)

    return rule


def _item_python_type(kind: Any) -> tuple[Any, bool]:
    """Return the Python type that a model declares for an array's items, and if None is allowed."""
    arguments = get_args(kind)
    if get_origin(kind) not in _LIST_TYPES or not arguments:
        return Any, True
    item = strip_validators(arguments[0])
    if item is Any or get_origin(item) in _LIST_TYPES:
        return _item_python_type(item)
    return item, NoneType in get_args(arguments[0])


_LIST_TYPES: Final = frozenset({list, tuple, set, frozenset, Sequence})


#: Families whose columns may store the values of an enum or a Literal as they are.
_PLAIN_FAMILIES: Final = frozenset(
    {"text", "integer", "float", "decimal", "date", "bytes", "boolean"}
)

_RULES_BY_FAMILY: Final[Mapping[Family, _RuleMaker]] = MappingProxyType(
    {
        "text": text_rule,
        "integer": integer_rule,
        "float": float_rule,
        "decimal": decimal_rule,
        "boolean": _boolean_rule,
        "date": date_rule,
        "time": time_rule,
        "datetime": datetime_rule,
        "interval": interval_rule,
        "uuid": _uuid_rule,
        "enum": enum_rule,
        "json": json_rule,
        "array": _array_rule,
        "bytes": bytes_rule,
        "other": _unknown_type_rule,
    }
)
