"""The column type of an enum: stored by value, guarded by a named CHECK."""

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

# Room to grow: a longer member added later needs a new CHECK but no new column type.
_SHORTEST = 32

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
    """Members of an enum, stored as their values (SQLAlchemy's own type stores their names).

    ``values`` is the enum class, or its bare values, as in a migration that must not import the
    application. Strings become ``VARCHAR``, integers ``INTEGER``, with a CHECK named after the
    column: a member is added or dropped by replacing that constraint, the same on every database,
    where a native enum of PostgreSQL cannot drop one at all. Writing or comparing with anything
    but a member or a member's value raises ``InvalidValue``; reading a stranger does too.
    """

    impl = String
    cache_ok = True
    #: What is read are members, the same each time, so that whoever reads many may keep them.
    reads_constants = True

    def __init__(self, values: type[Enum] | Sequence[str | int], length: int | None = None) -> None:
        self.values = values if isinstance(values, type) else tuple(values)
        plain = [item.value if isinstance(item, Enum) else item for item in self.values]
        self._members = dict(zip(plain, self.values, strict=True))
        self._kind = _kind(plain)
        if self._kind is int:
            super().__init__()
            self.impl = Integer()  # type: ignore[assignment]  # the instance, as the base puts it
            self.length = None
        else:
            self.length = length or max(_SHORTEST, *(len(str(value)) for value in plain))
            super().__init__(self.length)

    @property
    def plain_values(self) -> tuple[str | int, ...]:
        """What the column may hold, in the order of the members."""
        return tuple(self._members)

    @property
    @override
    def python_type(self) -> type[Any]:
        return self.values if isinstance(self.values, type) else self._kind

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> str | int | None:
        return None if value is None else self.plain(value)

    def plain(self, value: Any) -> str | int:
        """What is stored for a member, or for a member's value; else raises ``InvalidValue``."""
        own = not isinstance(value, Enum) or not isinstance(self.values, type)
        if own or isinstance(value, self.python_type):
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
        # By bare values, so that a migration can evaluate it without the application's class.
        length = "" if self.length in (None, _SHORTEST) else f", length={self.length}"
        return f"EnumValue({self.plain_values!r}{length})"

    def _listed(self) -> str:
        return ", ".join(repr(value) for value in self.plain_values)


def _kind(plain: Sequence[Any]) -> type[Any]:
    kinds = {type(value) for value in plain}
    if kinds not in ({str}, {int}):
        raise InvalidMapping(
            "an EnumValue needs members whose values are all str or all int",
            hint="give every member such a value",
        )
    return kinds.pop()


@event.listens_for(EnumValue, "after_parent_attach")
def _check_when_attached(kind: EnumValue, column: Column[Any]) -> None:
    @event.listens_for(column, "after_parent_attach")
    def add_check(column: Column[Any], table: Table) -> None:
        name = f"{column.name}_enum"
        if "ck" not in table.metadata.naming_convention:
            # MySQL wants the name of a CHECK to be unique in its schema.
            name = conv(f"ck_{table.name}_{name}")
        table.append_constraint(
            CheckConstraint(
                type_coerce(column, kind.impl_instance).in_(kind.plain_values),
                name=name,
                # As SQLAlchemy's own Enum does: the type brings the CHECK along, so neither a
                # copy of the table nor a migration's rendering may write it a second time.
                _type_bound=True,
            )
        )
