"""Canaries for what ``colonnade._compat.sqlalchemy_naming`` hooks into."""

from __future__ import annotations

import pytest
from sqlalchemy import CheckConstraint, Column, Integer, MetaData, String, Table, UniqueConstraint
from sqlalchemy.exc import InvalidRequestError

from colonnade._compat.sqlalchemy_naming import name_by_convention


def test_a_finished_table_can_be_asked_for_names_by_a_convention_that_came_later() -> None:
    metadata = MetaData()
    check, named = CheckConstraint("id > 0"), CheckConstraint("id > 1", name="more")
    unique = UniqueConstraint("name")
    columns = (Column("id", Integer), Column("name", String))
    table = Table("t", metadata, *columns, unique, check, named)
    assert name_by_convention(unique, table) is None
    metadata.naming_convention = {
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
    assert name_by_convention(unique, table) == "uq_t_name"
    assert name_by_convention(named, table) == "ck_t_more"
    with pytest.raises(InvalidRequestError):
        name_by_convention(check, table)
