"""``EnumValue``: the column type of an enum that is stored by value, with a named CHECK."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import CheckConstraint, Column, Integer, String, Table, event, type_coerce
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import conv
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.errors import InvalidMapping, InvalidValue

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.operators import OperatorType

__all__ = ["EnumValue"]

# The least length of the VARCHAR. With this room a longer member that is added later needs a new
# CHECK, but no change of the column's type.
_SHORTEST = 32

# Operators whose right side is a part of a text or a pattern, and so no member of the enum.
_PATTERNS = frozenset(
    {
        operators.like_op,
        operators.not_like_op,
        operators.ilike_op,
        operators.not_ilike_op,
        operators.concat_op,
    }
)


class EnumValue(TypeDecorator[Any]):
    """Members of an enum, stored as their values; SQLAlchemy's ``Enum`` stores their names.

    ``values`` is the enum class, or its bare values in a migration, which must not import the
    application. Strings become ``VARCHAR``, integers ``INTEGER``, with a CHECK named after the
    column. To add or drop a member, replace that constraint: this is the same on every database,
    while a native enum of PostgreSQL cannot drop a member at all. Only members and their values
    can be written and compared with; another value raises ``InvalidValue``, as does reading one
    that the enum does not have.
    """

    impl = String
    cache_ok = True
    #: Reading the same stored value returns the same member each time, so code that reads many
    #: rows may keep the results.
    reads_constants = True

    def __init__(self, values: type[Enum] | Sequence[str | int], length: int | None = None) -> None:
        self.values = values if isinstance(values, type) else tuple(values)
        plain = [item.value if isinstance(item, Enum) else item for item in self.values]
        self._members = dict(zip(plain, self.values, strict=True))
        self._kind = _value_type(plain)
        if self._kind is int:
            super().__init__()
            self.impl = Integer()  # type: ignore[assignment]  # the instance, as the base puts it
            self.length = None
        else:
            self.length = length or max(_SHORTEST, *(len(str(value)) for value in plain))
            super().__init__(self.length)

    @property
    def plain_values(self) -> tuple[str | int, ...]:
        """The values that the column may store, in the order of the members."""
        return tuple(self._members)

    @property
    @override
    def python_type(self) -> type[Any]:
        return self.values if isinstance(self.values, type) else self._kind

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> str | int | None:
        return None if value is None else self.to_plain(value)

    def to_plain(self, value: Any) -> str | int:
        """Return what is stored for a member or a member's value.

        Raise ``InvalidValue`` for anything else, a member of another enum included.
        """
        # With bare values there is no class to compare with, so a member of any enum will do.
        by_value = not isinstance(value, Enum) or not isinstance(self.values, type)
        if by_value or isinstance(value, self.python_type):
            plain = value.value if isinstance(value, Enum) else value
            if isinstance(plain, self._kind) and plain in self._members:
                return plain  # type: ignore[no-any-return]  # a key of _members: str or int
        raise InvalidValue(f"not a value of {self!r}", hint=f"use one of {self._listed()}")

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return self._members[value]
        except KeyError:
            raise InvalidValue(
                f"the database holds a value that {self!r} does not know",
                hint=f"it knows {self._listed()}; migrate the rows, or add the member",
            ) from None

    @override
    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self.impl_instance if op in _PATTERNS else self

    def __repr__(self) -> str:
        # Migrations contain this text, and must not import the application's enum.
        length = "" if self.length in (None, _SHORTEST) else f", length={self.length}"
        return f"EnumValue({self.plain_values!r}{length})"

    def _listed(self) -> str:
        return ", ".join(repr(value) for value in self.plain_values)


def _value_type(plain: Sequence[Any]) -> type[Any]:
    """Return ``str`` or ``int``, the type of all values. Raise ``InvalidMapping`` if mixed."""
    kinds = {type(value) for value in plain}
    if kinds not in ({str}, {int}):
        raise InvalidMapping(
            "an EnumValue needs members whose values are all str or all int",
            hint="give every member such a value",
        )
    return kinds.pop()


@event.listens_for(EnumValue, "after_parent_attach")
def _add_check_when_attached(kind: EnumValue, column: Column[Any]) -> None:
    """Add the CHECK to a column's table. The table is known only once the column is in one."""

    @event.listens_for(column, "after_parent_attach")
    def add_check(column: Column[Any], table: Table) -> None:
        name = f"{column.name}_enum"
        if "ck" not in table.metadata.naming_convention:
            # On MySQL the name of a CHECK must be unique in the schema, not only in its table.
            name = conv(f"ck_{table.name}_{name}")
        table.append_constraint(
            CheckConstraint(
                type_coerce(column, kind.impl_instance).in_(kind.plain_values),
                name=name,
                # As SQLAlchemy's own Enum does. A copy of the table and the rendering of a
                # migration then leave this CHECK out, since the type adds it there again.
                _type_bound=True,
            )
        )
