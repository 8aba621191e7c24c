"""The column type of a JSON document that may be edited in place."""

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
    """A dict or a list; an edit in place, at any depth, is saved by the next flush.

    ``JSONB`` on PostgreSQL, ``JSON`` elsewhere. ``None`` is SQL NULL; a JSON null can stand
    inside a document but not for one. Setting another type raises ``ValueError``.
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
    names = documents_of(mapper)

    # SQLModel hands a value to SQLAlchemy, which tracks it, and then puts the caller's own plain
    # object back in its place. Up to the flush that is harmless, as the attribute counts as
    # changed anyhow; from the flush on, only a tracked one notices edits.
    def track(mapper: Mapper[Any], connection: Connection, state: InstanceState[Any]) -> None:
        _track(state, names)

    if names:
        for moment in ("after_insert", "after_update"):
            event.listen(mapper, moment, track, raw=True)


def documents_of(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Return the attributes of a model that hold documents, whose edits are tracked."""
    return tuple(
        prop.key for prop in mapper.column_attrs if isinstance(prop.columns[0].type, MutableJSON)
    )


def track_documents(model: type[Any], items: Iterable[Any]) -> None:
    """Track edits in the documents of objects whose rows were inserted past a flush."""
    names = documents_of(inspect(model))
    if names:
        for item in items:
            _track(inspect(item), names)


def _track(state: InstanceState[Any], names: Iterable[str]) -> None:
    for name in names:
        value = state.dict.get(name)
        if value is not None and not isinstance(value, Document):
            value = state.dict[name] = Document.coerce(name, value)
            value._parents[state] = name
