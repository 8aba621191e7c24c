"""The rules of columns with a closed set of values: enums, stored by name or value, and Literals.

Unlike other annotations an enum is not ignored as a mere validator. If one row held another
value, every read of that row would fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, get_origin

import sqlalchemy as sa

from colonnade.models import EnumValue
from colonnade.values.families import plain_type
from colonnade.values.unfit import Rule, RuleTarget, UnfitValue, parser_of

__all__ = ["enum_rule", "is_closed", "restrict_to_choices"]


def is_closed(kind: Any) -> bool:
    """Return whether a Python type lists its values: a Literal or an enum."""
    return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def restrict_to_choices(kind: Any, rule: Rule) -> Rule:
    """Return ``rule`` restricted to the values of ``kind``, an enum or a Literal.

    It is for a column of a plain type, such as VARCHAR: an enum's member is stored as its value.
    """
    is_enum = get_origin(kind) is not Literal
    parsed = parser_of(kind)

    def check(value: Any) -> Any:
        if isinstance(value, Enum) and is_enum and not isinstance(value, kind):
            raise UnfitValue(_choices_reason(kind))
        found = parsed(value) if not (is_enum and isinstance(value, kind)) else value
        return rule(found.value if is_enum else found)

    return check


def _choices_reason(kind: type[Enum]) -> str:
    """Return the reason for a value that is not one of an enum's, in Pydantic's style."""
    return f"Input should be one of {', '.join(repr(member.value) for member in kind)}"


def enum_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column whose SQL type is an enum: ours or SQLAlchemy's.

    Besides its members the rule takes their values, as they come from JSON or a URL.
    """
    if isinstance(asked.stored, EnumValue):
        return _enum_value_rule(asked.stored, asked.kind)
    plain = plain_type(asked.stored)
    if isinstance(plain, sa.Enum):
        return (
            _text_enum_rule(plain) if plain.enum_class is None else _member_enum_rule(plain, asked)
        )
    return parser_of(asked.stored.python_type)


def _enum_value_rule(stored: EnumValue, kind: Any) -> Rule:
    """Return the rule of an ``EnumValue``; it returns members, or bare values if it has no enum."""
    values = stored.plain_values
    members = stored.python_type if isinstance(stored.values, type) else None
    parsed = parser_of(kind if is_closed(kind) else Literal[values])
    listed = f"use one of {', '.join(map(repr, values))}"

    def rule(value: Any) -> Any:
        if isinstance(value, Enum):
            # A member of another enum counts by its value, which must be one of ours.
            if members is None or not isinstance(value, members):
                value = value.value
        # True is equal to 1: without the test for bool it would pass as that value.
        elif isinstance(value, bool) or value not in values:
            try:
                value = parsed(value)
            except UnfitValue as error:
                raise UnfitValue(error.reason if members else listed) from None
            value = value.value if members is None and isinstance(value, Enum) else value
        if members is not None:
            return value if isinstance(value, members) else _find_member(members, value, listed)
        if value not in values:
            raise UnfitValue(listed)
        return value

    return rule


def _find_member(members: type[Any], value: Any, listed: str) -> Any:
    """Return the member with this value. Raise ``UnfitValue`` if there is none."""
    try:
        return members(value)
    except ValueError:
        raise UnfitValue(listed) from None


def _text_enum_rule(plain: sa.Enum) -> Rule:
    """Return the rule of SQLAlchemy's ``Enum("a", "b")``, which has no Python class."""
    texts = frozenset(plain.enums)
    listed = f"Input should be one of {', '.join(map(repr, plain.enums))}"

    def rule(value: Any) -> str:
        if isinstance(value, Enum):
            value = value.value
        if not isinstance(value, str) or value not in texts:
            raise UnfitValue(listed)
        return str.__str__(value)

    return rule


def _member_enum_rule(plain: sa.Enum, asked: RuleTarget) -> Rule:
    """Return the rule of SQLAlchemy's ``Enum`` of a Python class; it returns members."""
    members: type[Enum] = plain.enum_class  # type: ignore[assignment] # asked for before
    stored = _members_by_text(plain, members)
    # If the model annotates the column as text, a value may also be the text that is stored,
    # which by default is the member's name.
    by_text: Mapping[str, Enum] = {} if is_closed(asked.kind) else stored
    parsed = parser_of(members)

    def rule(value: Any) -> Any:
        if isinstance(value, members):
            return value
        if isinstance(value, Enum):
            raise UnfitValue(_choices_reason(members))
        named = by_text.get(value) if isinstance(value, str) else None
        if named is None:
            return parsed(value)
        # The text is the stored text of one member. If it is the value of another one, either may
        # be meant.
        try:
            valued = parsed(value)
        except UnfitValue:
            return named
        if valued is not named:
            raise UnfitValue(
                f"{members.__name__} has a member of this name, and another of this value"
            )
        return named

    return rule


def _members_by_text(plain: sa.Enum, members: type[Enum]) -> dict[str, Enum]:
    """Return the members by the texts that are stored for them.

    Return nothing where the texts cannot be matched to members.
    """
    named = members.__members__
    if plain.values_callable is None:
        return {text: named[text] for text in plain.enums}
    # The callable returned one text a member, in order; aliases are no members of their own.
    distinct = [member for name, member in named.items() if name == member.name]
    texts = plain.enums
    return dict(zip(texts, distinct, strict=True)) if len(texts) == len(distinct) else {}
