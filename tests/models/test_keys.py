import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, select
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade.database import Database
from colonnade.mapping import mapping_of
from colonnade.models import IntegerKey, SoftDelete, Timestamps, UUIDKey, Versioned, mixins, uuid7


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Member(Timestamps, Base, table=True):
    hero_id: int | None = Field(default=None, foreign_key="hero.id", primary_key=True)
    team_id: UUID | None = Field(default=None, foreign_key="team.id", primary_key=True)


class Team(Timestamps, UUIDKey, Base, table=True):
    name: str
    heroes: list["Hero"] = Relationship(back_populates="teams", link_model=Member)


class Hero(SoftDelete, Versioned, Timestamps, IntegerKey, Base, table=True):
    name: str
    mentor_id: int | None = Field(default=None, foreign_key="hero.id")
    teams: list[Team] = Relationship(back_populates="heroes", link_model=Member)
    mentor: "Hero" = Relationship(sa_relationship_kwargs={"remote_side": "Hero.id"})


async def test_an_integer_key_is_given_by_the_database(db: Database) -> None:
    async with db.session() as session:
        heroes = [Hero(name="a"), Hero(name="b")]
        assert [hero.id for hero in heroes] == [None, None]
        session.add_all(heroes)
    assert [hero.id for hero in heroes] == [1, 2]


async def test_a_uuid_key_is_known_before_the_flush_and_sorts_like_the_rows(db: Database) -> None:
    teams = [Team(name=str(number)) for number in range(40)]
    async with db.session() as session:
        session.add_all(reversed(teams))
    async with db.session() as session:
        stored = (await session.execute(select(Team.id).order_by(Team.id))).scalars().all()  # type: ignore[call-overload]
    assert stored == [team.id for team in teams]


async def test_mixins_serve_link_models_forward_references_and_composite_keys(
    db: Database,
) -> None:
    async with db.session() as session:
        hero = Hero(name="a", teams=[Team(name="t")])
        hero.mentor = Hero(name="m")
        session.add(hero)
    assert mapping_of(Member).key == ("hero_id", "team_id")
    async with db.session() as session:
        link = (await session.execute(select(Member))).scalar_one()
        assert (link.hero_id, link.team_id) == (hero.id, hero.teams[0].id)
        assert link.created_at == link.updated_at


async def test_a_soft_deleted_row_stays_and_can_come_back(db: Database) -> None:
    async with db.session() as session:
        hero = Hero(name="a")
        session.add(hero)
        await session.flush()
        hero.soft_delete()
        first = hero.deleted_at
        hero.soft_delete()
        assert hero.deleted_at == first
    async with db.session() as session:
        stored = await session.get_one(Hero, hero.id)
        assert stored.is_deleted
        assert stored.deleted_at == first
        stored.restore()
    async with db.session() as session:
        assert not (await session.get_one(Hero, hero.id)).is_deleted


def test_uuids_are_of_version_7_and_carry_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_uuids_ascend_within_a_process_whatever_the_thread() -> None:
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda _: [uuid7() for _ in range(2000)], range(4)))
    assert all(run == sorted(run) for run in threads)
    assert len({item for run in threads for item in run}) == 8000


@given(st.lists(st.integers(min_value=0, max_value=2**48 - 2), min_size=1, max_size=30))
def test_uuids_ascend_even_when_the_clock_goes_back(clock: list[int]) -> None:
    moments = iter(clock)
    make = mixins._UUID7Generator(lambda: next(moments), lambda size: b"\xff" * size)
    made = [make() for _ in clock]
    assert made == sorted(set(made))
    assert all((item.version, item.variant) == (7, RFC_4122) for item in made)


def test_a_full_counter_moves_on_to_the_next_millisecond() -> None:
    make = mixins._UUID7Generator(lambda: 5, lambda size: b"\x00" * size)
    first = make()
    make._counter = 2**42 - 1
    second = make()
    assert (first.int >> 80, second.int >> 80) == (5, 6)


@pytest.mark.parametrize("model", [IntegerKey, UUIDKey, Timestamps, SoftDelete, Versioned])
def test_every_mixin_makes_a_json_schema(model: type[SQLModel]) -> None:
    assert model.model_json_schema(mode="serialization")["properties"]
