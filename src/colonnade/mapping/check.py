"""The check at start-up: what is wrong with the models, all of it at once."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from colonnade.errors import InvalidMapping
from colonnade.mapping.configuration import failures, mappers

__all__ = ["check_models", "problems"]


def problems(metadata: MetaData = SQLModel.metadata) -> tuple[str, ...]:
    """What is wrong with the models of ``metadata``, one sentence each; configures them.

    Models that cannot be mapped, for instance by a relation to a class that was not imported, and
    models whose table has no primary key.
    """
    models = {mapper: mapper.class_.__name__ for mapper in mappers(metadata)}
    unmapped = [str(failure) for failure in failures() if failure.mapper in models]
    keyless = [
        f"{name}: the table has no primary key"
        for mapper, name in models.items()
        if not list(mapper.local_table.primary_key)
    ]
    return (*unmapped, *sorted(keyless))


def check_models(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` with every problem of the models of ``metadata``."""
    if found := problems(metadata):
        raise InvalidMapping(
            "models that cannot be used:\n" + "\n".join(f"- {problem}" for problem in found),
            hint="import every module that defines models, and give each table a primary key",
        )
