"""Know column types by what they have in common where SQLAlchemy has no public class for it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.sql.sqltypes import _AbstractInterval, _Binary
from sqlalchemy.types import TypeEngine

__all__ = ["BINARY", "INTERVAL", "variant_for"]

#: What ``Interval``, a decorator, and each database's own interval have in common. The public
#: classes would have to be listed, and a dialect's own, which is not imported, would be missed.
INTERVAL: Final[type[TypeEngine[Any]]] = _AbstractInterval
#: What ``LargeBinary``, ``BINARY``, ``VARBINARY`` and each database's own have in common.
BINARY: Final[type[TypeEngine[Any]]] = _Binary


def variant_for(kind: TypeEngine[Any], database: str) -> TypeEngine[Any]:
    """Return what ``with_variant`` gave a type for a database, or the type itself.

    ``dialect_impl`` answers with what the dialect makes of it, which no longer says what was
    declared.
    """
    found: TypeEngine[Any] = kind._variant_mapping.get(database, kind)
    return found
