"""What is asked: ``shape`` apart from values, and the ``statement`` that a shape makes."""

from __future__ import annotations

from colonnade.filters import Sources
from colonnade.spec.criterion import criterion
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
from colonnade.spec.keys import among, among_held, asked, chunked, keyed
from colonnade.spec.keyset import Keyset, order_of, parts
from colonnade.spec.measures import of_children
from colonnade.spec.memory import STATEMENTS, remembered
from colonnade.spec.position import Place, Places
from colonnade.spec.shape import Lock, Shape, Spec, unsorted_paths, whole
from colonnade.spec.statement import (
    counting,
    entities,
    existing,
    keys_of,
    limiting,
    matching,
    narrowed,
)
from colonnade.spec.values import bound, names, unused_prefix

__all__ = [
    "STATEMENTS",
    "Keyset",
    "Lock",
    "Place",
    "Places",
    "Shape",
    "Sources",
    "Spec",
    "Wanted",
    "among",
    "among_held",
    "asked",
    "bound",
    "chunked",
    "counting",
    "criterion",
    "deciding",
    "entities",
    "equal",
    "equal_parameter",
    "existing",
    "having",
    "is_found_by_value",
    "is_key",
    "key_questions",
    "keyed",
    "keys_of",
    "limiting",
    "matching",
    "names",
    "names_itself",
    "narrowed",
    "of_children",
    "order_of",
    "parts",
    "projected",
    "remembered",
    "row_terms",
    "unsorted_paths",
    "unused_prefix",
    "wanted_by_plan",
    "wanted_by_rows",
    "whole",
    "with_values",
]
