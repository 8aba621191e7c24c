"""In charge of operands: whether a value fits its column, before any connection is taken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from colonnade.errors import InvalidOperand
from colonnade.filters.operators import Operator
from colonnade.mapping import Column, mapping_of, memoized
from colonnade.mapping.paths import ColumnPath

__all__ = ["checker", "kind_of", "one_of"]

#: Values of one ``in``; asyncpg takes 32,767 arguments in all.
_MOST: Final = 30_000
_BEYOND: Final = 2**63


def checker(
    model: type[Any], name: str, path: ColumnPath, operator: Operator
) -> Callable[[Any], Any]:
    """What turns the operand of the lookup ``name`` into the value to bind.

    A string that reads as the column's type is taken for it, as it comes from a URL. What does
    not fit raises ``InvalidOperand``, which names the type and not the value.
    """
    owner = path.steps[-1].target if path.steps else model
    if operator.operand == "flag":
        return lambda value: _flag(name, value)
    if operator.text:
        return _text(name)
    one = one_of(owner, path.column.name, name)
    if operator.operand == "one":
        return one

    def many(values: Any) -> list[Any]:
        if isinstance(values, str | bytes) or not isinstance(values, Collection):
            raise InvalidOperand(
                f"{name} takes a collection of values, not {type(values).__name__}",
                hint="hand in a list, tuple or set",
                fields=(name,),
            )
        if len(values) > _MOST:
            raise InvalidOperand(
                f"{name} takes at most {_MOST} values",
                hint="get_many takes any number of keys; or ask in parts",
                fields=(name,),
            )
        if any(value is None for value in values):
            raise InvalidOperand(
                f"{name}: None is never equal to anything",
                hint=f"ask for NULL with {path.column.name}__isnull=True",
                fields=(name,),
            )
        return [one(value) for value in values]

    return many


@memoized
def one_of(owner: type[Any], column: str, name: str) -> Callable[[Any], Any]:
    """What turns one value into what the column holds; errors speak of it as ``name``."""
    kind = kind_of(owner, mapping_of(owner).columns[column])
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    exact = kind if isinstance(kind, type) else None

    def check(value: Any) -> Any:
        try:
            found = value if type(value) is exact else adapter.validate_python(value)
        except ValidationError as error:
            raise _misfit(name, kind, value, _reasons(error)) from None
        if isinstance(value, bool) and found is not value:
            raise _misfit(name, kind, value, None)
        if unfit := _unfit(found):
            raise _misfit(name, kind, value, unfit)
        return found

    return check


def _unfit(value: Any) -> str | None:
    """Why no database takes a value, though its type is right."""
    if type(value) is int and not -_BEYOND <= value < _BEYOND:
        return "an integer has at most 64 bits"
    if type(value) is str and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "half a surrogate pair is no character"
    return None


def _text(name: str) -> Callable[[Any], Any]:
    """A part of a text, whatever the whole must be like."""

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise _misfit(name, str, value, None)
        if unfit := _unfit(value):
            raise _misfit(name, str, value, unfit)
        return value

    return check


def kind_of(owner: type[Any], column: Column) -> Any:
    """The Python type of a column: as annotated on the model, without None, else as in SQL."""
    field = getattr(owner, "model_fields", {}).get(column.name)
    if field is not None:
        return _without_none(field.annotation)
    try:
        return column.type.python_type
    except NotImplementedError:
        return Any


@memoized
def _without_none(annotation: Any) -> Any:
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    is_union = get_origin(annotation) is not None and len(arguments) != len(get_args(annotation))
    return arguments[0] if is_union and len(arguments) == 1 else annotation


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidOperand(
            f"{name} takes True or False, not {type(value).__name__}", fields=(name,)
        )
    return value


def _spelled(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _misfit(name: str, kind: Any, value: Any, hint: str | None) -> InvalidOperand:
    return InvalidOperand(
        f"{name} takes {_spelled(kind)}, not this {type(value).__name__}",
        hint=hint,
        fields=(name,),
    )


def _reasons(error: ValidationError) -> str:
    """Pydantic's own words, which tell what was expected and not what was given."""
    return "; ".join(item["msg"] for item in error.errors(include_input=False))
