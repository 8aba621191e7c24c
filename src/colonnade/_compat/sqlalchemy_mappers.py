"""List all mappers, and let those that could not be configured be tried again.

``configure_mappers`` stops at the first mapper that fails and marks it. From then on it always
raises, even if the missing model has been imported meanwhile. The only public way to remove the
mark is ``clear_mappers``, which removes every model too. Without this module, a program that
configures too early, or imports a broken model, would have to be restarted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Mapper
from sqlalchemy.orm.interfaces import MapperProperty
from sqlalchemy.orm.mapper import _all_registries

__all__ = [
    "configuration_failure_of",
    "every_mapper",
    "forget_configuration_failure",
    "unfinished_properties",
]


def every_mapper() -> Iterator[Mapper[Any]]:
    """Yield the mappers of every model, configured or not.

    There is no public list of registries. A listener for new mappers would miss models that were
    declared before this module was imported. ``registry.mappers`` raises as long as there is a
    class whose declaration failed.
    """
    for models in _all_registries():
        for manager in tuple(models._managers):
            if manager.is_mapped:
                yield manager.mapper


def configuration_failure_of(mapper: Mapper[Any]) -> Exception | None:
    """Return the error with which the configuration of a mapper failed, or None."""
    found: Exception | bool = mapper._configure_failed
    return found if isinstance(found, Exception) else None


def unfinished_properties(mapper: Mapper[Any]) -> Iterator[MapperProperty[Any]]:
    """Yield the properties of a mapper whose configuration began and did not finish."""
    for prop in mapper._props.values():
        if prop._configure_started and not prop._configure_finished:
            yield prop


def forget_configuration_failure(mapper: Mapper[Any]) -> None:
    """Let the next call of ``configure_mappers`` try this mapper again."""
    mapper.__dict__.pop("_configure_failed", None)
    mapper.configured = False  # it is True already if a listener for the mapper failed
    for prop in unfinished_properties(mapper):
        prop._configure_started = False
