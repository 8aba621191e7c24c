"""Queries bound to a session: ``Query`` returns entities, ``Projection`` schemas and their JSON.

Both are immutable. A method such as ``where`` returns a new query, and a statement runs only when a
verb such as ``all`` or ``page`` is awaited.
"""

from __future__ import annotations

from colonnade.query.json import Json
from colonnade.query.keys import missing_row_error, parse_key, parse_possible_key, spec_of_key
from colonnade.query.projection import Projection
from colonnade.query.query import Query, resolve_load_paths, split_paths, with_key
from colonnade.query.queryable import Queryable
from colonnade.query.service_scopes import check_row, fixed_values, scope_conditions, scope_criteria
from colonnade.query.verbs import MAX_PAGE
from colonnade.query.write_answer import WriteAnswer, json_of_written

__all__ = [
    "MAX_PAGE",
    "Json",
    "Projection",
    "Query",
    "Queryable",
    "WriteAnswer",
    "check_row",
    "fixed_values",
    "json_of_written",
    "missing_row_error",
    "parse_key",
    "parse_possible_key",
    "resolve_load_paths",
    "scope_conditions",
    "scope_criteria",
    "spec_of_key",
    "split_paths",
    "with_key",
]
