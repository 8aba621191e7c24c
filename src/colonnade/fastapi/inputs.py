"""In charge of what a request may bring: an unknown query parameter or body key is refused."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError
from starlette.requests import Request

from colonnade.fastapi.declared import keys_of, query_names
from colonnade.mapping import nearest

__all__ = ["closed_body", "refuse_unknown_parameters"]


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise ``RequestValidationError`` for query parameters that the route does not declare."""
    known = query_names(request)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        raise RequestValidationError(
            [
                {
                    "type": "extra_forbidden",
                    "loc": ("query", name),
                    "msg": _unknown("query parameter", name, known),
                }
                for name in unknown
            ]
        )


def closed_body(schema: type[BaseModel]) -> Any:
    """The annotation of a JSON body: the schema, which also refuses keys that it does not have.

    The OpenAPI document shows the schema itself.
    """
    known = keys_of(schema)

    def check(data: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        unknown = [name for name in data if name not in known] if isinstance(data, dict) else []
        if not unknown:
            return validate(data)
        problems = [
            _problem((name,), "extra_forbidden", _unknown("field", name, known)) for name in unknown
        ]
        raise ValidationError.from_exception_data(
            schema.__name__, problems + _problems(data, validate)
        )

    return Annotated[schema, Body(), WrapValidator(check)]


def _problems(data: Any, validate: ValidatorFunctionWrapHandler) -> list[InitErrorDetails]:
    """What else is wrong with the body."""
    try:
        validate(data)
    except ValidationError as error:
        return [
            _problem(item["loc"], item["type"], item["msg"])
            for item in error.errors(include_input=False, include_url=False)
            if item["type"] != "extra_forbidden"  # told already
        ]
    return []


def _problem(where: tuple[int | str, ...], kind: str, message: str) -> InitErrorDetails:
    # Not as the template: a message may have braces of its own. Nor is the kind literal: it is
    # the one that pydantic gave.
    told = PydanticCustomError(kind, "{told}", {"told": message})  # pyright: ignore[reportArgumentType]
    return InitErrorDetails(type=told, loc=where, input=None)


def _unknown(kind: str, name: str, known: frozenset[str]) -> str:
    near = nearest(name, known)
    return f"there is no such {kind}" + (f"; did you mean {near!r}?" if near else "")
