"""Check the models at start-up, and report all problems at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import MetaData, inspect
from sqlalchemy.orm import Mapper
from sqlmodel import SQLModel

from colonnade.errors import InvalidMapping
from colonnade.mapping.configuration import find_failures, mappers_of
from colonnade.mapping.expressions import failures_of, names_of
from colonnade.mapping.model import mapping_of
from colonnade.mapping.paths import possible_paths

__all__ = ["check_models", "check_writable", "find_model_problems"]


def find_model_problems(
    metadata: MetaData = SQLModel.metadata, operators: Collection[str] = ()
) -> tuple[str, ...]:
    """Return what is wrong with the models of ``metadata``, one sentence each; configure them.

    These are models that cannot be mapped, for instance by a relation to a class that was not
    imported, models whose table has no primary key, columns that spell like a path over a relation
    or like another column with one of ``operators``, and hybrids whose expression raises.
    """
    models = {mapper: mapper.class_.__name__ for mapper in mappers_of(metadata)}
    failed = [failure for failure in find_failures() if failure.mapper in models]
    unmapped = [str(failure) for failure in failed]
    keyless = [
        f"{name}: the table has no primary key"
        for mapper, name in models.items()
        if not list(mapper.local_table.primary_key)
    ]
    whole = set(models) - {failure.mapper for failure in failed}
    twofold = (
        []
        if failed
        else [text for mapper in whole for text in _find_ambiguous_names(mapper, operators)]
    )
    broken = [] if failed else [text for mapper in whole for text in _find_broken_hybrids(mapper)]
    return (*unmapped, *sorted(keyless), *sorted(twofold), *sorted(broken))


def check_models(metadata: MetaData = SQLModel.metadata, operators: Collection[str] = ()) -> None:
    """Raise ``InvalidMapping`` with every problem of the models of ``metadata``."""
    if found := find_model_problems(metadata, operators):
        raise InvalidMapping(
            "models that cannot be used:\n" + "\n".join(f"- {problem}" for problem in found),
            hint="import every module that defines models, give each table a primary key, and "
            "each attribute a name that reads in one way",
        )


def check_writable(model: type[Any], *, at_once: bool = False) -> None:
    """Raise ``InvalidMapping`` for a model whose rows cannot be written.

    With ``at_once`` many rows are to be written in one statement, which is not possible for a class
    hierarchy with several tables; the unit of work writes such rows one by one.
    """
    mapping = mapping_of(model)
    if mapping.storage == "select":
        raise InvalidMapping(
            f"{model.__name__} is mapped to a join or a SELECT, which cannot be written to",
            hint="read it, and write the models of the tables that it is made of",
            model=model.__name__,
        )
    if at_once and mapping.storage == "hierarchy":
        mapper: Any = inspect(model)
        tables = ", ".join(table.name for table in mapper.tables)
        raise InvalidMapping(
            f"{model.__name__} has its columns in several tables ({tables}), "
            "which no UPDATE of many rows changes together",
            hint="change the rows one by one with update(), or map one table for all classes",
            model=model.__name__,
        )


def _find_ambiguous_names(mapper: Mapper[object], operators: Collection[str]) -> Iterator[str]:
    """Yield a problem for each name of a model that can be read in two ways."""
    model = mapper.class_
    mapping = mapping_of(model)
    spelled = [name for name in names_of(model) if "__" in name]
    spelled += [
        f"{relation.name}__{column}"
        for relation in mapping.relations.values()
        if "__" in relation.name
        for column in names_of(relation.target)
    ]
    for name in spelled:
        found = [
            path for path in possible_paths(model, name) if not path.rest or path.rest in operators
        ]
        if len(found) > 1:
            yield f"{model.__name__}.{name}: a lookup of this name could mean two things"


def _find_broken_hybrids(mapper: Mapper[object]) -> Iterator[str]:
    """Yield a problem for each hybrid whose declared SQL cannot be built."""
    model = mapper.class_
    for name, error in failures_of(model).items():
        told = str(error).partition("\n")[0]
        yield f"{model.__name__}.{name}: its expression raises {type(error).__name__}: {told}"
