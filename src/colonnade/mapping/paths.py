"""In charge of names: which relations and which column ``team.name`` or ``team__name`` means."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from colonnade.errors import AmbiguousLookup, UnknownField
from colonnade.mapping.hints import did_you_mean, nearest
from colonnade.mapping.memo import memoized
from colonnade.mapping.model import Column, Mapping, Relation, mapping_of

__all__ = ["ColumnPath", "column_path", "readings", "relation_path", "unknown"]

#: A name may come from a request, and reading it takes longer than its length.
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class ColumnPath:
    """Relations to follow and the column at their end; ``rest`` is what the name went on with."""

    steps: tuple[Relation, ...]
    column: Column
    rest: str = ""


def readings(model: type[Any], name: str) -> Iterator[ColumnPath]:
    """Every way to read ``name``, in which ``__`` may part names or stand in one.

    Raises ``UnknownField`` for what no name can be.
    """
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise UnknownField(
            f"{model.__name__}: a field is named by a string of at most {_LONGEST} characters",
            model=model.__name__,
        )
    return _readings(model, name)


def _readings(model: type[Any], name: str) -> Iterator[ColumnPath]:
    mapping = mapping_of(model)
    for head, rest in _parted(name):
        if head in mapping.columns:
            yield ColumnPath((), mapping.columns[head], rest)
        relation = mapping.relations.get(head)
        if relation is not None and rest:
            for inner in _readings(relation.target, rest):
                yield ColumnPath((relation, *inner.steps), inner.column, inner.rest)


@memoized
def column_path(model: type[Any], name: str) -> ColumnPath:
    """The column that ``name`` means, through relations parted by ``.`` or ``__``.

    Raises ``UnknownField`` with the nearest right name, or ``AmbiguousLookup``.
    """
    found = [path for path in readings(model, name.replace(".", "__")) if not path.rest]
    if len(found) > 1:
        raise AmbiguousLookup(f"{model.__name__}: {name!r} could mean two things", fields=(name,))
    if not found:
        raise unknown(model, name)
    return found[0]


@memoized
def relation_path(model: type[Any], name: str) -> tuple[Relation, ...]:
    """The relations that ``team`` or ``missions.place`` names. Raises ``UnknownField``."""
    steps: list[Relation] = []
    target = model
    for part in name.replace("__", ".").split("."):
        relations = mapping_of(target).relations
        if part not in relations:
            raise UnknownField(
                f"{target.__name__} has no relation {part!r}",
                hint=did_you_mean(part, relations, target.__name__),
                model=target.__name__,
                fields=(part,),
            )
        steps.append(relations[part])
        target = relations[part].target
    return tuple(steps)


def unknown(model: type[Any], name: str, operators: Collection[str] = ()) -> UnknownField:
    """Return the error for a name that no reading fits: it blames the first part that is wrong.

    ``operators`` are words that may follow a column, and stand without one here.
    """
    target, part = _blamed(mapping_of(model), name.replace(".", "__"))
    fields = {**target.columns, **target.relations}
    if part in target.columns:
        return _beyond_column(target, part, name)
    if part in target.relations:
        relation = target.relations[part]
        inner = mapping_of(relation.target)
        state = "" if relation.many else f"; {part}__isnull asks whether there is one"
        return UnknownField(
            f"{target.model.__name__}.{part} is a relation, not a column",
            hint=f"name a column of it, such as {part}__{next(iter(inner.columns))}{state}",
            model=target.model.__name__,
            fields=(part,),
        )
    hint = did_you_mean(part, fields, target.model.__name__)
    if part in operators:
        hint = f"an operator follows a column, as in {next(iter(target.columns))}__{part}"
    return UnknownField(
        f"{target.model.__name__} has no field {part!r}",
        hint=hint,
        model=target.model.__name__,
        fields=(part,),
    )


def _beyond_column(target: Mapping, column: str, name: str) -> UnknownField:
    """Return the error for a column that something follows where nothing can."""
    model = target.model.__name__
    rest = name.replace(".", "__").rpartition(f"{column}__")[2]
    if not rest:
        hint = f"leave out what follows {column!r}, or name an operator, such as {column}__isnull"
        return UnknownField(
            f"{model} has no field {column + '__'!r}", hint=hint, model=model, fields=(column,)
        )
    return UnknownField(
        f"{model}.{column} is a column, which has no {rest!r}",
        hint=f"leave out what follows {column!r}",
        model=model,
        fields=(column,),
    )


def _blamed(mapping: Mapping, name: str) -> tuple[Mapping, str]:
    for head, rest in _parted(name):
        if rest and head in mapping.relations:
            return _blamed(mapping_of(mapping.relations[head].target), rest)
    parts = name.split("__")
    if name not in mapping.relations and nearest(name, mapping.columns, cutoff=0.85) is None:
        return mapping, parts[0]
    return mapping, name


def _parted(name: str) -> Iterator[tuple[str, str]]:
    """``a__b__c`` as (a, b__c), (a__b, c) and (a__b__c, nothing).

    ``a___b`` is (a, _b) and (a_, b): a name may end with an underscore. In ``a__`` nothing is
    parted, or it would be read as ``a``.
    """
    place = name.find("__")
    while 0 <= place < len(name) - 2:
        yield name[:place], name[place + 2 :]
        place = name.find("__", place + 1)
    yield name, ""
