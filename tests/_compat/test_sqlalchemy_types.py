"""Canaries for what ``colonnade._compat.sqlalchemy_types`` hooks into."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, oracle, postgresql

from colonnade._compat.sqlalchemy_types import BINARY, INTERVAL, variant_for


def test_every_interval_has_one_class_in_common() -> None:
    for kind in (sa.Interval(), postgresql.INTERVAL(), oracle.INTERVAL()):
        assert isinstance(kind, INTERVAL), kind
    assert not isinstance(sa.Time(), INTERVAL)


def test_every_type_of_bytes_has_one_class_in_common() -> None:
    for kind in (sa.LargeBinary(), sa.VARBINARY(), postgresql.BYTEA(), mysql.LONGBLOB()):
        assert isinstance(kind, BINARY), kind
    assert not isinstance(sa.String(), BINARY)


def test_a_type_says_what_it_is_on_one_database() -> None:
    variant = postgresql.JSONB()
    kind = sa.JSON().with_variant(variant, "postgresql")
    assert variant_for(kind, "postgresql") is variant
    assert variant_for(kind, "sqlite") is kind
