"""Configure mappers at first use, never at import, and report every failure by name.

SQLAlchemy stops at the first mapper that fails and refuses ever after, even when the missing model
has been imported since. Here all failures are reported at once, and the next call tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Any

from sqlalchemy import MetaData, event
from sqlalchemy.orm import Mapper, RelationshipProperty, configure_mappers, registry
from sqlalchemy.orm.interfaces import EXT_SKIP, MapperProperty

from colonnade._compat.sqlalchemy_mappers import (
    configuration_failure_of,
    every_mapper,
    forget_configuration_failure,
    unfinished_properties,
)
from colonnade.errors import InvalidMapping
from colonnade.mapping.hints import find_nearest

__all__ = ["Failure", "configure", "every_mapper", "find_failures", "mappers_of"]

_lock = RLock()


@dataclass(frozen=True)
class Failure:
    """The reason why a model could not be mapped; ``attribute`` is its relation at fault."""

    mapper: Mapper[Any]
    attribute: str | None
    cause: str

    def __str__(self) -> str:
        name = self.mapper.class_.__name__
        return (
            f"{name}.{self.attribute}: {self.cause}" if self.attribute else f"{name}: {self.cause}"
        )


def configure(models: registry | None = None) -> None:
    """Configure every mapper, or those of one registry and of the registries it refers to.

    Fast if there is nothing to do. Raises ``InvalidMapping`` that names each model, relation and
    cause; call it again once the cause is gone.
    """
    found = find_failures(models)
    if not found:
        return
    first = found[0]
    raise InvalidMapping(
        "models that cannot be mapped:\n" + "\n".join(f"- {failure}" for failure in found),
        hint="import every module that defines models before the first use",
        model=first.mapper.class_.__name__,
        fields=(first.attribute,) if first.attribute else (),
    )


def find_failures(models: registry | None = None) -> tuple[Failure, ...]:
    """Configure as ``configure`` does, and return the failures."""
    attempt = configure_mappers if models is None else lambda: models.configure(cascade=True)
    try:
        attempt()
    except Exception:  # noqa: BLE001  # whatever a model's own callables raise; asked for again below
        with _lock:
            return _all_failures(attempt)
    return ()


def mappers_of(metadata: MetaData) -> Iterator[Mapper[Any]]:
    """Yield the mappers of every model whose table is in ``metadata``, configured or not."""
    for mapper in every_mapper():
        if getattr(mapper.local_table, "metadata", None) is metadata:
            yield mapper


def _all_failures(attempt: Callable[[], None]) -> tuple[Failure, ...]:
    """Configure again and again without the mappers that failed, until no further one fails."""
    found: dict[Mapper[Any], Failure] = {}

    def leave_out(mapper: Mapper[Any], model: type[Any]) -> Any:
        return EXT_SKIP if mapper in found else None

    # SQLAlchemy raises the first failure again and again: each round leaves out those known so far.
    _forget_failures()
    event.listen(Mapper, "before_mapper_configured", leave_out, retval=True)
    try:
        while more := _failures_of(attempt, found):
            found.update(more)
    finally:
        event.remove(Mapper, "before_mapper_configured", leave_out)
    return tuple(sorted(found.values(), key=str))


def _failures_of(
    attempt: Callable[[], None], known: Collection[Mapper[Any]]
) -> dict[Mapper[Any], Failure]:
    try:
        attempt()
    except Exception:
        if more := _new_failures(known):
            _forget_failures()
            return more
        raise
    return {}


def _new_failures(known: Collection[Mapper[Any]]) -> dict[Mapper[Any], Failure]:
    return {
        mapper: _make_failure(mapper, error)
        for mapper in every_mapper()
        if (error := configuration_failure_of(mapper)) is not None and mapper not in known
    }


def _make_failure(mapper: Mapper[Any], error: Exception) -> Failure:
    prop = next(unfinished_properties(mapper), None)
    return Failure(mapper, prop.key if prop else None, _failure_cause(mapper, prop, error))


def _failure_cause(mapper: Mapper[Any], prop: MapperProperty[Any] | None, error: Exception) -> str:
    target = prop.argument if isinstance(prop, RelationshipProperty) else None
    if isinstance(target, str) and f"({target!r})" in str(error):
        models = (other for other in every_mapper() if other.registry is mapper.registry)
        near = find_nearest(target, {other.class_.__name__ for other in models})
        hint = f" (did you mean {near!r}?)" if near else ""
        return f"class {target!r} is not imported, or not mapped{hint}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _forget_failures() -> None:
    for mapper in every_mapper():
        if configuration_failure_of(mapper) is not None:
            forget_configuration_failure(mapper)
