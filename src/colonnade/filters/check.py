"""In charge of the check at start-up, as users call it: models, and the lookups on them."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from colonnade import mapping
from colonnade.filters.operators import OPERATORS

__all__ = ["check_models"]


def check_models(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` with every problem of the models of ``metadata``.

    Models that cannot be mapped, for instance by a relation to a class that was not imported;
    models without a primary key; columns whose name a lookup could read in two ways. The first use
    of such a model fails too, as does ``colonnade.fastapi.connect`` when the app starts.
    """
    mapping.check_models(metadata, OPERATORS)
