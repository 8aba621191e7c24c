"""Find what a name is on a model: a column, a relation, an SQL expression or Python code.

As in Pydantic's ``from_attributes``, a property or a plain attribute of the class can fill a
schema's field too.
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

__all__ = [
    "Expression",
    "ModelAttribute",
    "PythonAttribute",
    "attribute_of",
    "attributes_of",
    "code_of",
]

#: Packages whose classes a model inherits attributes from that are not the model's own.
_FOREIGN: Final = ("pydantic", "sqlmodel", "sqlalchemy", "typing", "builtins", "abc")
_CODE: Final = (property, cached_property, hybrid_property)


class PythonAttribute:
    """An attribute that Python computes, or that is the same for every object.

    ``descriptor`` is what stands in the class: a property, a hybrid or the value itself.
    """

    __slots__ = ("constant", "descriptor", "name")

    def __init__(self, name: str, descriptor: Any) -> None:
        self.name = name
        self.descriptor = descriptor
        self.constant = not isinstance(descriptor, _CODE)

    def read(self, item: Any) -> Any:
        """Return the attribute of ``item``, which need not be an object of the model."""
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


ModelAttribute: TypeAlias = Column | Relation | Expression | PythonAttribute


@memoized
def attribute_of(model: type[Any], name: str) -> ModelAttribute | None:
    """Return what ``name`` is on ``model``, or None if the model has nothing of that name.

    A synonym is what it stands for; a hybrid is its SQL expression, where it has one.
    """
    mapping = mapping_of(model)
    name = synonym_of(model, name)
    mapped = mapping.columns.get(name) or mapping.relations.get(name)
    return mapped or expressions_of(model).get(name) or code_of(model, name)


@memoized
def code_of(model: type[Any], name: str) -> PythonAttribute | None:
    """Return the Python code or constant behind a name that no mapped attribute has."""
    found = _find_own(model, name)
    return None if found is None else PythonAttribute(name, found)


def attributes_of(model: type[Any]) -> list[str]:
    """Return the names that can fill a field: mapped attributes, hybrids and properties."""
    mapper: Any = inspect(model)
    names = dict.fromkeys((*mapping_of(model).columns, *mapping_of(model).relations))
    names |= dict.fromkeys((*mapper.column_attrs.keys(), *mapper.synonyms.keys()))
    for owner in model.__mro__:
        if owner.__module__.partition(".")[0] not in _FOREIGN:
            names |= {name: None for name, item in vars(owner).items() if isinstance(item, _CODE)}
    return list(names)


def _find_own(model: type[Any], name: str) -> Any:
    """Return what the model's own classes have under a name; not what every model inherits."""
    if hasattr(SQLModel, name):
        return None
    for owner in model.__mro__:
        if owner.__module__.partition(".")[0] not in _FOREIGN and name in vars(owner):
            found = getattr_static(owner, name)
            # What is mapped some other way, such as an association proxy, has no value by itself.
            mapped = isinstance(found, QueryableAttribute) or hasattr(found, "extension_type")
            return found if isinstance(found, hybrid_property) or not mapped else None
    return None
