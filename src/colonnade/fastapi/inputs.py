"""Read what a route declares, and refuse inputs that it does not declare.

``writes`` tells whether a route has a dependency that writes, and ``query_names`` which query
parameters it has. Both come from one walk through the tree of its dependencies, made at the route's
first request. ``refuse_unknown_parameters`` and ``build_closed_body`` answer 422 to unknown query
parameters and unknown keys of a body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from weakref import WeakSet

from fastapi import Body
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyQuery
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError
from starlette.requests import HTTPConnection, Request

from colonnade._compat.fastapi_routing import served_route
from colonnade.mapping import find_nearest

__all__ = [
    "body_keys_of",
    "build_closed_body",
    "declare_writing",
    "query_names_of",
    "refuse_unknown_parameters",
    "route_writes",
]

#: The dependencies that were declared to write.
_WRITING: Final[WeakSet[Callable[..., Any]]] = WeakSet()

#: The attribute of a route that holds its ``_RouteFacts``.
_FACTS: Final = "colonnade_facts"


@dataclass(frozen=True, slots=True)
class _RouteFacts:
    """The result of the walk through the dependencies of one route."""

    writes: bool
    query_names: frozenset[str]


def declare_writing(dependency: Callable[..., Any]) -> Callable[..., Any]:
    """Register a dependency as one that writes, and return it; also as a decorator."""
    _WRITING.add(dependency)
    return dependency


def route_writes(connection: HTTPConnection) -> bool:
    """Return whether the route of this request has a dependency that writes, at any depth."""
    return _facts_of(connection).writes


def query_names_of(connection: HTTPConnection) -> frozenset[str]:
    """Return the query parameters that the route of this request and its dependencies declare."""
    return _facts_of(connection).query_names


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise ``RequestValidationError`` for query parameters that the route does not declare."""
    known = query_names_of(request)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {
                    "type": "extra_forbidden",
                    "loc": ("query", name),
                    "msg": _unknown_message("query parameter", name, known),
                }
                for name in unknown
            ]
        )


def build_closed_body(schema: type[BaseModel]) -> Any:
    """Return an annotation for a JSON body: the schema, which here also refuses unknown keys.

    The OpenAPI document shows the schema itself, unchanged.
    """
    known = body_keys_of(schema)

    def check(data: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        unknown = [name for name in data if name not in known] if isinstance(data, dict) else []
        if not unknown:
            return validate(data)
        problems = [
            _build_problem((name,), "extra_forbidden", _unknown_message("field", name, known))
            for name in unknown
        ]
        raise ValidationError.from_exception_data(
            schema.__name__, problems + _find_problems(data, validate)
        )

    return Annotated[schema, Body(), WrapValidator(check)]


def body_keys_of(schema: type[BaseModel]) -> frozenset[str]:
    """Return the keys that a body may have: aliases, and names if the schema takes them too."""
    by_name = any(schema.model_config.get(key) for key in ("populate_by_name", "validate_by_name"))
    return frozenset(
        key
        for name, field in schema.model_fields.items()
        for key in (*_keys_of(name, field), *([name] if by_name else ()))
    )


def _facts_of(connection: HTTPConnection) -> _RouteFacts:
    """Return the facts of the route that serves this request; compute them once for a route."""
    route = served_route(connection.scope)
    facts: _RouteFacts | None = getattr(route, _FACTS, None)
    if facts is None:
        found = tuple(_iterate_dependants(route))
        facts = _RouteFacts(any(item.call in _WRITING for item in found), _find_query_names(found))
        if route is not None:
            setattr(route, _FACTS, facts)
    return facts


def _find_query_names(found: Sequence[Dependant]) -> frozenset[str]:
    declared = (
        name
        for item in found
        for field in item.query_params
        for name in _names_of(field.name, field.field_info)
    )
    # ``APIKeyQuery`` reads the query by itself, and declares no parameter for that.
    keys = (item.call.model.name for item in found if isinstance(item.call, APIKeyQuery))
    return frozenset((*declared, *keys))


def _iterate_dependants(route: Any) -> Iterator[Dependant]:
    """Yield the route's dependencies at any depth, the route itself first; FastAPI's records."""
    ahead = [getattr(route, "dependant", None)]
    while ahead:
        item = ahead.pop()
        if item is not None:
            yield item
            ahead.extend(item.dependencies)


def _names_of(name: str, parameter: FieldInfo) -> Iterable[str]:
    """Return the names of one parameter, or those of all fields in a model of parameters."""
    kind = parameter.annotation
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return body_keys_of(kind)
    return _keys_of(name, parameter)


def _keys_of(name: str, field: FieldInfo) -> Iterator[str]:
    alias = field.validation_alias or field.alias or name
    for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
        yield str(choice.path[0]) if isinstance(choice, AliasPath) else choice


def _find_problems(data: Any, validate: ValidatorFunctionWrapHandler) -> list[InitErrorDetails]:
    """Validate the body, and return its errors other than unknown keys."""
    try:
        validate(data)
    except ValidationError as error:
        return [
            _build_problem(item["loc"], item["type"], item["msg"])
            for item in error.errors(include_input=False, include_url=False)
            if item["type"] != "extra_forbidden"  # told already
        ]
    return []


def _build_problem(where: tuple[int | str, ...], kind: str, message: str) -> InitErrorDetails:
    # The message is no template itself, since it may have braces of its own. The ignored error:
    # Pydantic wants a literal as the kind, and here the kind comes from Pydantic.
    told = PydanticCustomError(kind, "{told}", {"told": message})  # pyright: ignore[reportArgumentType]
    return InitErrorDetails(type=told, loc=where, input=None)


def _unknown_message(kind: str, name: str, known: frozenset[str]) -> str:
    near = find_nearest(name, known)
    return f"there is no such {kind}" + (f"; did you mean {near!r}?" if near else "")
