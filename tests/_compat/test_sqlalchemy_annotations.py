"""Canaries for what ``colonnade._compat.sqlalchemy_annotations`` hooks into."""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from colonnade._compat.sqlalchemy_annotations import (
    annotate_alias,
    annotation_of,
    without_annotations,
)

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


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "of_model"

    id: Mapped[int] = mapped_column()
    named: Mapped[int] = mapped_column("other", primary_key=True)


def test_a_column_that_was_taken_from_a_model_says_which_attribute_of_which_it_is() -> None:
    column = Thing.named.__clause_element__()
    assert annotation_of(column, "parentmapper") is inspect(Thing)
    assert annotation_of(column, "proxy_key") == "named"
    assert annotation_of(TABLE.c.id, "parentmapper") is None


def test_an_orm_statements_copy_of_a_table_leads_back_to_the_table() -> None:
    (copied,) = select(Thing).get_final_froms()
    assert without_annotations(copied) is Thing.__table__  # type: ignore[arg-type] # it is a table
    assert without_annotations(TABLE) is TABLE
