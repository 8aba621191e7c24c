"""In charge of the promise that touching an attribute runs no statement.

SQLAlchemy loads what was not read when it is touched, which in async code fails deep inside with
``MissingGreenlet`` and on a detached object with ``DetachedInstanceError``. Here every such touch
becomes a ``NotLoaded`` that names the model, the attribute and the remedy, before any I/O. What
SQLAlchemy loads for its own purposes inside an awaited flush, delete, merge or refresh passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.orm import InstanceState, Mapper, ORMExecuteState
from sqlalchemy.orm.exc import DetachedInstanceError
from sqlalchemy.util.concurrency import in_greenlet
from sqlmodel.main import default_registry

from colonnade.errors import ColumnNotLoaded, NotLoaded, RelationshipNotLoaded

__all__ = ["guard_mapper", "guard_states", "refuse_touch"]

_GUARDED: Final[WeakSet[Mapper[Any]]] = WeakSet()


def refuse_touch(state: ORMExecuteState, operation: str | None) -> None:
    """Raise ``NotLoaded`` if this load comes from touching an attribute of a session's object.

    User code never runs inside SQLAlchemy's greenlet, but for ``run_sync``; so a load that is
    inside one and not in ``run_sync`` is SQLAlchemy's own.
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
        wanted = statement._compile_options._only_load_props or ()
        raise _column(mapper.class_.__name__, wanted)


def guard_mapper(mapper: Mapper[Any]) -> None:
    """Make detached objects of this class answer like attached ones. Idempotent, no I/O.

    SQLAlchemy has no event for the touch of a detached object, so the two callables that its
    attributes load through are wrapped; all they do otherwise is unchanged.
    """
    if mapper in _GUARDED:
        return
    _GUARDED.add(mapper)
    manager = mapper.class_manager
    model = mapper.class_.__name__
    relations = set(mapper.relationships.keys())
    for name in mapper.attrs.keys():  # noqa: SIM118 # a collection of values
        implementation = getattr(manager.get(name), "impl", None)
        load = getattr(implementation, "callable_", None)
        if load is None:
            continue
        error = _relationship(model, name) if name in relations else _column(model, (name,))
        implementation.callable_ = _answering(load, error)  # type: ignore[union-attr] # has callable_
    manager.expired_attribute_loader = _expired(manager.expired_attribute_loader, model)


def _answering(load: Callable[..., Any], error: NotLoaded) -> Callable[..., Any]:
    def answer(state: Any, passive: Any, *rest: Any, **options: Any) -> Any:
        try:
            return load(state, passive, *rest, **options)
        except DetachedInstanceError:
            raise type(error)(
                error.message, hint=error.hint, model=error.model, fields=error.fields
            ) from None

    return answer


def _expired(load: Callable[..., Any], model: str) -> Callable[..., Any]:
    def answer(state: Any, names: Iterable[str], passive: Any) -> Any:
        try:
            return load(state, names, passive)
        except DetachedInstanceError:
            raise _column(model, names) from None

    return answer


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


def guard_states(states: Iterable[InstanceState[Any]]) -> None:
    """The same for attributes that a query's own options put off, object by object.

    Called before a session lets go of its objects; costs a look at each of them.
    """
    for state in states:
        if state.callables:
            model = state.class_.__name__
            relations = state.mapper.relationships
            state.callables = {
                name: _answering(
                    load,
                    _relationship(model, name) if name in relations else _column(model, (name,)),
                )
                for name, load in state.callables.items()
            }


@event.listens_for(Mapper, "mapper_configured")
def _guard_configured(mapper: Mapper[Any], _class: type[Any]) -> None:
    guard_mapper(mapper)


for _mapper in default_registry.mappers:
    if _mapper.configured:
        guard_mapper(_mapper)
