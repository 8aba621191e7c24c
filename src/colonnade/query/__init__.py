"""Queries bound to a session: ``Query`` returns entities, ``Projection`` schemas and their JSON.

Both are immutable. A method such as ``where`` returns a new query, and a statement runs only when a
verb such as ``all`` or ``page`` is awaited.
"""

from __future__ import annotations

from colonnade.query.json import Json
from colonnade.query.keys import key_of, missing, possible_key, spec_of_key
from colonnade.query.projection import Projection
from colonnade.query.query import Query, as_paths, load_paths, with_key
from colonnade.query.queryable import Queryable
from colonnade.query.service_scopes import check_row, conditions_of, criteria_of, fixed_values
from colonnade.query.verbs import MAX_PAGE
from colonnade.query.write_answer import Answer, json_of_written

__all__ = [
    "MAX_PAGE",
    "Answer",
    "Json",
    "Projection",
    "Query",
    "Queryable",
    "as_paths",
    "check_row",
    "conditions_of",
    "criteria_of",
    "fixed_values",
    "json_of_written",
    "key_of",
    "load_paths",
    "missing",
    "possible_key",
    "spec_of_key",
    "with_key",
]
