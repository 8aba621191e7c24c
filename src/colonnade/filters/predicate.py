"""In charge of what every SQL element of an operator has in common: it is a condition as it stands.

SQLAlchemy takes a boolean expression for a column, and writes ``… = 1`` after it for databases
without booleans, which then use no index for it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.functions import FunctionElement
from typing_extensions import override

__all__ = ["Predicate"]


class Predicate(FunctionElement[bool]):
    """A condition that brings its own parentheses."""

    type = Boolean()
    inherit_cache = True

    @override
    def self_group(self, against: Any = None) -> Any:
        return self

    @override
    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=self.type)
