"""Find the scopes that hold for a table: those that its model and the model's bases declare.

Scopes are registered when SQLAlchemy constructs a mapper, and checked when it configures the
mapper. The compiler asks ``rules_of`` by table; bindings ask for the declared names, and for the
models behind a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Table, bindparam, event, inspect
from sqlalchemy.orm import Mapper

from colonnade.errors import ColonnadeError, InvalidMapping
from colonnade.mapping import did_you_mean, with_article
from colonnade.scope.declared import Scope
from colonnade.scope.subjects import Subject, check_keys_of, subject_of

__all__ = [
    "Rules",
    "declaration_count",
    "has_any_scope",
    "names_with_value",
    "register_scopes",
    "relations_to_scoped",
    "rules_of",
    "scopes_hiding",
    "scopes_of",
    "subjects_named",
]

_ATTRIBUTE: Final = "__scopes__"


@dataclass(frozen=True, slots=True)
class Rules:
    """The scopes of one table, and the model that declares them."""

    model: type[Any]
    scopes: tuple[Scope, ...]

    def __str__(self) -> str:
        return self.model.__name__

    def subject(self, scope: Scope) -> Subject:
        """Return the ``Subject`` for one of the scopes: the scope together with this model."""
        return subject_of(self.model, scope)


#: Filled when a model is declared and not when mappers are configured, so that a Core statement
#: which runs before that is in scope too.
_RULES: Final[WeakKeyDictionary[Table, Rules]] = WeakKeyDictionary()

#: The names of scopes that take a value, and of all scopes. Names are only ever added.
_VALUES: Final[set[str]] = set()
_NAMES: Final[set[str]] = set()

#: The scopes that models, and services for them, declare. ``_SUBJECTS`` has the same by the scope's
#: name; an entry is computed on demand and dropped when another scope of that name is declared.
_DECLARED: Final[WeakKeyDictionary[type[Any], set[Scope]]] = WeakKeyDictionary()
_SUBJECTS: Final[dict[str, tuple[Subject, ...]]] = {}
#: How often ``declare`` was called, as a list so that functions can change it.
_declarations: Final = [0]


def has_any_scope() -> bool:
    """Return whether any model, or any service for one, has a scope."""
    return bool(_NAMES)


def scope_names() -> frozenset[str]:
    """Return the names of all scopes that were declared."""
    return frozenset(_NAMES)


def names_with_value() -> frozenset[str]:
    """Return the names of the scopes that take a value."""
    return frozenset(_VALUES)


def subjects_named(name: str) -> tuple[Subject, ...]:
    """Return the scopes of this name, each with a model that has it.

    Of several whose columns check values in the same way only one is returned.
    """
    found = _SUBJECTS.get(name)
    if found is not None:
        return found
    scopes = [(model, scope) for model, given in list(_DECLARED.items()) for scope in given]
    subjects = [subject_of(model, scope) for model, scope in scopes if scope.name == name]
    sorts = [check_keys_of(subject) for subject in subjects]
    found = tuple(dict(zip(sorts, subjects, strict=True)).values())
    # None: the mappers cannot be configured yet, so the columns may be others the next time.
    if None not in sorts:
        _SUBJECTS[name] = found
    return found


def declaration_count() -> int:
    """Return how often ``declare`` was called: a cache key for what depends on all scopes."""
    return _declarations[0]


def register_scopes(scopes: Iterable[Scope], model: type[Any] | None = None) -> None:
    """Register scopes by their names, so that sessions can bind and lift them.

    With ``model`` the values that sessions bind are checked against its columns.
    """
    _declarations[0] += 1
    for scope in scopes:
        _NAMES.add(scope.name)
        if scope.takes_value:
            _VALUES.add(scope.name)
        if model is not None:
            _DECLARED.setdefault(model, set()).add(scope)
            _SUBJECTS.pop(scope.name, None)


def rules_of(table: Any) -> Rules | None:
    """Return the scopes of a table; None for a table without scopes, or anything else."""
    # The annotated copy of a table in an ORM statement is equal to the table, and has its hash.
    return _RULES.get(table) if isinstance(table, Table) else None


def relations_to_scoped(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Return the names of a model's relations to models that have scopes."""
    return tuple(
        relation.key
        for relation in mapper.relationships
        if rules_of(relation.mapper.local_table) is not None
    )


def scopes_of(model: type[Any]) -> list[Scope]:
    """Return the scopes of a model's tables."""
    rules = (rules_of(table) for table in inspect(model).mapper.tables)
    return [scope for found in rules if found is not None for scope in found.scopes]


def scopes_hiding(owner: type[Any], target: type[Any]) -> list[str]:
    """Return the names of the scopes that may hide the ``target`` of a relation of ``owner``.

    A scope by a column that both models have cannot: writes only refer to rows that have the same
    value in it, and that value does not change.
    """
    own = {scope.name for scope in scopes_of(owner)}
    return [
        scope.name
        for scope in scopes_of(target)
        if not (scope.column is not None and scope.name in own)
    ]


def _collect_scopes(model: type[Any]) -> tuple[Scope, ...]:
    """Return the scopes of a class and its bases; a subclass overrides a base's by its name."""
    found: dict[str, Scope] = {}
    for base in reversed(model.__mro__):
        for scope in _iterate_own_scopes(base):
            found[scope.name] = scope
    return tuple(found.values())


def _iterate_own_scopes(base: type[Any]) -> Iterator[Scope]:
    """Yield the scopes in the class's own ``__scopes__``, which may be one scope or several."""
    given = base.__dict__.get(_ATTRIBUTE, ())
    for item in (given,) if isinstance(given, Scope) else given:
        if not isinstance(item, Scope):
            raise InvalidMapping(
                f"{base.__name__}.{_ATTRIBUTE} holds scopes, "
                f"not {with_article(type(item).__name__)}",
                hint='__scopes__ = (Scope("tenant", column="tenant_id"),)',
            )
        yield item


@event.listens_for(Mapper, "after_mapper_constructed")
def _register_mapper(mapper: Mapper[Any], model: type[Any]) -> None:
    """Register the scopes of a model as soon as SQLAlchemy has constructed its mapper."""
    scopes = _collect_scopes(model)
    # A subclass by joined or single-table inheritance has its rows in the base's table, whose
    # scopes hold. ``_check_table`` refuses what differs from them.
    if not scopes or (mapper.inherits is not None and not mapper.concrete):
        return
    if isinstance(mapper.local_table, Table):
        _RULES[mapper.local_table] = Rules(model, scopes)
    register_scopes(scopes, model)


@event.listens_for(Mapper, "mapper_configured")
def _check_mapper(mapper: Mapper[Any], model: type[Any]) -> None:
    """Raise ``InvalidMapping`` if a model's scopes do not fit it, when mappers are configured."""
    scopes = _collect_scopes(model)
    if not scopes:
        return
    _check_table(mapper, model, scopes)
    for scope in scopes:
        if scope.column is not None and scope.column not in mapper.column_attrs:
            near = did_you_mean(scope.column, mapper.column_attrs.keys(), model.__name__)
            raise InvalidMapping(
                f"scope {scope.name!r} of {model.__name__} names no column: "
                f"{scope.column!r}; {near}",
                model=model.__name__,
                fields=(scope.column,),
            )
        try:
            found = scope.criterion(model, bindparam(scope.name))
        except ColonnadeError:
            raise
        except Exception as error:
            raise InvalidMapping(
                f"scope {scope.name!r} of {model.__name__} cannot be made: {error}",
                model=model.__name__,
            ) from error
        if not isinstance(found, ColumnElement):
            raise InvalidMapping(
                f"scope {scope.name!r} of {model.__name__} is no condition but a "
                f"{type(found).__name__}",
                hint="compare the model's columns, as in lambda row: row.deleted_at.is_(None)",
                model=model.__name__,
            )


def _check_table(mapper: Mapper[Any], model: type[Any], scopes: tuple[Scope, ...]) -> None:
    rules = rules_of(mapper.local_table)
    if rules is None:
        raise InvalidMapping(
            f"{model.__name__} has scopes and no table of its own for them to hold for",
            hint="give the model that it inherits from and its own one table, or no scopes",
            model=model.__name__,
        )
    if rules.scopes != scopes:
        raise InvalidMapping(
            f"{model.__name__} declares scopes for the table that it shares with {rules}",
            hint=f"declare them in {rules}",
            model=model.__name__,
        )
