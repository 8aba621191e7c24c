"""Change how attributes load: refuse lazy loads, and pair children as the database does.

A lazy load would be I/O in an attribute, which fails in async code with an error that explains
nothing. ``refuse_lazy_load`` raises ``NotLoaded`` for it in a session; ``guard_mapper`` and
``guard_state`` do so for objects that no session holds any more.

``selectinload`` reads the foreign keys of children only, and compares them with the parents' keys
in Python. A text in a foreign key may refer to a key that is another text: CITEXT and MariaDB's
collations ignore case, CHAR(n) ignores spaces at the end. SQLAlchemy would leave such children out,
so ``pair_children`` has the parent's own key read beside each child, through a join.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, RelationshipProperty, Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.util.concurrency import in_greenlet

from colonnade._compat.sqlalchemy_mappers import every_mapper
from colonnade._compat.sqlalchemy_selectin import load_beside_parent
from colonnade._compat.sqlalchemy_statements import loaded_attributes_of
from colonnade.errors import ColumnNotLoaded, NotLoaded, RelationshipNotLoaded
from colonnade.session.sync_session import HookedSyncSession
from colonnade.values import equal_as_referred

__all__ = ["guard_mapper", "guard_state", "pair_children", "refuse_lazy_load"]


_GUARDED: Final[WeakSet[Mapper[Any]]] = WeakSet()


#: The attribute that marks the state of a detached object which a session of ours held. In a pickle
#: it is a key of ``info``. Objects of other sessions keep SQLAlchemy's own error.
_OURS: Final = "colonnade_held"


def refuse_lazy_load(state: ORMExecuteState, operation: str | None) -> None:
    """Raise ``NotLoaded`` if this load comes from user code that reads an attribute.

    ``operation`` is the session's method that is running. User code runs inside of SQLAlchemy's
    greenlet in ``run_sync`` only, so any other load inside of a greenlet is SQLAlchemy's own.
    """
    if in_greenlet() and operation != "run_sync":
        return
    if state.is_relationship_load and state.lazy_loaded_from is not None:
        owner = state.lazy_loaded_from
        path: Any = state.loader_strategy_path
        raise _relationship_not_loaded(owner.class_.__name__, path[-1].key)
    if state.is_column_load:
        statement: Any = state.statement
        mapper: Any = state.bind_mapper
        wanted = loaded_attributes_of(statement)
        raise _column_not_loaded(mapper.class_.__name__, wanted)


def guard_mapper(mapper: Mapper[Any]) -> None:
    """Make detached objects of this class raise ``NotLoaded`` too. Idempotent, no I/O.

    SQLAlchemy has no event for reading an attribute of a detached object. So the two callables that
    load attributes are wrapped; only the error that they raise changes.
    """
    if mapper in _GUARDED:
        return
    _GUARDED.add(mapper)
    manager = mapper.class_manager
    for name in mapper.attrs.keys():  # noqa: SIM118 # a collection of values
        implementation = getattr(manager.get(name), "impl", None)
        load = getattr(implementation, "callable_", None)
        if load is not None:
            implementation.callable_ = _GuardedLoader(load, name)  # type: ignore[union-attr] # has callable_
    manager.expired_attribute_loader = _guard_expired_loader(manager.expired_attribute_loader)


def guard_state(state: InstanceState[Any]) -> None:
    """Guard the attributes of one object that the options of a query deferred. Idempotent."""
    for name, load in state.callables.items():
        if not isinstance(load, _GuardedLoader):
            state.callables[name] = _GuardedLoader(load, name)


def pair_children(mapper: Mapper[Any]) -> None:
    """Let the database find the children for ``selectinload`` where Python's equality would not.

    Applies to the relationships of a configured mapper.
    """
    for relationship in mapper.relationships:
        _pair_relationship(relationship)
        other = relationship.mapper
        if relationship.back_populates and other.configured:
            # A backref is added to the other mapper, which may have been configured before.
            _pair_relationship(other.relationships[relationship.back_populates])


def _pair_relationship(relationship: RelationshipProperty[Any]) -> None:
    if relationship.omit_join is None and not _is_equal_in_python(relationship):
        load_beside_parent(relationship)


def _is_equal_in_python(relationship: RelationshipProperty[Any]) -> bool:
    pairs = relationship.local_remote_pairs or ()
    return all(equal_as_referred(one.type, other.type) for one, other in pairs)


class _GuardedLoader:
    """A loader of an attribute that raises ``NotLoaded`` for a detached object; can be pickled."""

    __slots__ = ("load", "name")

    def __init__(self, load: Callable[..., Any], name: str) -> None:
        self.load = load
        self.name = name

    def __call__(self, state: InstanceState[Any], *rest: Any, **options: Any) -> Any:
        try:
            return self.load(state, *rest, **options)
        except DetachedInstanceError:
            if not _is_ours(state):
                raise
            model = state.class_.__name__
            related = self.name in state.mapper.relationships
            raise (
                _relationship_not_loaded(model, self.name)
                if related
                else _column_not_loaded(model, (self.name,))
            ) from None


def _guard_expired_loader(load: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the loader of expired attributes; it raises ``NotLoaded`` for a detached object."""

    def answer(state: InstanceState[Any], names: Iterable[str], passive: Any) -> Any:
        try:
            return load(state, names, passive)
        except DetachedInstanceError:
            if not _is_ours(state):
                raise
            raise _column_not_loaded(state.class_.__name__, names) from None

    return answer


def _is_ours(state: InstanceState[Any]) -> bool:
    return hasattr(state, _OURS)


def _relationship_not_loaded(model: str, name: str) -> NotLoaded:
    return RelationshipNotLoaded(
        f"{model}.{name} was not loaded, and touching it runs no statement",
        hint=f"ask for it when reading: load={name!r}, or "
        f"options(selectinload({model}.{name})); on an object that a session holds: "
        f"await session.refresh(obj, [{name!r}])",
        model=model,
        fields=(name,),
    )


def _column_not_loaded(model: str, names: Iterable[str]) -> NotLoaded:
    fields = tuple(sorted(names))
    listed = ", ".join(fields) or "a column"
    return ColumnNotLoaded(
        f"{model}: {listed} was not loaded or has expired, and touching it runs no statement",
        hint=f"await session.refresh(obj, {list(fields)!r}), or undefer it when reading",
        model=model,
        fields=fields,
    )


@event.listens_for(Mapper, "mapper_configured")
def _guard_configured(mapper: Mapper[Any], _class: type[Any]) -> None:
    guard_mapper(mapper)
    pair_children(mapper)


@event.listens_for(HookedSyncSession, "persistent_to_detached", raw=True)
@event.listens_for(HookedSyncSession, "deleted_to_detached", raw=True)
def _guard_detached(_session: Session, state: Any) -> None:
    """Mark an object that leaves a session of ours, and guard its deferred attributes."""
    setattr(state, _OURS, True)
    if state.callables:
        guard_state(state)


@event.listens_for(Mapper, "pickle", raw=True)
def _mark_pickled(state: Any, content: dict[str, Any]) -> None:
    if isinstance(state.session, HookedSyncSession) or _is_ours(state):
        content["info"] = {**content.get("info", {}), _OURS: True}


@event.listens_for(Mapper, "unpickle", raw=True)
def _guard_unpickled(state: Any, content: dict[str, Any]) -> None:
    if _OURS in content.get("info", ()):
        del state.info[_OURS]
        setattr(state, _OURS, True)
        guard_state(state)


# Mappers that were configured before this module was imported.
for _mapper in every_mapper():
    if _mapper.configured:
        guard_mapper(_mapper)
        pair_children(_mapper)
