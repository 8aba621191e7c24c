"""Describe models: their columns, relations, keys and expressions. Needs no session and no URL."""

from __future__ import annotations

from colonnade.mapping.check import check_models, check_writable, problems
from colonnade.mapping.configuration import configure, mappers
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
from colonnade.mapping.hints import counted, did_you_mean, nearest, with_article
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
    "counted",
    "did_you_mean",
    "expressions_of",
    "mappers",
    "mapping_of",
    "names_of",
    "nearest",
    "problems",
    "refusal_of",
    "synonym_of",
    "with_article",
]
