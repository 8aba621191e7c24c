"""Resolve names such as ``team.name`` or ``team__name`` to relations and a column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import JSON

from colonnade.caches import memoized
from colonnade.errors import AmbiguousLookup, UnknownField
from colonnade.mapping.expressions import (
    Expression,
    expressions_of,
    names_of,
    refusal_of,
    synonym_of,
)
from colonnade.mapping.hints import did_you_mean, find_nearest
from colonnade.mapping.model import Column, Mapping, Relation, mapping_of

__all__ = [
    "ColumnPath",
    "column_path",
    "json_example",
    "possible_paths",
    "relation_path",
    "unknown_field_error",
]

#: A name may come from a request, and reading it takes longer than its length.
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """Relations to follow and the column at their end; ``rest`` is what follows in the name."""

    model: type[Any]
    steps: tuple[Relation, ...]
    column: Column | Expression
    rest: str = ""

    @property
    def owner(self) -> type[Any]:
        """The model that has the column: the target of the last relation, or the first model."""
        return self.steps[-1].target if self.steps else self.model


def possible_paths(model: type[Any], name: str) -> Iterator[ColumnPath]:
    """Yield every way to read ``name``, in which ``__`` may separate names or be part of one.

    Raises ``UnknownField`` for anything but a string of reasonable length.
    """
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise UnknownField(
            f"{model.__name__}: a field is named by a string of at most {_LONGEST} characters",
            model=model.__name__,
        )
    return _iterate_paths(model, name)


def _iterate_paths(model: type[Any], name: str) -> Iterator[ColumnPath]:
    mapping, expressions = mapping_of(model), expressions_of(model)
    for spelled, rest in _split_name(name):
        head = synonym_of(model, spelled)
        if head in mapping.columns:
            yield ColumnPath(model, (), mapping.columns[head], rest)
        elif head in expressions:
            yield ColumnPath(model, (), expressions[head], rest)
        relation = mapping.relations.get(head)
        if relation is not None and rest:
            for inner in _iterate_paths(relation.target, rest):
                yield ColumnPath(model, (relation, *inner.steps), inner.column, inner.rest)


@memoized
def column_path(model: type[Any], name: str) -> ColumnPath:
    """Return the column or expression that ``name`` means, over relations (``.`` or ``__``).

    Raises ``UnknownField`` with the nearest right name, or ``AmbiguousLookup``.
    """
    found = [path for path in possible_paths(model, name.replace(".", "__")) if not path.rest]
    if len(found) > 1:
        raise AmbiguousLookup(f"{model.__name__}: {name!r} could mean two things", fields=(name,))
    if not found:
        raise unknown_field_error(model, name)
    return found[0]


@memoized
def relation_path(model: type[Any], name: str) -> tuple[Relation, ...]:
    """Return the relations that ``team`` or ``missions.place`` names. Raises ``UnknownField``."""
    steps: list[Relation] = []
    target = model
    for spelled in name.replace("__", ".").split("."):
        relations = mapping_of(target).relations
        part = synonym_of(target, spelled)
        if part not in relations:
            raise UnknownField(
                f"{target.__name__} has no relation {spelled!r}",
                hint=did_you_mean(spelled, relations, target.__name__),
                model=target.__name__,
                fields=(spelled,),
            )
        steps.append(relations[part])
        target = relations[part].target
    return tuple(steps)


def unknown_field_error(
    model: type[Any], name: str, operators: Collection[str] = ()
) -> UnknownField:
    """Return the error for a name that means nothing: it blames the first part that is wrong.

    ``operators`` are words that may follow a column, and that follow none here.
    """
    target, part = _find_wrong_part(mapping_of(model), name.replace(".", "__"))
    names, origin = names_of(target.model), synonym_of(target.model, part)
    if origin in target.columns or origin in expressions_of(target.model):
        return _beyond_column_error(target, part, name)
    if origin in target.relations:
        relation = target.relations[origin]
        inner = mapping_of(relation.target)
        state = "" if relation.many else f"; {part}__isnull asks whether there is one"
        return UnknownField(
            f"{target.model.__name__}.{part} is a relation, not a column",
            hint=f"name a column of it, such as {part}__{next(iter(inner.columns))}{state}",
            model=target.model.__name__,
            fields=(part,),
        )
    if refused := refusal_of(target.model, part):
        message, hint = refused
        return UnknownField(message, hint=hint, model=target.model.__name__, fields=(part,))
    hint = did_you_mean(part, {*names, *target.relations}, target.model.__name__)
    if part in operators:
        hint = f"an operator follows a column, as in {next(iter(target.columns))}__{part}"
    return UnknownField(
        f"{target.model.__name__} has no field {part!r}",
        hint=hint,
        model=target.model.__name__,
        fields=(part,),
    )


def _beyond_column_error(target: Mapping, column: str, name: str) -> UnknownField:
    """Return the error for a column that something follows where nothing can."""
    model = target.model.__name__
    rest = name.replace(".", "__").rpartition(f"{column}__")[2]
    if not rest:
        hint = f"leave out what follows {column!r}, or name an operator, such as {column}__isnull"
        return UnknownField(
            f"{model} has no field {column + '__'!r}", hint=hint, model=model, fields=(column,)
        )
    found = target.columns.get(synonym_of(target.model, column))
    kind = "a column" if found is not None else "a value"
    if found is not None and isinstance(found.type, JSON):
        return UnknownField(
            f"{model}.{column} is JSON, and no name leads into it",
            hint=f"hand in the expression: {json_example(model, column, rest)}",
            model=model,
            fields=(column,),
        )
    return UnknownField(
        f"{model}.{column} is {kind}, which has no {rest!r}",
        hint=f"leave out what follows {column!r}",
        model=model,
        fields=(column,),
    )


def json_example(model: str, column: str, path: str) -> str:
    """Return SQLAlchemy's expression for what ``path`` leads to in a column of JSON."""
    keys = [part if part.isdecimal() else f'"{part}"' for part in path.split("__") if part]
    inside = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
    return f"{model}.{column}[{inside}].as_string()"


def _find_wrong_part(mapping: Mapping, name: str) -> tuple[Mapping, str]:
    """Return the model and the part of the name that is wrong."""
    for spelled, rest in _split_name(name):
        head = synonym_of(mapping.model, spelled)
        if rest and head in mapping.relations:
            return _find_wrong_part(mapping_of(mapping.relations[head].target), rest)
    parts = name.split("__")
    names = names_of(mapping.model)
    # A name much like one of the model's is misspelt as a whole; else its first part is wrong.
    if name not in mapping.relations and find_nearest(name, names, cutoff=0.85) is None:
        return mapping, parts[0]
    return mapping, name


def _split_name(name: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to part a name: ``a__b__c`` as (a, b__c), (a__b, c) and (a__b__c, nothing).

    ``a___b`` is (a, _b) and (a_, b): a name may end with an underscore. ``a__`` is not parted, or
    it would be read as ``a``.
    """
    place = name.find("__")
    while 0 <= place < len(name) - 2:
        yield name[:place], name[place + 2 :]
        place = name.find("__", place + 1)
    yield name, ""
