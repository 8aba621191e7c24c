"""Keep the session's objects true to the database after a statement has written their rows.

``read_back`` and ``refresh_columns`` read what a write changed, ``evict_deleted`` and
``forget_deleted`` remove objects whose rows are gone, ``hold_as_stored`` and ``find_held_key``
match keys that the database stores otherwise than they were given.

A write may take a row out of scope, as a soft deletion does. The caller still gets the object that
was written: its own columns, and none of its relations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias

from sqlalchemy import inspect, select
from sqlalchemy.orm import Mapper, RelationshipProperty, lazyload, load_only
from sqlalchemy.orm.attributes import set_committed_value

from colonnade._compat.sqlalchemy_session import hold_by_key, mark_deleted
from colonnade.mapping import mapping_of
from colonnade.scope import UNSCOPED, rules_of
from colonnade.session import Session
from colonnade.spec import (
    build_key_in,
    chunk_keys,
    has_exact_key,
    key_questions,
    select_by_stored_keys,
)
from colonnade.values import may_return_otherwise

__all__ = [
    "evict_deleted",
    "find_held_key",
    "find_held_version",
    "forget_deleted",
    "hold_as_stored",
    "read_back",
    "refresh_columns",
]

_Relationship: TypeAlias = RelationshipProperty[Any]


async def read_back(
    session: Session, model: type[Any], keys: Sequence[tuple[Any, ...]], *, anew: bool = False
) -> list[Any]:
    """Return the objects with these keys, in no order; read what they lack, or with ``anew`` all.

    One SELECT for each 10,000 of them, and one more for those that a scope hides.
    """
    if not keys:
        return []
    options = {"populate_existing": True} if anew else {}
    found = await _read_objects(session, keys, select_by_stored_keys(model), options)
    if len(found) < len(keys) and rules_of(mapping_of(model).table) is not None:
        shown = {inspect(item).identity for item in found}
        hidden = [key for key in keys if key not in shown]
        columns = [getattr(model, name) for name in mapping_of(model).columns]
        own = select_by_stored_keys(model, (load_only(*columns), lazyload("*")))
        found += await _read_objects(session, hidden, own, {UNSCOPED: True, **options})
    return found


async def refresh_columns(session: Session, model: type[Any], names: Collection[str]) -> None:
    """Read every object of the model again, after a statement that has changed these columns.

    A trigger may have changed others: all that is read without being asked for by name is read. No
    statement where the session holds none; else one SELECT for each 10,000.
    """
    held = _held_objects(session, model)
    mapper: Mapper[Any] = inspect(model)
    expired = {prop.key for prop in mapper.column_attrs if not prop.deferred}.union(names)
    # A relation whose join compares a changed column may lead to other objects now.
    changed = {mapping_of(model).columns[name].column for name in names}
    _expire_relations(
        session,
        lambda relation: bool(changed & relation.local_columns | changed & relation.remote_side),
    )
    for item in held:
        session.expire(item, [name for name in expired if name in item.__dict__])
    await read_back(session, model, [_identity_of(item) for item in held])


async def find_held_key(
    session: Session, model: type[Any], key: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return the key by which the session holds the row that ``key`` names, if it holds it.

    One SELECT where the database may find another key equal that an object has; else none.
    """
    if has_exact_key(model) or _find_held(session, model, key) or not _held_objects(session, model):
        return key
    (question,) = key_questions(model, [key])
    # Out of scope is not gone.
    rows = await session.exec(
        question.statement, params=question.parameters, execution_options={UNSCOPED: True}
    )
    return question.pair(rows.all()).get(key, key)


async def find_held_version(session: Session, model: type[Any], key: tuple[Any, ...]) -> int | None:
    """Return the version that the session's object with this key has.

    None if the model has no version, and if the session holds no such object or not its version.
    What waits to be flushed must have been.
    """
    name = mapping_of(model).version
    key = key if name is None else await find_held_key(session, model, key)
    item = None if name is None else _find_held(session, model, key)
    version: int | None = None if item is None or name is None else item.__dict__.get(name)
    return version


async def hold_as_stored(session: Session, model: type[Any], items: Sequence[Any]) -> None:
    """Give objects that were just inserted the keys that the database has stored for them.

    Else what is read later would be other objects of the same rows. No statement where a key is
    stored as it was sent; else one SELECT for each 128 objects.
    """
    if has_exact_key(model):
        return
    columns = [mapping_of(model).columns[name] for name in mapping_of(model).key]
    dialect = session.get_bind().dialect
    changed: dict[tuple[Any, ...], Any] = {}
    for item in items:
        key = _identity_of(item)
        pairs = zip(columns, key, strict=True)
        if any(may_return_otherwise(column.type, value, dialect) for column, value in pairs):
            changed[key] = item
    for question in key_questions(model, list(changed)):
        # Without scopes: the row just written may be out of scope.
        rows = await session.exec(
            question.statement, params=question.parameters, execution_options={UNSCOPED: True}
        )
        stored = question.pair(rows.all())
        other = {key: own for key, own in stored.items() if own != key}
        for key, own in other.items():
            for column, value in zip(columns, own, strict=True):
                set_committed_value(changed[key], column.name, value)
        hold_by_key(session.sync_session, [inspect(changed[key]) for key in other])


async def evict_deleted(session: Session, model: type[Any]) -> None:
    """Remove the objects of the model whose rows are gone from the session.

    No statement where the session holds none; else one SELECT of keys for each 10,000.
    """
    mapper = inspect(model)
    # Collections may hold objects that are gone, and are read anew when they are used.
    _expire_relations(session, lambda relation: relation.mapper.common_parent(mapper))
    held = _held_objects(session, model)
    if not held:
        return
    names = mapping_of(model).key
    keys: Any = select(*(getattr(model, name) for name in names)).where(build_key_in(model, names))
    left: set[tuple[Any, ...]] = set()
    for bound in chunk_keys([_identity_of(item) for item in held]):
        # Out of scope is not gone.
        rows = await session.exec(keys, params=bound, execution_options={UNSCOPED: True})
        left.update(tuple(row) for row in rows.all())
    gone = [inspect(item) for item in held if _identity_of(item) not in left]
    # As SQLAlchemy does after its own bulk DELETE: a rollback brings them back.
    mark_deleted(session.sync_session, gone)


def forget_deleted(session: Session, model: type[Any], key: tuple[Any, ...]) -> None:
    """Remove the object whose row a statement has deleted from the session, if it holds one."""
    item = _find_held(session, model, key)
    if item is not None:
        mark_deleted(session.sync_session, [inspect(item)])


async def _read_objects(
    session: Session, keys: Sequence[tuple[Any, ...]], statement: Any, options: dict[str, Any]
) -> list[Any]:
    found: list[Any] = []
    for bound in chunk_keys(keys):
        items = await session.scalars(statement, bound, execution_options=options)
        found += items.unique().all()
    return found


def _find_held(session: Session, model: type[Any], key: tuple[Any, ...]) -> Any | None:
    """Return the object with this key if the session holds it; no statement runs."""
    return session.identity_map.get(inspect(model).identity_key_from_primary_key(key))


def _held_objects(session: Session, model: type[Any]) -> list[Any]:
    """Return the session's objects of the model."""
    return [item for item in session.identity_map.values() if isinstance(item, model)]


def _identity_of(item: Any) -> tuple[Any, ...]:
    identity: tuple[Any, ...] = inspect(item).identity
    return identity


def _expire_relations(session: Session, concerns: Callable[[_Relationship], bool]) -> None:
    """Expire loaded relations that ``concerns`` is true of, for every object in the session."""
    names: dict[type[Any], list[str]] = {}
    for item in session.identity_map.values():
        kind = type(item)
        if kind not in names:
            names[kind] = [rel.key for rel in inspect(kind).relationships if concerns(rel)]
        loaded = [name for name in names[kind] if name in item.__dict__]
        if loaded:
            session.expire(item, loaded)
