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
from colonnade.reading.entities import (
    count_rows,
    estimate_count,
    has_rows,
    read_by_keys,
    read_entities,
    read_entities_with_keys,
)
from colonnade.reading.explain import explain_document, explain_entities, explain_rows
from colonnade.reading.rows import (
    list_adapter_of,
    read_schema_objects,
    read_schema_objects_with_keys,
)
from colonnade.reading.selected import select_into
from colonnade.reading.streaming import BatchCursor, open_entity_cursor, open_schema_cursor
from colonnade.reading.terms import (
    Terms,
    check_given_values,
    check_schema,
    find_given_values,
    terms_of,
)
from colonnade.reading.written import fill_from_entities, json_of_entity

__all__ = [
    "BatchCursor",
    "Terms",
    "check_given_values",
    "check_schema",
    "count_rows",
    "estimate_count",
    "explain_document",
    "explain_entities",
    "explain_rows",
    "fill_from_entities",
    "find_given_values",
    "has_rows",
    "json_array",
    "json_objects",
    "json_of_entity",
    "list_adapter_of",
    "open_entity_cursor",
    "open_schema_cursor",
    "read_array_and_count",
    "read_by_keys",
    "read_entities",
    "read_entities_with_keys",
    "read_schema_objects",
    "read_schema_objects_with_keys",
    "select_into",
    "terms_of",
    "why_plan_reads_rows",
    "why_schema_reads_rows",
]
