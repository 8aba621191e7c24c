"""Have ``selectinload`` read the parent's key beside each child, instead of the child's own key."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.orm import RelationshipProperty

__all__ = ["load_beside_parent"]

_SELECTIN: Final = (("lazy", "selectin"),)


def load_beside_parent(relationship: RelationshipProperty[Any]) -> None:
    """Make every ``selectinload`` of a configured relationship join the parent. Idempotent.

    ``omit_join=False`` is a public argument of ``relationship()``. Here it is set for a
    relationship that was declared before, and the loader that SQLAlchemy made for
    ``lazy="selectin"`` is made again.
    """
    relationship.omit_join = False
    made = relationship._strategies.pop(_SELECTIN, None)
    if made is not None and relationship.strategy is made:
        relationship.strategy = relationship._get_strategy(_SELECTIN)
