"""In charge of the question whether a schema can be read, asked before anything is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from colonnade.loading import Plan, check_hidden, validator_of
from colonnade.mapping import check_mapped
from colonnade.reading.terms import terms_of
from colonnade.spec import Shape, Spec, projected

__all__ = ["check_schema"]


def check_schema(model: type[Any], schema: type[BaseModel], *, depth: int | None = None) -> Plan:
    """The plan for reading ``schema`` from ``model``; ``print`` it to see what runs.

    No statement runs. Raises ``InvalidSchema`` that names the field and the nearest attribute, or
    the scope that may hide a single object where the field takes no None, and what a query raises
    for the terms of a collection.
    """
    check_mapped(model)
    _, plan = projected(Spec(Shape(model)), schema, depth)
    check_hidden(plan)
    terms_of(plan)
    validator_of(plan)
    return plan
