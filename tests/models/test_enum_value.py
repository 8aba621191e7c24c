from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest
from sqlalchemy import Integer as SQLInteger
from sqlalchemy import MetaData, cast, insert, select, text
from sqlalchemy import String as SQLString
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.errors import CheckViolation, DatabaseError, InvalidMapping, InvalidValue
from colonnade.models import NAMING_CONVENTION, EnumValue, IntegerKey


class Base(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    pass


class Status(Enum):
    DRAFT = "not yet"
    LIVE = "live"


class Level(IntEnum):
    LOW = 1
    HIGH = 20


class Colour(StrEnum):
    RED = "red"


class Post(IntegerKey, Base, table=True):
    status: Status = Field(default=Status.DRAFT, sa_type=EnumValue(Status))  # type: ignore[call-overload]
    before: Status | None = Field(default=None, sa_type=EnumValue(Status))  # type: ignore[call-overload]
    level: Level = Field(default=Level.LOW, sa_type=EnumValue(Level))  # type: ignore[call-overload]


class Page(IntegerKey, Base, table=True):
    status: Status = Field(default=Status.LIVE, sa_type=EnumValue(Status))  # type: ignore[call-overload]


POSTS: Any = Post.__table__


async def test_enums_are_stored_by_value_and_not_by_name(db: Database) -> None:
    async with db.session() as session:
        session.add(Post(status=Status.DRAFT, level=Level.HIGH))
    async with db.session() as session:
        row = (await session.execute(text("SELECT status, level FROM post"))).one()
        assert tuple(row) == ("not yet", 20)
        post = (await session.execute(select(Post))).scalar_one()
        assert (post.status, post.level, post.before) == (Status.DRAFT, Level.HIGH, None)
        assert post.status is Status.DRAFT


@pytest.mark.parametrize("value", [Status.LIVE, "live"])
async def test_a_filter_takes_a_member_or_its_value(db: Database, value: Any) -> None:
    async with db.session() as session:
        session.add_all([Post(status=Status.LIVE), Post(status=Status.DRAFT)])
    column = POSTS.c.status
    async with db.session() as session:
        for condition in (column == value, column.in_([value]), column != Status.DRAFT):
            found = (await session.execute(select(Post).where(condition))).scalars().all()
            assert [post.status for post in found] == [Status.LIVE]
        pattern = await session.execute(select(Post).where(column.like("li%")))
        assert len(pattern.scalars().all()) == 1
        bare = select(cast(column, SQLString), cast(POSTS.c.level, SQLInteger)).where(
            column == value
        )
        assert tuple((await session.execute(bare)).one()) == ("live", 1)


async def test_the_database_refuses_a_value_that_is_no_member(db: Database) -> None:
    with pytest.raises(CheckViolation) as refused:
        async with db.session() as session:
            await session.execute(text("INSERT INTO post (status, level) VALUES ('gone', 1)"))
    assert refused.value.constraint == "ck_post_status_enum"


@pytest.mark.parametrize("wrong", ["DRAFT", 1, Level.LOW, Colour.RED, True, ["live"]])
async def test_a_value_that_is_no_member_does_not_reach_the_database(wrong: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        EnumValue(Status).process_bind_param(wrong, sqlite.dialect())
    assert refused.value.hint == "use one of 'not yet', 'live'"


async def test_a_wrong_member_fails_the_write(db: Database) -> None:
    with pytest.raises((DatabaseError, StatementError), match="not a value of EnumValue"):
        async with db.session() as session:
            await session.execute(insert(POSTS).values(status="gone"))


def test_one_is_not_true() -> None:
    kind = EnumValue(Level)
    assert kind.process_bind_param(1, sqlite.dialect()) == 1
    with pytest.raises(InvalidValue):
        kind.process_bind_param("1", sqlite.dialect())


async def test_a_stored_value_that_no_member_has_is_named_on_reading(db: Database) -> None:
    with pytest.raises(InvalidValue, match="does not know"):
        EnumValue(Status).process_result_value("gone", db.engine.dialect)


def test_a_migration_writes_the_type_without_the_applications_class() -> None:
    for kind in (EnumValue(Status), EnumValue(Level), EnumValue(Status, length=80)):
        again = eval(repr(kind))  # what a migration does with it
        assert repr(again) == repr(kind)
        assert again.plain_values == kind.plain_values
    assert repr(EnumValue(Status)) == "EnumValue(('not yet', 'live'))"
    bare = EnumValue(["a", "b"])
    assert bare.python_type is str
    assert EnumValue(Status).python_type is Status
    assert EnumValue(["red"]).process_bind_param(Colour.RED, sqlite.dialect()) == "red"


def test_members_of_several_kinds_are_refused_at_once() -> None:
    class Mixed(Enum):
        A = "a"
        B = 2

    for wrong in (Mixed, [1.5], []):
        with pytest.raises(InvalidMapping, match="all str or all int"):
            EnumValue(wrong)  # type: ignore[arg-type]


def test_types_of_different_enums_share_no_cached_statement() -> None:
    assert EnumValue(Status)._static_cache_key != EnumValue(Colour)._static_cache_key
    assert EnumValue(Status)._static_cache_key == EnumValue(Status)._static_cache_key
