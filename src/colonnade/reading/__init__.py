"""Ways to run what was asked: ``entities`` gives the model's objects, ``rows`` a schema's."""

from __future__ import annotations

from colonnade.reading.entities import by_keys, count, exists, fetch
from colonnade.reading.rows import adapter_of, fill, tree

__all__ = ["adapter_of", "by_keys", "count", "exists", "fetch", "fill", "tree"]
