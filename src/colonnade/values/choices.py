"""In charge of closed sets: enums, by name or by value, and Literals, whatever keeps them.

An enum is not a validator: it is the set of a column's values. One row with another value in it
makes every read of the table fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, get_origin

import sqlalchemy as sa

from colonnade.models import EnumValue
from colonnade.values.families import plain_type
from colonnade.values.unfit import Asked, Rule, Unfit, parser_of

__all__ = ["chosen", "enum_rule", "is_closed"]


def is_closed(kind: Any) -> bool:
    """Whether a Python type lists its values."""
    return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def chosen(kind: Any, rule: Rule) -> Rule:
    """Return ``rule`` for a column that keeps the values of an enum, or of a Literal."""
    is_enum = get_origin(kind) is not Literal
    parsed = parser_of(kind)

    def check(value: Any) -> Any:
        if isinstance(value, Enum) and is_enum and not isinstance(value, kind):
            raise Unfit(_listed(kind))
        found = parsed(value) if not (is_enum and isinstance(value, kind)) else value
        return rule(found.value if is_enum else found)

    return check


def _listed(kind: type[Enum]) -> str:
    return f"Input should be one of {', '.join(repr(member.value) for member in kind)}"


def enum_rule(asked: Asked) -> Rule:
    """Return the rule of a column whose SQL type is an enum: a member's stand-in is its value."""
    if isinstance(asked.stored, EnumValue):
        return _by_value(asked.stored, asked.kind)
    plain = plain_type(asked.stored)
    if isinstance(plain, sa.Enum):
        return _of_texts(plain) if plain.enum_class is None else _of_members(plain, asked)
    return parser_of(asked.stored.python_type)


def _by_value(stored: EnumValue, kind: Any) -> Rule:
    values = stored.plain_values
    members = stored.python_type if isinstance(stored.values, type) else None
    parsed = parser_of(kind if is_closed(kind) else Literal[values])
    listed = f"use one of {', '.join(map(repr, values))}"

    def rule(value: Any) -> Any:
        if isinstance(value, Enum):
            if members is None or not isinstance(value, members):
                value = value.value
        elif isinstance(value, bool) or value not in values:
            try:
                value = parsed(value)
            except Unfit as error:
                raise Unfit(error.reason if members else listed) from None
            value = value.value if members is None and isinstance(value, Enum) else value
        if members is not None:
            return value if isinstance(value, members) else _member(members, value, listed)
        if value not in values:
            raise Unfit(listed)
        return value

    return rule


def _member(members: type[Any], value: Any, listed: str) -> Any:
    try:
        return members(value)
    except ValueError:
        raise Unfit(listed) from None


def _of_texts(plain: sa.Enum) -> Rule:
    texts = frozenset(plain.enums)
    listed = f"Input should be one of {', '.join(map(repr, plain.enums))}"

    def rule(value: Any) -> str:
        if isinstance(value, Enum):
            value = value.value
        if not isinstance(value, str) or value not in texts:
            raise Unfit(listed)
        return str.__str__(value)

    return rule


def _of_members(plain: sa.Enum, asked: Asked) -> Rule:
    members: type[Enum] = plain.enum_class  # type: ignore[assignment] # asked for before
    stored = _stored(plain, members)
    # Annotated as text, the column is asked by what is stored too.
    by_text: Mapping[str, Enum] = {} if is_closed(asked.kind) else stored
    parsed = parser_of(members)

    def rule(value: Any) -> Any:
        if isinstance(value, members):
            return value
        if isinstance(value, Enum):
            raise Unfit(_listed(members))
        named = by_text.get(value) if isinstance(value, str) else None
        if named is None:
            return parsed(value)
        try:
            valued = parsed(value)
        except Unfit:
            return named
        if valued is not named:
            raise Unfit(f"{members.__name__} has a member of this name, and another of this value")
        return named

    return rule


def _stored(plain: sa.Enum, members: type[Enum]) -> dict[str, Enum]:
    """The members by the texts that stand for them in the database."""
    named = members.__members__
    if plain.values_callable is None:
        return {text: named[text] for text in plain.enums}
    distinct = [member for name, member in named.items() if name == member.name]
    texts = plain.enums
    return dict(zip(texts, distinct, strict=True)) if len(texts) == len(distinct) else {}
