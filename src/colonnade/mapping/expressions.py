"""Attributes that SQL computes, synonyms, and reasons why others cannot be asked for.

A hybrid's SQL is built when it is first asked for, not when its model is configured: the models
that it names may not be mapped yet, and a hybrid for Python alone may raise anything on the class.
"""

from __future__ import annotations

from collections.abc import Mapping as Read
from dataclasses import dataclass, field
from functools import cached_property
from inspect import getattr_static
from typing import Any, Final, TypeAlias

from sqlalchemy import ClauseElement, ColumnElement, inspect, type_coerce
from sqlalchemy import Column as TableColumn
from sqlalchemy.ext.associationproxy import AssociationProxy
from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
from sqlalchemy.orm import CompositeProperty, RelationshipProperty
from sqlalchemy.sql.elements import Label
from sqlalchemy.sql.selectable import SelectBase
from sqlalchemy.sql.util import ClauseAdapter
from sqlalchemy.types import NullType, TypeEngine
from sqlmodel import SQLModel

from colonnade.caches import memoized
from colonnade.mapping.model import Column, mapping_of
from colonnade.mapping.types import type_of

__all__ = [
    "Attribute",
    "Expression",
    "RawExpression",
    "adapt_expression",
    "attribute_on",
    "clause_of",
    "expressions_of",
    "failures_of",
    "names_of",
    "refusal_of",
    "synonym_of",
]

_LONGEST: Final = 80


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A hybrid or a ``column_property``; ``type`` is that of its SQL.

    Most functions have none that SQLAlchemy knows. Where it is known otherwise, by ``type_of``, it
    has to be ``coerced``. ``compares`` says that it is a hybrid with a comparator of its own.
    """

    name: str
    type: TypeEngine[Any]
    compares: bool = False
    coerced: bool = False

    @property
    def nullable(self) -> bool:
        """True: no declaration says that an expression has a value in every row."""
        return True

    @property
    def untyped(self) -> bool:
        """True if its type is unknown."""
        return isinstance(self.type, NullType)


@dataclass(frozen=True, slots=True, eq=False)
class RawExpression:
    """An SQL expression of the caller's own, on the columns of ``model``; it equals no other."""

    model: type[Any]
    element: ColumnElement[Any]

    @property
    def name(self) -> str:
        """The name in errors: the SQL, without values."""
        return " ".join(str(self.element).split())[:_LONGEST]

    @property
    def type(self) -> TypeEngine[Any]:
        """The type of its values."""
        return self.element.type

    @property
    def nullable(self) -> bool:
        """True, as for any expression."""
        return True

    @property
    def untyped(self) -> bool:
        """True if its type is unknown."""
        return isinstance(self.element.type, NullType)


#: What a name or an expression leads to: something that has a value in every row.
Attribute: TypeAlias = Column | Expression | RawExpression


@dataclass(frozen=True, slots=True)
class _ModelExpressions:
    """The expressions and synonyms of a model; ``failed`` are hybrids without SQL."""

    expressions: dict[str, Expression] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


def expressions_of(model: type[Any]) -> Read[str, Expression]:
    """Return the hybrids and the ``column_property`` of a model that have SQL, by name."""
    return _built_expressions(model).expressions


def synonym_of(model: type[Any], name: str) -> str:
    """Return the attribute that a synonym stands for; any other name is itself."""
    return _built_expressions(model).synonyms.get(name, name)


def names_of(model: type[Any]) -> list[str]:
    """Return the names that can be asked for: columns, expressions and what stands for them."""
    mapping, built = mapping_of(model), _built_expressions(model)
    shown = (name for name in (*built.expressions, *built.synonyms) if not name.startswith("_"))
    return list(dict.fromkeys((*mapping.columns, *shown)))


def failures_of(model: type[Any]) -> Read[str, Exception]:
    """Return why SQL of a hybrid could not be built, for those that declare an expression."""
    return {
        name: error
        for name, error in _built_expressions(model).failed.items()
        if _declares_sql(getattr_static(model, name))
    }


def attribute_on(entity: Any, column: Attribute) -> Any:
    """Return the SQL of an attribute on an entity: the model, or an alias that stands for it."""
    if isinstance(column, Expression):
        element = clause_of(getattr(entity, column.name))
        return type_coerce(element, column.type) if column.coerced else element
    if isinstance(column, RawExpression):
        return adapt_expression(column.element, column.model, entity)
    return getattr(entity, column.name)


def adapt_expression(
    element: ColumnElement[Any], model: type[Any], entity: Any
) -> ColumnElement[Any]:
    """Return an expression on the entity that stands in for its model."""
    if entity is model:
        return element
    # An alias has columns of its own, which take the place of the model's in the expression.
    found: ColumnElement[Any] = ClauseAdapter(inspect(entity).selectable).traverse(element)
    return found


def clause_of(attribute: Any) -> ColumnElement[Any]:
    """Return the SQL of a mapped attribute or a hybrid, without a label.

    Raises ``TypeError`` if it is no value in SQL: a relation, or a text that Python put together.
    """
    related = _is_relation(attribute)
    element = attribute
    while hasattr(element, "__clause_element__") and not isinstance(element, ClauseElement):
        element = element.__clause_element__()
    if isinstance(element, SelectBase):
        element = element.scalar_subquery()
    while isinstance(element, Label):
        element = element.element
    if related or not isinstance(element, ColumnElement):
        kind = "relation" if related else type(element).__name__
        raise TypeError(f"on the class it is a {kind} and no SQL expression")
    return element


def refusal_of(model: type[Any], name: str) -> tuple[str, str] | None:
    """Return why an attribute that the model does have cannot be asked for, and what can be.

    None for a name that the model does not have.
    """
    title = f"{model.__name__}.{name}"
    if error := _built_expressions(model).failed.get(name):
        return (
            f"{title} is a hybrid that has no SQL: {type(error).__name__} when it is built",
            f"give it some with @{name}.expression, or name the columns that it looks at",
        )
    prop: Any = inspect(model).all_orm_descriptors.get(name)
    if isinstance(getattr(prop, "property", None), CompositeProperty):
        parts = [part for part in _parts_of(model, name) if part in mapping_of(model).columns]
        return f"{title} is a composite of {', '.join(parts)}", "name one of these columns"
    found = getattr_static(model, name, None)
    if isinstance(found, AssociationProxy):
        path = f"{found.target_collection}__{found.value_attr}"
        return f"{title} is an association proxy", f"follow the relation: {path}"
    if isinstance(found, hybrid_method):
        return f"{title} is a method", f"hand in its expression: {title}(…)"
    if isinstance(found, property | cached_property) and not hasattr(SQLModel, name):
        return (
            f"{title} is computed in Python, and no database knows it",
            "make it a hybrid_property with an expression, or name the columns that it looks at",
        )
    return None


def _is_relation(attribute: Any) -> bool:
    try:
        prop = attribute.property
    except (AttributeError, NotImplementedError):  # a comparator of the user's own has none
        return False
    return isinstance(prop, RelationshipProperty)


def _parts_of(model: type[Any], name: str) -> list[str]:
    composite: Any = inspect(model).composites[name]
    return [part.key for part in composite.props]


def _built_expressions(model: type[Any]) -> _ModelExpressions:
    """Return what is built for the model, again after an attribute was added to its mapper."""
    mapping_of(model)
    # An attribute may be added to a mapper that is configured already.
    return _build_expressions(model, len(inspect(model).attrs))


@memoized
def _build_expressions(model: type[Any], _size: int) -> _ModelExpressions:
    mapper: Any = inspect(model)
    built = _ModelExpressions()
    for prop in mapper.column_attrs:
        if not isinstance(prop.columns[0], TableColumn):
            built.expressions[prop.key] = _make_expression(
                prop.key, clause_of(getattr(model, prop.key))
            )
    for name in mapper.synonyms.keys():  # noqa: SIM118 # a collection of properties
        built.synonyms[name] = _synonym_origin(mapper, name)
    hybrids: set[hybrid_property[Any]] = set()
    for name, item in mapper.all_orm_descriptors.items():
        # What is declared in place stands in the class twice, under its function's name too.
        if isinstance(item, hybrid_property) and item not in hybrids:
            hybrids.add(item)
            try:
                element = clause_of(getattr(model, name))
            except Exception as error:  # noqa: BLE001 # it is the user's own code
                built.failed[name] = error
            else:
                compares = item.custom_comparator is not None
                built.expressions[name] = _make_expression(name, element, item.fget, compares)
    return built


def _make_expression(
    name: str, element: ColumnElement[Any], function: Any = None, compares: bool = False
) -> Expression:
    kind = type_of(element, function)
    return Expression(name, kind, compares, coerced=kind is not element.type)


def _synonym_origin(mapper: Any, name: str) -> str:
    """Return the attribute at the end of a chain of synonyms."""
    seen: set[str] = set()
    while name in mapper.synonyms and name not in seen:
        seen.add(name)
        name = mapper.synonyms[name].name
    return name


def _declares_sql(found: Any) -> bool:
    """Return True for a hybrid with an expression or a comparator: it is meant for SQL."""
    return isinstance(found, hybrid_property) and (
        found.custom_comparator is not None or found.expr not in (None, found.fget)
    )
