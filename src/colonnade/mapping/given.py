"""In charge of ``Given``: the name of a value that comes with a question and not before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from colonnade.errors import InvalidSchema

__all__ = ["Given", "given_names"]

#: Every name that was written in a ``Given``; a session may have a value for it. Grows only.
_NAMES: Final[set[str]] = set()


@dataclass(frozen=True, slots=True)
class Given:
    """A value that depends on who asks, in a condition that a schema declares.

    ::

        class ArticleRead(BaseModel):
            title: str
            favorited: Annotated[bool, Exists("fans").where(id=Given("viewer"))]

    It stands in place of the value of a lookup, in ``where`` of an aggregate and in ``Rows``.
    ``projection.given(viewer=7)`` binds it, or else the session's ``scope={"viewer": 7}``. Bound to
    None it is equal to nothing, as NULL is in SQL.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise InvalidSchema(
                f"Given is named by an identifier, not {self.name!r}", hint='Given("viewer")'
            )
        _NAMES.add(self.name)


def given_names() -> frozenset[str]:
    """Return every name that a ``Given`` has."""
    return frozenset(_NAMES)
