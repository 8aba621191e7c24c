"""Check models at start-up, so that a wrong one fails then and not at the first request."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from colonnade import mapping
from colonnade.filters.operators import OPERATORS

__all__ = ["check_models"]


def check_models(metadata: MetaData = SQLModel.metadata) -> None:
    """Raise ``InvalidMapping`` with every problem of the models of ``metadata``.

    These are models that cannot be mapped, for example because of a relation to a class that was
    not imported, models without a primary key, and columns whose name would make a lookup
    ambiguous. The first use of such a model fails too. ``colonnade.fastapi.connect`` makes this
    check when the app starts.
    """
    mapping.check_models(metadata, OPERATORS)
