"""In charge of the promise that touching an attribute runs no statement.

SQLAlchemy loads what was not read when it is touched, which in async code fails deep inside with
``MissingGreenlet`` and on a detached object with ``DetachedInstanceError``. Here every such touch
becomes a ``NotLoaded`` that names the model, the attribute and the remedy, before any I/O. What
SQLAlchemy loads for its own purposes inside an awaited flush, delete, merge or refresh passes.

Only objects of our sessions answer so. Those that a plain SQLAlchemy session of the same program
has held, of the same classes, answer as SQLAlchemy has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState, Session
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.util.concurrency import in_greenlet

from colonnade._compat.sqlalchemy_statements import put_off_by
from colonnade.database.children import pair_children
from colonnade.database.orm import Orm
from colonnade.errors import ColumnNotLoaded, NotLoaded, RelationshipNotLoaded
from colonnade.mapping import every_mapper

__all__ = ["guard_mapper", "guard_state", "refuse_touch"]

_GUARDED: Final[WeakSet[Mapper[Any]]] = WeakSet()
#: The attribute by which the state of a detached object says that a session of ours held it; in a
#: pickle it is a key of ``info``. One that is attached says it by its session.
_OURS: Final = "colonnade_held"


def refuse_touch(state: ORMExecuteState, operation: str | None) -> None:
    """Raise ``NotLoaded`` if this load comes from user code that reads an attribute.

    ``operation`` is the session's method that is running. User code runs inside of SQLAlchemy's
    greenlet in ``run_sync`` only, so any other load inside of a greenlet is SQLAlchemy's own.
    """
    if in_greenlet() and operation != "run_sync":
        return
    if state.is_relationship_load and state.lazy_loaded_from is not None:
        owner = state.lazy_loaded_from
        path: Any = state.loader_strategy_path
        raise _relationship(owner.class_.__name__, path[-1].key)
    if state.is_column_load:
        statement: Any = state.statement
        mapper: Any = state.bind_mapper
        wanted = put_off_by(statement)
        raise _column(mapper.class_.__name__, wanted)


def guard_mapper(mapper: Mapper[Any]) -> None:
    """Make detached objects of this class raise ``NotLoaded`` too. Idempotent, no I/O.

    SQLAlchemy has no event for reading an attribute of a detached object. So the two callables that
    load attributes are wrapped; they do the same as before but for this error.
    """
    if mapper in _GUARDED:
        return
    _GUARDED.add(mapper)
    manager = mapper.class_manager
    for name in mapper.attrs.keys():  # noqa: SIM118 # a collection of values
        implementation = getattr(manager.get(name), "impl", None)
        load = getattr(implementation, "callable_", None)
        if load is not None:
            implementation.callable_ = _Answering(load, name)  # type: ignore[union-attr] # has callable_
    manager.expired_attribute_loader = _expired(manager.expired_attribute_loader)


def guard_state(state: InstanceState[Any]) -> None:
    """Do the same for the attributes of one object that a query's options deferred. Idempotent."""
    for name, load in state.callables.items():
        if not isinstance(load, _Answering):
            state.callables[name] = _Answering(load, name)


class _Answering:
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
                _relationship(model, self.name) if related else _column(model, (self.name,))
            ) from None


def _expired(load: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the loader of expired attributes; it raises ``NotLoaded`` for a detached object."""

    def answer(state: InstanceState[Any], names: Iterable[str], passive: Any) -> Any:
        try:
            return load(state, names, passive)
        except DetachedInstanceError:
            if not _is_ours(state):
                raise
            raise _column(state.class_.__name__, names) from None

    return answer


def _is_ours(state: InstanceState[Any]) -> bool:
    return hasattr(state, _OURS)


def _relationship(model: str, name: str) -> NotLoaded:
    return RelationshipNotLoaded(
        f"{model}.{name} was not loaded, and touching it runs no statement",
        hint=f"ask for it when reading: load={name!r}, or "
        f"options(selectinload({model}.{name})); on an object that a session holds: "
        f"await session.refresh(obj, [{name!r}])",
        model=model,
        fields=(name,),
    )


def _column(model: str, names: Iterable[str]) -> NotLoaded:
    fields = tuple(sorted(names))
    listed = ", ".join(fields) or "a column"
    return ColumnNotLoaded(
        f"{model}: {listed} was not loaded or has expired, and touching it runs no statement",
        hint=f"await session.refresh(obj, {list(fields)!r}), or undefer it when reading",
        model=model,
        fields=fields,
    )


@event.listens_for(Mapper, "mapper_configured")
def _configured(mapper: Mapper[Any], _class: type[Any]) -> None:
    guard_mapper(mapper)
    pair_children(mapper)


@event.listens_for(Orm, "persistent_to_detached", raw=True)
@event.listens_for(Orm, "deleted_to_detached", raw=True)
def _detached(_session: Session, state: Any) -> None:
    setattr(state, _OURS, True)
    if state.callables:
        guard_state(state)


@event.listens_for(Mapper, "pickle", raw=True)
def _pickled(state: Any, content: dict[str, Any]) -> None:
    if isinstance(state.session, Orm) or _is_ours(state):
        content["info"] = {**content.get("info", {}), _OURS: True}


@event.listens_for(Mapper, "unpickle", raw=True)
def _unpickled(state: Any, content: dict[str, Any]) -> None:
    if _OURS in content.get("info", ()):
        del state.info[_OURS]
        setattr(state, _OURS, True)
        guard_state(state)


for _mapper in every_mapper():
    if _mapper.configured:
        guard_mapper(_mapper)
        pair_children(_mapper)
