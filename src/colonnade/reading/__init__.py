"""Ways to run what was asked: ``entities`` gives the model's objects, ``rows`` a schema's."""

from __future__ import annotations

from colonnade.reading.check import check_schema
from colonnade.reading.document import counted, document_reason, reason
from colonnade.reading.dump import dump, objects
from colonnade.reading.entities import by_keys, count, exists, fetch, fetch_placed
from colonnade.reading.estimate import estimate
from colonnade.reading.explain import explain, explain_document, explain_rows
from colonnade.reading.given import check_given, given_values
from colonnade.reading.rows import adapter_of, fill, fill_placed
from colonnade.reading.selected import select_into
from colonnade.reading.streaming import Cursor, stream, stream_rows
from colonnade.reading.terms import Terms, terms_of
from colonnade.reading.written import fill_written

__all__ = [
    "Cursor",
    "Terms",
    "adapter_of",
    "by_keys",
    "check_given",
    "check_schema",
    "count",
    "counted",
    "document_reason",
    "dump",
    "estimate",
    "exists",
    "explain",
    "explain_document",
    "explain_rows",
    "fetch",
    "fetch_placed",
    "fill",
    "fill_placed",
    "fill_written",
    "given_values",
    "objects",
    "reason",
    "select_into",
    "stream",
    "stream_rows",
    "terms_of",
]
