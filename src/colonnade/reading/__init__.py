"""Run what was asked: ``entities`` reads the model's objects, ``rows`` a schema's, ``dump`` JSON.

Every function takes a session and a ``Spec``; those for schemas also a ``Plan`` and the ``Terms``
of its collections.
"""

from __future__ import annotations

from colonnade.reading.document import (
    read_array_and_count,
    why_plan_reads_rows,
    why_schema_reads_rows,
)
from colonnade.reading.dump import json_array, json_objects
from colonnade.reading.entities import by_keys, count, estimate_count, exists, fetch, fetch_placed
from colonnade.reading.explain import explain_document, explain_entities, explain_rows
from colonnade.reading.rows import adapter_of, fill, fill_placed
from colonnade.reading.selected import select_into
from colonnade.reading.streaming import Cursor, stream, stream_rows
from colonnade.reading.terms import (
    Terms,
    check_given_values,
    check_schema,
    find_given_values,
    terms_of,
)
from colonnade.reading.written import fill_from_entities, json_of_entity

__all__ = [
    "Cursor",
    "Terms",
    "adapter_of",
    "by_keys",
    "check_given_values",
    "check_schema",
    "count",
    "estimate_count",
    "exists",
    "explain_document",
    "explain_entities",
    "explain_rows",
    "fetch",
    "fetch_placed",
    "fill",
    "fill_from_entities",
    "fill_placed",
    "find_given_values",
    "json_array",
    "json_objects",
    "json_of_entity",
    "read_array_and_count",
    "select_into",
    "stream",
    "stream_rows",
    "terms_of",
    "why_plan_reads_rows",
    "why_schema_reads_rows",
]
