"""In charge of what a route declares: which dependencies it calls, which names it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo
from starlette.requests import HTTPConnection

__all__ = ["calls", "keys_of", "query_names"]


def calls(connection: HTTPConnection, which: Callable[[Any], bool]) -> bool:
    """Whether the route of this request calls such a dependency, at any depth."""
    found: bool = _kept(
        connection, "writes", lambda route: any(which(i.call) for i in _dependants(route))
    )
    return found


def query_names(connection: HTTPConnection) -> frozenset[str]:
    """The query parameters that the route of this request and its dependencies declare."""
    found: frozenset[str] = _kept(connection, "query_names", _query_names)
    return found


def _kept(connection: HTTPConnection, name: str, find: Callable[[Any], Any]) -> Any:
    """What was found out about the route of this request, once."""
    route = connection.scope.get("route")
    if route is None:
        return find(route)
    known = route.__dict__.get(f"colonnade_{name}")
    if known is None:
        known = route.__dict__[f"colonnade_{name}"] = find(route)
    return known


def _query_names(route: Any) -> frozenset[str]:
    return frozenset(
        name
        for item in _dependants(route)
        for field in item.query_params
        for name in _names(field.name, field.field_info)
    )


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
