"""Describe models: their columns, relations, keys and expressions. Needs no session and no URL."""

from __future__ import annotations

from colonnade.mapping.check import check_models, check_writable, find_model_problems
from colonnade.mapping.configuration import configure, mappers_of
from colonnade.mapping.expressions import (
    Attribute,
    Expression,
    RawExpression,
    attribute_on,
    clause_of,
    expressions_of,
    names_of,
    refusal_of,
    synonym_of,
)
from colonnade.mapping.hints import did_you_mean, find_nearest, format_count, with_article
from colonnade.mapping.model import (
    Column,
    Direction,
    Mapping,
    Relation,
    Unique,
    check_mapped,
    mapping_of,
)

__all__ = [
    "Attribute",
    "Column",
    "Direction",
    "Expression",
    "Mapping",
    "RawExpression",
    "Relation",
    "Unique",
    "attribute_on",
    "check_mapped",
    "check_models",
    "check_writable",
    "clause_of",
    "configure",
    "did_you_mean",
    "expressions_of",
    "find_model_problems",
    "find_nearest",
    "format_count",
    "mappers_of",
    "mapping_of",
    "names_of",
    "refusal_of",
    "synonym_of",
    "with_article",
]
