"""For which columns Python's equality is the database's."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlmodel.sql.sqltypes import AutoString
from tests.spellings import Lowered

from colonnade.models import DateTimeUTC
from colonnade.values import equal_as_asked, equal_as_referred, may_return_otherwise

POSTGRESQL: Any = asyncpg.dialect()  # type: ignore[no-untyped-call]
CITEXT = postgresql.CITEXT()


@pytest.mark.parametrize(
    "kind",
    [
        sa.Integer(),
        sa.BigInteger(),
        sa.Uuid(),
        sa.Uuid(as_uuid=False),
        sa.Boolean(),
        sa.Date(),
        sa.String(20),
        sa.Text(),
        AutoString(20),
    ],
    ids=repr,
)
def test_eq_finds_what_python_finds_equal(kind: Any) -> None:
    assert equal_as_asked(kind)


@pytest.mark.parametrize(
    "kind",
    [
        sa.CHAR(3),
        CITEXT,
        sa.String(20, collation="NOCASE"),
        sa.String(20).with_variant(CITEXT, "postgresql"),
        sa.String(20).with_variant(sa.CHAR(20), "postgresql"),
        sa.String(20).with_variant(mysql.VARCHAR(20, collation="utf8mb4_bin"), "mysql"),
        Lowered(),
        sa.Numeric(10, 2),
        sa.Float(),
        DateTimeUTC(),
        sa.LargeBinary(),
        postgresql.INET(),
    ],
    ids=repr,
)
def test_only_the_database_knows_what_eq_finds(kind: Any) -> None:
    assert not equal_as_asked(kind)


@pytest.mark.parametrize(
    ("kind", "other", "equal"),
    [
        (sa.Integer(), sa.BigInteger(), True),
        (sa.Uuid(), sa.Uuid(), True),
        (sa.Uuid(), sa.Uuid(as_uuid=False), False),
        (sa.Integer(), sa.Numeric(10), False),
        (sa.String(20), sa.String(20), False),
        (sa.Enum("a", "b"), sa.Enum("a", "b"), False),
        (Lowered(), Lowered(), False),
    ],
)
def test_a_foreign_key_of_some_types_refers_to_what_python_finds_equal(
    kind: Any, other: Any, equal: bool
) -> None:
    assert equal_as_referred(kind, other) is equal


@pytest.mark.parametrize(
    ("kind", "value", "dialect", "otherwise"),
    [
        (sa.CHAR(3), "de", POSTGRESQL, True),
        (sa.CHAR(2), "de", POSTGRESQL, False),
        (sa.CHAR(3), "de", sqlite.dialect(), False),
        (sa.CHAR(3), "de ", mysql.dialect(), True),
        (sa.String(3), "de", POSTGRESQL, False),
        (sa.Integer(), 1, POSTGRESQL, False),
        (Lowered(), "DE", sqlite.dialect(), True),
    ],
)
def test_some_values_are_returned_otherwise_than_they_were_written(
    kind: Any, value: Any, dialect: Any, otherwise: bool
) -> None:
    assert may_return_otherwise(kind, value, dialect) is otherwise
