"""Questions bound to a session: ``Query`` gives entities, ``Projection`` schemas and JSON."""

from __future__ import annotations

from colonnade.query.answer import Answer
from colonnade.query.json import Json
from colonnade.query.keys import key_of, missing, possible_key, spec_of_key
from colonnade.query.own import conditions_of, criteria_of, keep, values_of
from colonnade.query.projection import Projection
from colonnade.query.query import Query, as_paths, load_paths
from colonnade.query.queryable import Queryable
from colonnade.query.verbs import MAX_PAGE, Condition

__all__ = [
    "MAX_PAGE",
    "Answer",
    "Condition",
    "Json",
    "Projection",
    "Query",
    "Queryable",
    "as_paths",
    "conditions_of",
    "criteria_of",
    "keep",
    "key_of",
    "load_paths",
    "missing",
    "possible_key",
    "spec_of_key",
    "values_of",
]
