"""In charge of what a model's attribute is to a schema: a column, a relation, an expression, code.

What SQLAlchemy does not map can fill a field too, as it does when Pydantic reads an object's
attributes: a property, a plain attribute of the class.
"""

from __future__ import annotations

from functools import cached_property
from inspect import getattr_static
from types import FunctionType, MethodType
from typing import Any, Final, TypeAlias

from sqlalchemy import inspect
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import QueryableAttribute
from sqlmodel import SQLModel

from colonnade.caches import memoized
from colonnade.mapping.expressions import Expression, expressions_of, synonym_of
from colonnade.mapping.model import Column, Relation, mapping_of

__all__ = ["Expression", "ModelAttribute", "Python", "attribute_of", "attributes_of", "code_of"]

#: Packages whose classes a model inherits attributes from that are not the model's own.
_FOREIGN: Final = ("pydantic", "sqlmodel", "sqlalchemy", "typing", "builtins", "abc")
_CODE: Final = (property, cached_property, hybrid_property)


class Python:
    """An attribute that Python computes, or that is the same for every object.

    ``descriptor`` is what stands in the class: a property, a hybrid or the value itself.
    """

    __slots__ = ("constant", "descriptor", "name")

    def __init__(self, name: str, descriptor: Any) -> None:
        self.name = name
        self.descriptor = descriptor
        self.constant = not isinstance(descriptor, _CODE)

    def read(self, item: Any) -> Any:
        """The attribute of ``item``, which need not be an object of the model."""
        if isinstance(self.descriptor, cached_property):
            return self.descriptor.func(item)
        if isinstance(self.descriptor, hybrid_property):
            return self.descriptor.fget(item)
        if isinstance(self.descriptor, property):
            return self.descriptor.__get__(item)
        if isinstance(self.descriptor, FunctionType):
            return MethodType(self.descriptor, item)
        if isinstance(self.descriptor, classmethod | staticmethod):
            return self.descriptor.__get__(item)
        return self.descriptor


ModelAttribute: TypeAlias = Column | Relation | Expression | Python


@memoized
def attribute_of(model: type[Any], name: str) -> ModelAttribute | None:
    """What ``name`` is on ``model``, or None if the model has nothing of that name.

    A synonym is what it stands for; a hybrid is its SQL expression, where it has one.
    """
    mapping = mapping_of(model)
    name = synonym_of(model, name)
    mapped = mapping.columns.get(name) or mapping.relations.get(name)
    return mapped or expressions_of(model).get(name) or code_of(model, name)


@memoized
def code_of(model: type[Any], name: str) -> Python | None:
    """What Python makes of ``name`` on ``model``, if nothing that is mapped does."""
    found = _own(model, name)
    return None if found is None else Python(name, found)


def attributes_of(model: type[Any]) -> list[str]:
    """The names that fill a field: what is mapped, hybrids and properties."""
    mapper: Any = inspect(model)
    names = dict.fromkeys((*mapping_of(model).columns, *mapping_of(model).relations))
    names |= dict.fromkeys((*mapper.column_attrs.keys(), *mapper.synonyms.keys()))
    for owner in model.__mro__:
        if owner.__module__.partition(".")[0] not in _FOREIGN:
            names |= {name: None for name, item in vars(owner).items() if isinstance(item, _CODE)}
    return list(names)


def _own(model: type[Any], name: str) -> Any:
    """What stands under ``name`` in the model's classes, but for what every model has."""
    if hasattr(SQLModel, name):
        return None
    for owner in model.__mro__:
        if owner.__module__.partition(".")[0] not in _FOREIGN and name in vars(owner):
            found = getattr_static(owner, name)
            # What is mapped some other way, such as an association proxy, has no value by itself.
            mapped = isinstance(found, QueryableAttribute) or hasattr(found, "extension_type")
            return found if isinstance(found, hybrid_property) or not mapped else None
    return None
