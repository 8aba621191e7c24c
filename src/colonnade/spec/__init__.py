"""What is asked: ``shape`` apart from values, and the ``statement`` that a shape makes."""

from __future__ import annotations

from colonnade.spec.keys import among, chunked, keyed
from colonnade.spec.shape import Shape, Spec
from colonnade.spec.sources import Sources
from colonnade.spec.statement import counting, entities, existing, narrowed

__all__ = [
    "Shape",
    "Sources",
    "Spec",
    "among",
    "chunked",
    "counting",
    "entities",
    "existing",
    "keyed",
    "narrowed",
]
