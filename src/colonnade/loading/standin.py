"""Stand in for an entity where code of a schema or model reads its attributes.

A "before" validator of a schema, or a property of a model, gets a ``StandIn`` in place of an
entity. It has the attributes that the plan read, and runs the model's own properties.
"""

from __future__ import annotations

from typing import Any

from colonnade.errors import InvalidSchema
from colonnade.loading.attributes import attribute_of, code_of
from colonnade.loading.draft import Selection
from colonnade.mapping import memoized

__all__ = ["StandIn", "stand_in"]


class StandIn:
    """An object with the attributes that were read; others raise ``InvalidSchema`` with a hint."""

    model: type[Any]

    def __init__(self, read: dict[str, Any]) -> None:
        self.__dict__ = read

    def __getattr__(self, name: str) -> Any:
        # Pydantic and the standard library look for special names on any object.
        foreign = name.startswith("__") or self.model is Selection
        attribute = None if foreign else attribute_of(self.model, name)
        if attribute is None:
            raise AttributeError(f"{self.model.__name__} has no attribute {name!r}")
        code = code_of(self.model, name)
        if code is not None:
            return code.read(self)
        raise InvalidSchema(
            f"{self.model.__name__}.{name} was not read, and code of the schema or model looks "
            "at it",
            hint=f"declare it where it is needed: Annotated[…, Requires({name!r})], or as a "
            f"ClassVar of the schema, reads: ClassVar = Requires({name!r})",
            model=self.model.__name__,
            fields=(name,),
        )

    def __repr__(self) -> str:
        return f"<{self.model.__name__} as read>"


@memoized
def stand_in(model: type[Any]) -> type[StandIn]:
    """Return the class of the objects that stand in for entities of ``model``."""
    return type(model.__name__, (StandIn,), {"model": model, "__module__": model.__module__})
