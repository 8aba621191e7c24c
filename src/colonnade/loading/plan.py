"""In charge of what a schema takes: which columns and relations of a model fill it.

The schema's fields are matched with the model's attributes by name, nested schemas with relations.
A plan is made once for a model and a schema, and says at once when they do not fit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel, PydanticUndefinedAnnotation

from colonnade.errors import InvalidSchema
from colonnade.mapping import Column, Mapping, Relation, did_you_mean, mapping_of, memoized

__all__ = ["Nested", "Plan", "plan_of"]

_LISTS: Final = (list, tuple, set, frozenset, Sequence, Collection)


@dataclass(frozen=True, slots=True)
class Nested:
    """A field that a relation fills, with the plan for what is at its end."""

    field: str
    relation: Relation
    plan: Plan


@dataclass(frozen=True, slots=True)
class Plan:
    """What reading ``schema`` from ``model`` takes: columns, single objects, collections."""

    model: type[Any]
    schema: type[BaseModel]
    columns: tuple[tuple[str, Column], ...]
    ones: tuple[Nested, ...]
    many: tuple[Nested, ...]


def plan_of(model: type[Any], schema: type[BaseModel]) -> Plan:
    """The plan for reading ``schema`` from ``model``.

    Raises ``InvalidSchema`` that names the field and the nearest attribute.
    """
    _check_class(schema)
    return _remembered(model, schema)


@memoized
def _remembered(model: type[Any], schema: type[BaseModel]) -> Plan:
    return _plan(mapping_of(model), schema, ())


def _plan(mapping: Mapping, schema: type[BaseModel], above: tuple[type[BaseModel], ...]) -> Plan:
    _check(schema)
    if schema in above:
        raise InvalidSchema(
            f"{schema.__name__} is nested in itself without an end",
            hint="write a schema for each level that is wanted",
        )
    columns: list[tuple[str, Column]] = []
    ones: list[Nested] = []
    many: list[Nested] = []
    for name, field in schema.model_fields.items():
        relation = mapping.relations.get(name)
        if relation is not None:
            inner, is_list = _nested(schema, name, field.annotation)
            if is_list is not relation.many:
                raise InvalidSchema(
                    f"{schema.__name__}.{name}: {mapping.model.__name__}.{name} has "
                    f"{'many objects' if relation.many else 'one object'}",
                    hint=f"annotate it as {_example(relation, inner)}",
                    model=mapping.model.__name__,
                    fields=(name,),
                )
            nested = Nested(
                name, relation, _plan(mapping_of(relation.target), inner, (*above, schema))
            )
            (many if relation.many else ones).append(nested)
        elif name in mapping.columns:
            columns.append((name, mapping.columns[name]))
        else:
            raise InvalidSchema(
                f"{schema.__name__}.{name}: {mapping.model.__name__} has nothing that fills it",
                hint=did_you_mean(
                    name, {**mapping.columns, **mapping.relations}, mapping.model.__name__
                ),
                model=mapping.model.__name__,
                fields=(name,),
            )
    return Plan(mapping.model, schema, tuple(columns), tuple(ones), tuple(many))


def _check_class(schema: Any) -> None:
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        raise InvalidSchema(
            f"{getattr(schema, '__name__', schema)} is no schema",
            hint="hand in a class derived from pydantic.BaseModel",
        )


def _check(schema: type[BaseModel]) -> None:
    """Whether a class is a schema, and complete."""
    if hasattr(schema, "__table__"):
        raise InvalidSchema(
            f"{schema.__name__} is a table, not a schema",
            hint="leave into() out to read its objects, or write a class without table=True",
        )
    try:
        # A class that names one declared after it is completed at its first use.
        schema.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise InvalidSchema(f"{schema.__name__} refers to {error.name}, which is nowhere") from None
    if not schema.model_fields:
        raise InvalidSchema(f"{schema.__name__} has no fields")


def _nested(owner: type[BaseModel], name: str, annotation: Any) -> tuple[type[BaseModel], bool]:
    """The schema in ``Inner``, ``Inner | None`` or ``list[Inner]``, and whether it is a list."""
    plain = _plain(annotation)
    is_list = get_origin(plain) in _LISTS
    inner = _plain(get_args(plain)[0]) if is_list else plain
    if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
        raise InvalidSchema(
            f"{owner.__name__}.{name} is filled by a relation, which needs a schema of its own",
            hint="annotate it with a class derived from pydantic.BaseModel",
            fields=(name,),
        )
    return inner, is_list


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    arguments = [item for item in get_args(annotation) if item is not NoneType]
    if len(arguments) == 1 and NoneType in get_args(annotation):
        return _plain(arguments[0])
    return annotation


def _example(relation: Relation, inner: type[BaseModel]) -> str:
    if relation.many:
        return f"list[{inner.__name__}]"
    return f"{inner.__name__} | None" if relation.optional else inner.__name__
