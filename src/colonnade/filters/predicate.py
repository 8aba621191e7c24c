"""The base class of the operators' SQL elements: a condition that is rendered as it is.

For databases without a boolean type SQLAlchemy renders a boolean function as ``f(x) = 1``, as it
does a boolean column. The database then cannot use an index for what the function compiles to.
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
    """A condition whose SQL has its own parentheses."""

    type = Boolean()
    inherit_cache = True

    # This is where SQLAlchemy would add "= 1" in a WHERE, an AND or an OR …
    @override
    def self_group(self, against: Any = None) -> Any:
        return self

    # … and this is where it would write "= 0" in place of NOT.
    @override
    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=self.type)
