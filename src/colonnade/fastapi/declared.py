"""Tell what a route declares: whether a dependency of its writes, which query names it knows.

Both are found out once for each route, by walking the tree of its dependencies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakSet

from fastapi.dependencies.models import Dependant
from fastapi.security import APIKeyQuery
from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo
from starlette.requests import HTTPConnection

from colonnade._compat.fastapi_routing import served_route

__all__ = ["declare_writing", "keys_of", "query_names", "writes"]

#: The dependencies that write.
_WRITING: Final[WeakSet[Callable[..., Any]]] = WeakSet()

#: The attribute under which a route keeps what was found out about it.
_FACTS: Final = "colonnade_facts"


@dataclass(frozen=True, slots=True)
class _RouteFacts:
    writes: bool
    query_names: frozenset[str]


def declare_writing(dependency: Callable[..., Any]) -> Callable[..., Any]:
    """Return the dependency, noted as one that writes."""
    _WRITING.add(dependency)
    return dependency


def writes(connection: HTTPConnection) -> bool:
    """Return whether the route of this request has a dependency that writes, at any depth."""
    return _facts(connection).writes


def query_names(connection: HTTPConnection) -> frozenset[str]:
    """Return the query parameters that the route of this request and its dependencies declare."""
    return _facts(connection).query_names


def _facts(connection: HTTPConnection) -> _RouteFacts:
    route = served_route(connection.scope)
    facts: _RouteFacts | None = getattr(route, _FACTS, None)
    if facts is None:
        facts = _RouteFacts(
            any(item.call in _WRITING for item in _dependants(route)), _query_names(route)
        )
        if route is not None:
            setattr(route, _FACTS, facts)
    return facts


def _query_names(route: Any) -> frozenset[str]:
    declared = (
        name
        for item in _dependants(route)
        for field in item.query_params
        for name in _names(field.name, field.field_info)
    )
    # A key in the query is read by the security scheme itself, which declares no parameter.
    keys = (
        item.call.model.name for item in _dependants(route) if isinstance(item.call, APIKeyQuery)
    )
    return frozenset((*declared, *keys))


def _dependants(route: Any) -> Iterator[Dependant]:
    ahead = [getattr(route, "dependant", None)]
    while ahead:
        item = ahead.pop()
        if item is not None:
            yield item
            ahead.extend(item.dependencies)


def keys_of(schema: type[BaseModel]) -> frozenset[str]:
    """The keys that fill a schema: aliases, and names where they count."""
    by_name = any(schema.model_config.get(key) for key in ("populate_by_name", "validate_by_name"))
    return frozenset(
        key
        for name, field in schema.model_fields.items()
        for key in (*_keys(name, field), *([name] if by_name else ()))
    )


def _names(name: str, parameter: FieldInfo) -> Iterable[str]:
    """The names of one parameter, or of those in a model of parameters."""
    kind = parameter.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return keys_of(kind)
    return _keys(name, parameter)


def _keys(name: str, field: FieldInfo) -> Iterator[str]:
    alias = field.validation_alias or field.alias or name
    for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
        yield str(choice.path[0]) if isinstance(choice, AliasPath) else choice
