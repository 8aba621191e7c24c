"""Give each object the children that the foreign key gives it, where SQLAlchemy does not.

``selectinload`` reads the foreign keys of the children alone, and compares them with the keys of
the parents in Python. A foreign key of text may refer to a key that is another text: CITEXT and
MariaDB's collations see no case, CHAR(n) no spaces at the end. Such children would be left out, so
there the parent's own key is read beside each child, through a join.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapper, RelationshipProperty

from colonnade._compat.sqlalchemy_selectin import load_beside_parent
from colonnade.values import equal_as_referred

__all__ = ["pair_children"]


def pair_children(mapper: Mapper[Any]) -> None:
    """Have the database pair the objects of a configured mapper with those they refer to."""
    for relationship in mapper.relationships:
        _pair(relationship)
        other = relationship.mapper
        if relationship.back_populates and other.configured:
            # A backref is given to a mapper that may have been configured before.
            _pair(other.relationships[relationship.back_populates])


def _pair(relationship: RelationshipProperty[Any]) -> None:
    if relationship.omit_join is None and not _is_equal_in_python(relationship):
        load_beside_parent(relationship)


def _is_equal_in_python(relationship: RelationshipProperty[Any]) -> bool:
    pairs = relationship.local_remote_pairs or ()
    return all(equal_as_referred(one.type, other.type) for one, other in pairs)
