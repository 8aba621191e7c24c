"""Queries as frozen values, and the SQL statements that are built of them.

A ``Spec`` is a ``Shape`` (conditions, order, loads) with the values to bind. ``statement`` builds a
SELECT once for each shape; ``keyset`` and ``position`` are for cursors, ``aggregate_sql`` and
``figures`` for aggregates, ``keys`` and ``equality`` for selecting by key.
"""

from __future__ import annotations

from colonnade.spec.aggregate_sql import build_children_aggregate
from colonnade.spec.dml_condition import dml_condition
from colonnade.spec.equality import (
    build_equal,
    build_key_criteria,
    has_exact_key,
    is_found_by_value,
    key_questions,
    make_equal_parameter,
)
from colonnade.spec.figures import apply_having, figure_sort_keys, project_spec
from colonnade.spec.given import (
    AwaitedValue,
    bind_given_values,
    find_deciding_values,
    values_awaited_by_plan,
    values_awaited_by_rows,
)
from colonnade.spec.keys import (
    bind_values,
    build_key_in,
    build_stored_key_in,
    chunk_keys,
    parameter_names,
    select_by_asked_keys,
    select_by_stored_keys,
    unused_prefix,
)
from colonnade.spec.keyset import Keyset, build_order_by, split_ranges
from colonnade.spec.memory import STATEMENTS, remembered
from colonnade.spec.position import CursorCodec, Position
from colonnade.spec.shape import Lock, Shape, Spec, spec_of_all_rows, unsorted_paths
from colonnade.spec.statement import (
    apply_shape,
    loader_options,
    make_limit,
    scroll_columns,
    select_count,
    select_entities,
    select_existence,
    select_matching,
)

__all__ = [
    "STATEMENTS",
    "AwaitedValue",
    "CursorCodec",
    "Keyset",
    "Lock",
    "Position",
    "Shape",
    "Spec",
    "apply_having",
    "apply_shape",
    "bind_given_values",
    "bind_values",
    "build_children_aggregate",
    "build_equal",
    "build_key_criteria",
    "build_key_in",
    "build_order_by",
    "build_stored_key_in",
    "chunk_keys",
    "dml_condition",
    "figure_sort_keys",
    "find_deciding_values",
    "has_exact_key",
    "is_found_by_value",
    "key_questions",
    "loader_options",
    "make_equal_parameter",
    "make_limit",
    "parameter_names",
    "project_spec",
    "remembered",
    "scroll_columns",
    "select_by_asked_keys",
    "select_by_stored_keys",
    "select_count",
    "select_entities",
    "select_existence",
    "select_matching",
    "spec_of_all_rows",
    "split_ranges",
    "unsorted_paths",
    "unused_prefix",
    "values_awaited_by_plan",
    "values_awaited_by_rows",
]
