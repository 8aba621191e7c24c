"""Queries as frozen values, and the SQL statements that are built of them.

A ``Spec`` is a ``Shape`` (conditions, order, loads) with the values to bind. ``statement`` builds a
SELECT once for each shape; ``keyset`` and ``position`` are for cursors, ``aggregate_sql`` and
``figures`` for aggregates, ``keys`` and ``equality`` for selecting by key.
"""

from __future__ import annotations

from colonnade.spec.aggregate_sql import of_children
from colonnade.spec.dml_condition import dml_condition
from colonnade.spec.equality import (
    equal,
    equal_parameter,
    is_found_by_value,
    is_key,
    key_questions,
    names_itself,
)
from colonnade.spec.figures import having, projected, row_terms
from colonnade.spec.given import Wanted, deciding, wanted_by_plan, wanted_by_rows, with_values
from colonnade.spec.keys import (
    among,
    among_held,
    asked,
    bound,
    chunked,
    keyed,
    names,
    unused_prefix,
)
from colonnade.spec.keyset import Keyset, order_of, split_ranges
from colonnade.spec.memory import STATEMENTS, remembered
from colonnade.spec.position import CursorCodec, Position
from colonnade.spec.shape import Lock, Shape, Spec, unsorted_paths, whole
from colonnade.spec.statement import (
    apply_shape,
    keys_of,
    limiting,
    loader_options,
    matching,
    select_count,
    select_entities,
    select_existence,
)

__all__ = [
    "STATEMENTS",
    "CursorCodec",
    "Keyset",
    "Lock",
    "Position",
    "Shape",
    "Spec",
    "Wanted",
    "among",
    "among_held",
    "apply_shape",
    "asked",
    "bound",
    "chunked",
    "deciding",
    "dml_condition",
    "equal",
    "equal_parameter",
    "having",
    "is_found_by_value",
    "is_key",
    "key_questions",
    "keyed",
    "keys_of",
    "limiting",
    "loader_options",
    "matching",
    "names",
    "names_itself",
    "of_children",
    "order_of",
    "projected",
    "remembered",
    "row_terms",
    "select_count",
    "select_entities",
    "select_existence",
    "split_ranges",
    "unsorted_paths",
    "unused_prefix",
    "wanted_by_plan",
    "wanted_by_rows",
    "whole",
    "with_values",
]
