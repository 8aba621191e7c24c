"""What a type checker infers of the mixins, the column types and the mapping."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, assert_type
from uuid import UUID

from sqlmodel import Field

from colonnade.mapping import Column, Mapping, Relation, find_nearest, mapping_of
from colonnade.models import (
    EnumValue,
    ExactDecimal,
    IntegerKey,
    MutableJSON,
    SoftDelete,
    Timestamps,
    UUIDKey,
    Versioned,
    uuid7,
)


class Status(Enum):
    DRAFT = "draft"


class Hero(SoftDelete, Versioned, Timestamps, IntegerKey, table=True):
    name: str
    status: Status = Field(default=Status.DRAFT, sa_type=EnumValue(Status))
    price: Decimal = Field(default=Decimal(0), sa_type=ExactDecimal(10, 2))
    data: dict[str, Any] = Field(default_factory=dict, sa_type=MutableJSON)


class Team(Timestamps, UUIDKey, table=True):
    name: str


def mixins() -> None:
    hero = Hero(name="a")
    assert_type(hero.id, int | None)
    assert_type(hero.created_at, datetime)
    assert_type(hero.updated_at, datetime)
    assert_type(hero.deleted_at, datetime | None)
    assert_type(hero.is_deleted, bool)
    assert_type(hero.version, int)
    assert_type(hero.status, Status)
    assert_type(hero.price, Decimal)
    assert_type(hero.data, dict[str, Any])
    assert_type(Team(name="t").id, UUID)
    assert_type(uuid7(), UUID)


def mapping() -> None:
    found = mapping_of(Hero)
    assert_type(found, Mapping)
    assert_type(found.columns["name"], Column)
    assert_type(found.relations["team"], Relation)
    assert_type(found.key, tuple[str, ...])
    assert_type(find_nearest("nmae", found.columns), str | None)
