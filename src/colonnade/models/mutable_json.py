"""``MutableJSON``: the column type of a JSON document that may be edited in place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, event, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstanceState, Mapper
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.models.tracked import Document

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect

__all__ = ["MutableJSON", "documents_of", "track_documents"]


class MutableJSON(TypeDecorator[Any]):
    """A dict or a list; the next flush saves an edit in place, at any depth.

    ``JSONB`` on PostgreSQL, ``JSON`` elsewhere. None is SQL NULL: a JSON null may be inside of a
    document, but is none itself. Setting a value of another type raises ``ValueError``.
    """

    impl = JSON
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(none_as_null=True)

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(JSONB(none_as_null=True))
        return dialect.type_descriptor(JSON(none_as_null=True))

    def __repr__(self) -> str:
        return "MutableJSON()"


Document.associate_with(MutableJSON)


@event.listens_for(Mapper, "mapper_configured")
def _track_after_flush(mapper: Mapper[Any], model: type[Any]) -> None:
    """Track the documents of a model's objects again after each flush."""
    names = documents_of(mapper)

    # SQLModel's __setattr__ passes a value to SQLAlchemy, which replaces it by a tracked one, and
    # then puts the caller's plain object back. This is harmless until the flush, since the
    # attribute counts as changed anyway. After the flush only a tracked document notices edits.
    def track(mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        _track(state, names)

    if names:
        for moment in ("after_insert", "after_update"):
            event.listen(mapper, moment, track, raw=True)


def documents_of(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Return the names of a model's attributes whose type is ``MutableJSON``."""
    return tuple(
        prop.key for prop in mapper.column_attrs if isinstance(prop.columns[0].type, MutableJSON)
    )


def track_documents(model: type[Any], items: Iterable[Any]) -> None:
    """Track edits in the documents of objects whose rows were inserted without a flush."""
    names = documents_of(inspect(model))
    if names:
        for item in items:
            _track(inspect(item), names)


def _track(state: InstanceState[Any], names: Iterable[str]) -> None:
    """Replace the plain documents of an object by tracked ones, which is no change of it."""
    for name in names:
        value = state.dict.get(name)
        if value is not None and not isinstance(value, Document):
            value = state.dict[name] = Document.coerce(name, value)
            # Mutable's own registry of the objects to mark as changed.
            value._parents[state] = name
