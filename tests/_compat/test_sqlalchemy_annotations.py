"""Canaries for what ``colonnade._compat.sqlalchemy_annotations`` hooks into."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, select

from colonnade._compat.sqlalchemy_annotations import annotate_alias, annotation_of

TABLE = Table("thing", MetaData(), Column("id", Integer, primary_key=True))


def test_an_annotated_alias_is_the_alias_and_carries_the_value() -> None:
    alias = TABLE.alias()
    marked = annotate_alias(alias, "colonnade", frozenset({"x"}))
    assert annotation_of(marked, "colonnade") == {"x"}
    assert annotation_of(alias, "colonnade") is None
    assert annotation_of(TABLE, "colonnade") is None
    assert {alias: 1}[marked] == 1


def test_an_annotation_makes_another_key_for_the_compiled_cache() -> None:
    marked = annotate_alias(TABLE.alias(), "colonnade", frozenset({"x"}))
    keys = [select(item)._generate_cache_key() for item in (TABLE.alias(), marked)]
    assert keys[0] is not None
    assert keys[1] is not None
    assert keys[0].key != keys[1].key
