"""Find the Python type of a column from the model's annotation, without its validators.

Validators are for payloads. ``EmailStr`` would turn ``N <a@b.org>`` into the bare address, but a
lookup with that text must look for that text.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import EmailStr, NameEmail
from sqlalchemy.types import TypeEngine

from colonnade.mapping import Attribute, memoized

__all__ = ["kind_at", "kind_of", "plain_kind"]

#: Classes that are nothing but validators of another one.
_VALIDATORS = {EmailStr: str, NameEmail: str}


def kind_of(owner: type[Any], column: Attribute) -> Any:
    """Return the Python type of a column: the model's annotation, else that of its SQL type."""
    return kind_at(owner, column.name, column.type)


def kind_at(owner: type[Any], name: str, stored: TypeEngine[Any]) -> Any:
    """Return the Python type of the attribute ``name``, whose SQL type is ``stored``.

    This is ``kind_of`` for a model whose mapper is not configured yet.
    """
    field = getattr(owner, "model_fields", {}).get(name)
    if field is not None:
        return plain_kind(field.annotation)
    try:
        return stored.python_type
    except NotImplementedError:
        return Any


@memoized
def plain_kind(annotation: Any) -> Any:
    """Return an annotation without None and without validators."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return plain_kind(arguments[0])
    if origin in (Union, UnionType):
        kinds = [plain_kind(item) for item in arguments if item is not NoneType]
        return kinds[0] if len(kinds) == 1 else Union[tuple(kinds)]  # noqa: UP007 # made from a tuple
    if origin is Literal:
        return Literal[tuple(item for item in arguments if item is not None)]
    return _VALIDATORS.get(annotation, annotation)
