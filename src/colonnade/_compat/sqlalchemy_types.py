"""Name the common base classes of column types that SQLAlchemy keeps private."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.sql.sqltypes import _AbstractInterval, _Binary
from sqlalchemy.types import TypeEngine

__all__ = ["BINARY", "INTERVAL", "variant_for"]

#: The base of ``Interval`` (which is a decorator) and of each database's own interval type. A list
#: of the public classes would miss the types of dialects that are not imported.
INTERVAL: Final[type[TypeEngine[Any]]] = _AbstractInterval
#: The base of ``LargeBinary``, ``BINARY``, ``VARBINARY`` and of each database's own binary types.
BINARY: Final[type[TypeEngine[Any]]] = _Binary


def variant_for(kind: TypeEngine[Any], database: str) -> TypeEngine[Any]:
    """Return the type that ``with_variant`` gave for a database, or the type itself.

    The public ``dialect_impl`` returns the dialect's own form of it, and not the declared type.
    """
    found: TypeEngine[Any] = kind._variant_mapping.get(database, kind)
    return found
