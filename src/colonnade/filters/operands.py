"""In charge of operands: whether a value fits its column, before any connection is taken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from colonnade.errors import InvalidOperand
from colonnade.filters.operators import Operator
from colonnade.filters.paths import ColumnPath
from colonnade.mapping import Column, mapping_of, memoized

__all__ = ["checker", "kind_of", "one_of"]


def checker(
    model: type[Any], name: str, path: ColumnPath, operator: Operator
) -> Callable[[Any], Any]:
    """What turns the operand of the lookup ``name`` into the value to bind.

    A string that reads as the column's type is taken for it, as it comes from a URL. What does
    not fit raises ``InvalidOperand``, which names the type and not the value.
    """
    owner = path.steps[-1].target if path.steps else model
    one = one_of(owner, path.column.name, name)
    if operator.operand == "flag":
        return lambda value: _flag(name, value)
    if operator.operand == "one":
        return one

    def many(values: Any) -> list[Any]:
        if isinstance(values, str | bytes) or not isinstance(values, Collection):
            raise InvalidOperand(
                f"{name} takes a collection of values, not {type(values).__name__}",
                hint="hand in a list, tuple or set",
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
        if type(value) is exact:
            return value
        try:
            if isinstance(value, bool) and exact is not bool:
                raise TypeError(kind)
            return adapter.validate_python(value)
        except (ValidationError, TypeError):
            raise InvalidOperand(
                f"{name} takes {_spelled(kind)}, not this {type(value).__name__}",
                hint=_reason(adapter, value),
                fields=(name,),
            ) from None

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


def _reason(adapter: TypeAdapter[Any], value: Any) -> str | None:
    """Pydantic's own words, which tell what was expected and not what was given."""
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        return "; ".join(item["msg"] for item in error.errors(include_input=False))
    return None
