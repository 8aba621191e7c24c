"""Ask SQLAlchemy's mappers which of them there are, which could not be configured, and try again.

``configure_mappers`` stops at the first mapper that fails, marks it, and refuses ever after, also
when the model that was missing has been imported since. In public the marks go away with
``clear_mappers`` alone, and every model with them. Without this a program that asks too early, or
imports a broken model, has to be started anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Mapper
from sqlalchemy.orm.interfaces import MapperProperty
from sqlalchemy.orm.mapper import _all_registries

__all__ = ["every_mapper", "failure_of", "forget_failure", "unfinished_properties"]


def every_mapper() -> Iterator[Mapper[Any]]:
    """Yield the mappers of every model, configured or not.

    There is no public list of registries. A listener for new mappers would miss the models that are
    declared before this module is imported. A registry's own list of mappers fails while somebody
    holds a class whose declaration ended in an error.
    """
    for models in _all_registries():
        for manager in tuple(models._managers):
            if manager.is_mapped:
                yield manager.mapper


def failure_of(mapper: Mapper[Any]) -> Exception | None:
    """Return the error that a mapper could not be configured for, or None."""
    found: Exception | bool = mapper._configure_failed
    return found if isinstance(found, Exception) else None


def unfinished_properties(mapper: Mapper[Any]) -> Iterator[MapperProperty[Any]]:
    """Yield the properties of a mapper that failed in the midst of being configured."""
    for prop in mapper._props.values():
        if prop._configure_started and not prop._configure_finished:
            yield prop


def forget_failure(mapper: Mapper[Any]) -> None:
    """Let the next call of ``configure_mappers`` try this mapper again."""
    mapper.__dict__.pop("_configure_failed", None)
    mapper.configured = False  # it is True already where a listener of the user's own failed
    for prop in unfinished_properties(mapper):
        prop._configure_started = False
