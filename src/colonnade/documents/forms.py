"""Choose the form of a column: what PostgreSQL does with it so that its JSON equals Pydantic's.

Only types whose values are known have one: those of SQLAlchemy, SQLModel and this library. A type
that a user wrote converts values in Python, which the server cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from colonnade._compat.pydantic_core_schema import Node
from colonnade._compat.sqlalchemy_types import variant_for
from colonnade.aggregates import ResolvedAggregate
from colonnade.aggregates.resolve import WholeNumber
from colonnade.models import DateTimeUTC, EnumValue, ExactDecimal, MutableJSON
from colonnade.schemas import ColumnField

__all__ = [
    "NEUTRAL_KEYS",
    "JsonForm",
    "JsonKind",
    "NoServerJson",
    "describe_node",
    "form_of",
    "form_of_figure",
]

#: Keys of a core schema's nodes that have no effect on values.
NEUTRAL_KEYS: Final = frozenset({"metadata", "ref", "type"})

#: The most digits after the point for which Python writes every decimal without an exponent.
_SCALE: Final = 6
#: The most binary digits of a FLOAT that PostgreSQL stores in 32 bits.
_SINGLE: Final = 24

Members: TypeAlias = tuple[tuple[str | int, str | int], ...]
JsonKind: TypeAlias = Literal[
    "plain", "text", "decimal", "double", "date", "aware", "naive", "enum", "json", "jsonb"
]


class NoServerJson(Exception):
    """Raised with the reason why PostgreSQL cannot write something as Pydantic does."""


@dataclass(frozen=True, slots=True)
class JsonForm:
    """The form in which a column is written as JSON.

    ``kind`` is one of these: ``plain`` as it is, ``text`` and ``decimal`` as a string, ``double``
    as a number of 64 bits or null if it is not finite, ``date``, ``aware`` and ``naive`` in ISO's
    form, ``enum`` by ``members``, ``json`` and ``jsonb`` as they are.
    """

    kind: JsonKind
    #: True if the column may hold a null that the field refuses.
    required: bool = False
    #: True if the column must be cast before it is written.
    cast: bool = False
    #: True if the decimals have no digits after the point.
    whole: bool = False
    #: Pairs of a stored value and the value to write for it.
    members: Members = ()
    #: The JSON types that the field takes, such as ``object``; any if empty.
    shapes: tuple[str, ...] = ()


def form_of(node: Node, leaf: ColumnField, path: str, *, strict: bool, nullable: bool) -> JsonForm:
    """Return the form of a column for a field; raise ``NoServerJson`` if there is none."""
    if leaf.column is None:
        raise NoServerJson(f"{path}: an expression")
    return _form_of(node, leaf.type, leaf.column.nullable, path, strict, nullable)


def form_of_figure(
    node: Node, measure: ResolvedAggregate, path: str, *, strict: bool, nullable: bool
) -> JsonForm:
    """Return the form of a figure for a field; raise ``NoServerJson`` if there is none."""
    kind = measure.result
    if isinstance(kind, WholeNumber):
        kind = sa.BigInteger()  # the sum is a NUMERIC, but one without a fraction
    elif measure.aggregate.function == "sum" and not isinstance(kind, sa.Float):
        raise NoServerJson(f"{path}: a sum of decimals")  # the number of its zeros is not known
    return _form_of(node, kind, measure.nullable, path, strict, nullable)


def _form_of(
    node: Node, kind: TypeEngine[Any], null: bool, path: str, strict: bool, nullable: bool
) -> JsonForm:
    """Return the form of a value of the SQL type ``kind`` for a field.

    ``path`` names the field in a reason. ``null`` says that the value may be null, ``nullable``
    that the field takes null.
    """
    build = _FORMS.get(node["type"])
    if build is None:
        raise NoServerJson(f"{path}: {describe_node(node)}")
    constraints = set(node) - NEUTRAL_KEYS - _READ_KEYS.get(node["type"], set()) - {"strict"}
    if constraints:
        raise NoServerJson(f"{path}: {min(constraints).replace('_', ' ')}")
    form = build(node, _known_type(kind), bool(node.get("strict", strict)))
    if form is None:
        raise NoServerJson(f"{path}: {describe_node(node)} from a column of {type(kind).__name__}")
    if form.shapes and nullable:
        form = replace(form, shapes=(*form.shapes, "null"))
    takes_null = nullable or node["type"] == "any"
    return replace(form, required=null and not takes_null)


def describe_node(node: Node) -> str:
    """Return a core schema's node in words, for a reason."""
    kind = str(node["type"])
    return "a validator of its own" if kind.startswith("function-") else f"{kind!r}"


def _known_type(kind: TypeEngine[Any]) -> TypeEngine[Any] | None:
    """Return SQLAlchemy's type with the same values as ``kind``; None if only its code knows."""
    kind = variant_for(kind, "postgresql")
    known: TypeEngine[Any] | None = None
    if type(kind) is AutoString:
        known = sa.String()
    elif type(kind) is UTCDateTime or type(kind) is DateTimeUTC:
        known = sa.DateTime(timezone=True)
    elif type(kind) is MutableJSON:
        known = JSONB()
    elif isinstance(kind, ExactDecimal) and type(kind) is ExactDecimal:
        known = sa.Numeric(kind.precision, kind.scale)
    elif type(kind) is EnumValue or (
        type(kind).__module__.startswith("sqlalchemy.") and not isinstance(kind, TypeDecorator)
    ):
        known = kind
    return known


def _is_text(kind: TypeEngine[Any] | None) -> bool:
    return isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)


def _form_of_int(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return JsonForm("plain") if isinstance(kind, sa.Integer) else None


def _form_of_str(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return JsonForm("plain") if _is_text(kind) else None


def _form_of_bool(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return JsonForm("plain") if isinstance(kind, sa.Boolean) else None


def _form_of_float(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    if isinstance(kind, sa.Integer):
        return JsonForm("double", cast=True)
    if not isinstance(kind, sa.Float) or kind.asdecimal:
        return None
    single = isinstance(kind, sa.REAL) or (kind.precision or _SINGLE + 1) <= _SINGLE
    return JsonForm("double", cast=single)


def _form_of_decimal(_node: Node, kind: TypeEngine[Any] | None, strict: bool) -> JsonForm | None:
    if isinstance(kind, sa.Integer) and not strict:
        return JsonForm("text")
    if not isinstance(kind, sa.Numeric) or isinstance(kind, sa.Float) or not kind.asdecimal:
        return None
    if kind.precision is None or not 0 <= (kind.scale or 0) <= _SCALE:
        return None
    return JsonForm("decimal", whole=not kind.scale)


def _form_of_uuid(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return JsonForm("plain") if isinstance(kind, sa.Uuid) and kind.as_uuid else None


def _form_of_date(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return JsonForm("date") if isinstance(kind, sa.Date) else None


def _form_of_datetime(node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    if not isinstance(kind, sa.DateTime):
        return None
    found: Literal["aware", "naive"] = "aware" if kind.timezone else "naive"
    return JsonForm(found) if node.get("tz_constraint", found) == found else None


def _form_of_enum(node: Node, kind: TypeEngine[Any] | None, strict: bool) -> JsonForm | None:
    cls = node["cls"]
    if isinstance(kind, EnumValue | sa.Enum):
        form = _form_of_members(_stored_members(kind, cls), [member.value for member in cls])
        return form and replace(form, cast=isinstance(kind, sa.Enum))
    values = [member.value for member in cls]
    return None if strict else _form_of_values(kind, values)


def _stored_members(kind: EnumValue | sa.Enum, cls: type[Enum]) -> list[Any]:
    """Return the stored value of each member of ``cls``; none if the column has another enum."""
    if isinstance(kind, EnumValue):
        return list(kind.plain_values) if kind.values is cls else []
    return list(kind.enums) if kind.enum_class is cls else []


def _form_of_literal(node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return _form_of_values(kind, node["expected"])


def _form_of_values(kind: TypeEngine[Any] | None, values: list[Any]) -> JsonForm | None:
    """Return the form of a plain column for a field that takes ``values`` only."""
    fitting = (_is_text(kind) and all(type(value) is str for value in values)) or (
        isinstance(kind, sa.Integer) and all(type(value) is int for value in values)
    )
    return _form_of_members(values, values) if fitting else None


def _form_of_members(stored: list[Any], written: list[Any]) -> JsonForm | None:
    """Return the form that writes the second list's value for the first one's, at one index."""
    alike = {type(value) for value in written}
    if len(stored) != len(written) or alike not in ({str}, {int}):
        return None
    if any("\0" in str(value) for value in (*stored, *written)):
        return None
    return JsonForm("enum", members=tuple(zip(stored, written, strict=True)))


def _form_of_any(_node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return _form_of_json(kind, True)


def _form_of_dict(node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    keys = _is_bare(node.get("keys_schema"), "any", "str")
    return _form_of_json(kind, keys and _is_bare(node.get("values_schema"), "any"), "object")


def _form_of_list(node: Node, kind: TypeEngine[Any] | None, _strict: bool) -> JsonForm | None:
    return _form_of_json(kind, _is_bare(node.get("items_schema"), "any"), "array")


def _form_of_json(kind: TypeEngine[Any] | None, bare: bool, *shapes: str) -> JsonForm | None:
    if not isinstance(kind, sa.JSON) or not bare:
        return None
    return JsonForm("jsonb" if isinstance(kind, JSONB) else "json", shapes=shapes)


def _is_bare(node: Node | None, *kinds: str) -> bool:
    """Return whether a node is of one of the kinds and has no constraint."""
    return node is None or (node["type"] in kinds and set(node) <= NEUTRAL_KEYS)


_FORMS: Final[Mapping[str, Callable[[Node, TypeEngine[Any] | None, bool], JsonForm | None]]] = {
    "any": _form_of_any,
    "bool": _form_of_bool,
    "date": _form_of_date,
    "datetime": _form_of_datetime,
    "decimal": _form_of_decimal,
    "dict": _form_of_dict,
    "enum": _form_of_enum,
    "float": _form_of_float,
    "int": _form_of_int,
    "list": _form_of_list,
    "literal": _form_of_literal,
    "str": _form_of_str,
    "uuid": _form_of_uuid,
}
#: The keys of a node that those functions read; any other key is a constraint.
_READ_KEYS: Final[Mapping[str, set[str]]] = {
    "datetime": {"microseconds_precision", "tz_constraint"},
    "dict": {"keys_schema", "values_schema"},
    "enum": {"cls", "members", "missing", "sub_type"},
    "list": {"items_schema"},
    "literal": {"expected"},
}
