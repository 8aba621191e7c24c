"""Make the rule of a column: the function that checks a value and returns it as it is stored.

Lookups, writes, cursors and scopes all use these rules. They depend on the column's SQL type and
are the same for every database: a value that one database would round, cut or misread is refused
for all. What only one database refuses, such as a letter that is not in the character set of a
table, is left to its own error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias, get_args, get_origin
from uuid import UUID

from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, MutableJSON
from colonnade.values.annotations import plain_kind
from colonnade.values.choices import chosen, enum_rule, is_closed
from colonnade.values.documents import json_rule
from colonnade.values.families import Family, family_of, is_interval, item_type, plain_type
from colonnade.values.moments import date_rule, datetime_rule, interval_rule, time_rule
from colonnade.values.numbers import decimal_rule, float_rule, integer_rule, narrow
from colonnade.values.texts import bytes_rule, text_rule, unfit_text
from colonnade.values.unfit import Asked, Rule, TooLarge, Unfit, parser_of

__all__ = ["declared_kind", "is_foreign", "rule_of"]

_Maker: TypeAlias = Callable[[Asked], Rule]

#: TypeDecorators that have rules of their own here; those of users are "foreign".
_KNOWN: Final = (AutoString, DateTimeUTC, EnumValue, ExactDecimal, MutableJSON, UTCDateTime)
_BEYOND: Final = 2**63


def rule_of(kind: Any, stored: TypeEngine[Any], *, writing: bool) -> Rule:
    """Return the rule of a column: it returns a value as it is stored, or raises ``Unfit``.

    ``stored`` is the column's SQL type, ``kind`` the Python type that the model declares. A text
    in the form of the type, such as one from a URL, is converted. With ``writing`` False the value
    is only compared with the column, so it may be larger than any that the column can store.
    """
    asked = Asked(stored, kind, writing)
    if is_foreign(stored):
        return _foreign(asked)
    family = family_of(stored)
    rule = _MAKERS[family](asked)
    return chosen(kind, rule) if is_closed(kind) and family in _PLAIN else rule


def declared_kind(kind: Any, stored: TypeEngine[Any]) -> Any:
    """Return the Python type of a column's values, as errors name it."""
    family = family_of(stored)
    if is_foreign(stored) or is_closed(kind) or family in ("array", "json", "other"):
        return kind
    if family == "enum":
        return stored.python_type
    if family == "uuid":
        return UUID
    try:
        return plain_type(stored).python_type
    except NotImplementedError:
        return kind


def is_foreign(stored: TypeEngine[Any]) -> bool:
    """Return whether a type is a user's own ``TypeDecorator``, which may convert any value."""
    return isinstance(stored, TypeDecorator) and not (
        isinstance(stored, _KNOWN) or is_interval(stored)
    )


def _foreign(asked: Asked) -> Rule:
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
            narrow(plain, found)
        return found

    return rule


def _other(asked: Asked) -> Rule:
    """Return the rule of a type of no known family: what the annotation says."""
    parsed = parser_of(asked.kind)
    exact_type = asked.kind if isinstance(asked.kind, type) else None

    def rule(value: Any) -> Any:
        found = value if type(value) is exact_type else parsed(value)
        _check_kept(found)
        return found

    return rule


def _check_kept(value: Any) -> None:
    """Raise ``Unfit`` for a value that no database takes, though its type may be right."""
    if type(value) is int and not -_BEYOND <= value < _BEYOND:
        raise TooLarge("an integer has at most 64 bits")
    if isinstance(value, str) and (reason := unfit_text(value)):
        raise Unfit(reason)


def _boolean(_asked: Asked) -> Rule:
    parsed = parser_of(bool)
    return lambda value: value if type(value) is bool else parsed(value)


def _uuid(asked: Asked) -> Rule:
    parsed = parser_of(UUID)
    plain: Any = plain_type(asked.stored)
    if plain.as_uuid:
        return lambda value: value if type(value) is UUID else parsed(value)
    return lambda value: str(value if isinstance(value, UUID) else parsed(value))


def _array(asked: Asked) -> Rule:
    """Return the rule of an array: the rule of the items for each item, in any dimension."""
    stored = item_type(asked.stored)
    kind, takes_none = _item_kind(asked.kind)
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
            raise Unfit("None is never equal to anything, in an array either")
        found = item_rule(value)
        # Also for a comparison: the array is bound with the type of its items, not a wider one.
        narrow(stored, found)
        return found

    def rule(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple | set | frozenset):
            raise Unfit("Input should be a valid list")
        return check_items(value)

    return rule


def _item_kind(kind: Any) -> tuple[Any, bool]:
    """Return the Python type that a model declares for an array's items, and if None is allowed."""
    arguments = get_args(kind)
    if get_origin(kind) not in _LISTS or not arguments:
        return Any, True
    item = plain_kind(arguments[0])
    if item is Any or get_origin(item) in _LISTS:
        return _item_kind(item)
    return item, NoneType in get_args(arguments[0])


_LISTS: Final = frozenset({list, tuple, set, frozenset, Sequence})


#: Families whose columns may store the values of an enum or a Literal as they are.
_PLAIN: Final = frozenset({"text", "integer", "float", "decimal", "date", "bytes", "boolean"})

_MAKERS: Final[Mapping[Family, _Maker]] = MappingProxyType(
    {
        "text": text_rule,
        "integer": integer_rule,
        "float": float_rule,
        "decimal": decimal_rule,
        "boolean": _boolean,
        "date": date_rule,
        "time": time_rule,
        "datetime": datetime_rule,
        "interval": interval_rule,
        "uuid": _uuid,
        "enum": enum_rule,
        "json": json_rule,
        "array": _array,
        "bytes": bytes_rule,
        "other": _other,
    }
)
