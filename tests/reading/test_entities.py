"""Reading the model's own objects."""

from typing import Any, Optional

import pytest
from sqlalchemy import MetaData, insert, update
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel, select
from tests.guild import Hero, HeroService, Mission, Odd, OddService, SeatService, fill

from colonnade import Database, ServiceBase
from colonnade.errors import InvalidOperand, MultipleFound, NotFound
from colonnade.query import resolve_load_paths
from colonnade.reading.entities import joins_collection
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Parent(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    children: list["Child"] = Relationship(
        back_populates="parent", sa_relationship_kwargs={"lazy": "joined"}
    )


class Child(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    parent_id: int | None = Field(default=None, foreign_key="parent.id")
    parent: Optional[Parent] = Relationship(back_populates="children")  # noqa: UP045 # SQLModel's way


class Toy(Base, table=True):
    """Its parent comes with children, where it is asked for."""

    id: int | None = Field(default=None, primary_key=True)
    parent_id: int | None = Field(default=None, foreign_key="parent.id")
    parent: Optional[Parent] = Relationship()  # noqa: UP045 # as above


class ToyService(ServiceBase[Toy, Toy, Toy]):
    pass


class ParentService(ServiceBase[Parent, Parent, Parent]):
    pass


async def test_the_verbs_answer_with_what_there_is(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        nobody = service.where(id=0)
        assert await nobody.all() == []
        assert await nobody.first() is None
        assert await nobody.one_or_none() is None
        assert await nobody.count() == 0
        assert await nobody.exists() is False
        with pytest.raises(NotFound, match="no Hero answers to the query") as caught:
            await nobody.one()
        assert caught.value.model == "Hero"
        two = service.where(id__in=[3, 5])
        assert [hero.id for hero in await two.all()] == [3, 5]
        assert (await two.order_by("-id").first()).id == 5  # type: ignore[union-attr] # there is
        assert await two.count() == 2
        assert await two.exists() is True
        for verb in (two.one, two.one_or_none):
            with pytest.raises(MultipleFound, match="more than one Hero"):
                await verb()
        assert (await service.where(id=3).one()).id == 3


async def test_each_verb_runs_one_statement_and_reads_no_more_rows_than_it_needs(
    heroes: Database,
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=2)
        with count_statements(heroes) as statements:
            await query.first()
            await query.where(id=1).one()
            await query.where(id=1).one_or_none()
            await query.count()
            await query.exists()
        statements.expect(5)
        assert all("LIMIT" in text for text in statements.statements[:3])


async def test_a_lower_limit_stands(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        assert await query.limit(0).first() is None
        assert (await query.limit(1).one()).id == 1
        assert (await query.limit(1).offset(4).one()).id == 5
        assert await query.limit(1).count() == 1


async def test_a_query_is_never_changed(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=3)
        query.where(id=1).order_by("-id").limit(1).offset(1).load("team")
        assert [hero.id for hero in await query.all()] == [1, 2, 3]


async def test_get_on_a_query_minds_its_conditions_and_not_its_cut(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(id__lte=3)
        assert (await query.get(2)).id == 2
        assert (await query.limit(0).offset(7).get(3)).id == 3
        with pytest.raises(NotFound) as caught:
            await query.get(4)
        assert caught.value.keys == (4,)
        with pytest.raises(InvalidOperand):
            await query.get((1, 2))


async def test_models_that_join_their_own_collections_come_once(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Parent(children=[Child(), Child()]), Parent()])
    async with database.reader() as session:
        parents = ParentService(session)
        assert [len(item.children) for item in await parents.where().all()] == [2, 0]
        assert [len(item.children) for item in await parents.where().limit(1).all()] == [2]
        assert [len(item.children) for item in await parents.get_many([2, 1])] == [0, 2]
        assert len((await parents.get(1)).children) == 2


async def test_keys_come_in_the_order_asked_however_many_there_are(guild: Database) -> None:
    async with guild.session() as session:
        keys = list(range(10_001, 0, -1))
        await session.execute(
            insert(Odd), [{"id": number, "key": number, "real_name": ""} for number in keys]
        )
        with count_statements(guild) as statements:
            found = await OddService(session).get_many(keys)
        statements.expect(2)
        assert [item.key for item in found] == keys


async def test_composite_keys_come_in_the_order_asked(guild: Database) -> None:
    async with guild.session() as session:
        seats = SeatService(session)
        keys = [(hall, number) for hall in ("a", "b") for number in range(3)]
        await seats.create_many([{"hall": hall, "number": number} for hall, number in keys])
        asked = [("b", 2), ("a", 1), ("b", 2)]
        with count_statements(guild) as statements:
            found = await seats.get_many(asked)
        statements.expect(1)
        assert [(seat.hall, seat.number) for seat in found] == asked
        with pytest.raises(NotFound) as caught:
            await seats.get_many([("a", 0), ("z", 0), ("b", 9), ("z", 0)])
        assert caught.value.keys == (("z", 0), ("b", 9))


async def test_objects_whose_loaded_parent_joins_its_children_come_once(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        parent = Parent(children=[Child(), Child()])
        session.add_all([Toy(parent=parent), Toy(parent=parent), Toy()])

    def told(toys: list[Toy]) -> list[int]:
        return [len(toy.parent.children) if toy.parent else 0 for toy in toys]

    async with database.session() as session:
        toys = ToyService(session).where().order_by("id").load("parent")
        assert told(await toys.all()) == [2, 2, 0]
        session.expunge_all()
        assert told((await toys.scroll(size=2)).items) == [2, 2]
    async with database.session() as session:
        # A cursor cannot tell either where an object ends.
        toys = ToyService(session).where().order_by("id").load("parent")
        assert told([toy async for toy in toys.stream(2)]) == [2, 2, 0]


def test_rows_repeat_where_a_joined_object_joins_its_children() -> None:
    assert joins_collection(Parent)
    assert not joins_collection(Child)
    assert not joins_collection(Toy)
    assert joins_collection(Toy, resolve_load_paths(Toy, ["parent"]))
    assert not joins_collection(Hero, resolve_load_paths(Hero, ["team.heroes", "missions"]))


#: Paths that lead back to objects for which more is loaded than their ends ask for.
CIRCLES: list[tuple[list[str], str]] = [
    (["team", "missions.hero"], "id"),
    (["missions", "powers", "team.heroes"], "id"),
    (["team.heroes.missions", "missions.hero.team"], "id"),
    (["team", "mentor.pupils", "pupils.mentor.powers"], "name"),
    (["powers.heroes", "missions.place.missions"], "id"),
]


def loaded_along(items: list[Any], path: list[str]) -> list[Any]:
    """Return the names or keys at the end of a path; a relation that is not loaded raises."""
    if not path:
        return [(type(item).__name__, item.id) for item in items]
    found = [getattr(item, path[0]) for item in items]
    below = [one for each in found if each for one in (each if isinstance(each, list) else [each])]
    return loaded_along(below, path[1:])


@pytest.mark.parametrize(("load", "order"), CIRCLES)
@pytest.mark.parametrize("way", ["reader", "snapshot", "lock"])
async def test_asking_again_keeps_all_that_is_loaded_along_paths_that_meet(
    heroes: Database, load: list[str], order: str, way: str
) -> None:
    async with heroes.session() as session:
        items = await HeroService(session).where().order_by(order).load(*load).all()
        expected = [loaded_along(items, path.split(".")) for path in load]
    opened = heroes.session() if way == "lock" else heroes.reader(snapshot=way == "snapshot")
    async with opened as session:
        asked = HeroService(session).where().order_by(order).load(*load)
        asked = asked.lock() if way == "lock" else asked
        held = [await asked.all(), (await session.exec(select(Mission))).all()]
        for _ in range(2):
            with count_statements(heroes) as statements:
                items = await asked.all()
            assert [loaded_along(items, path.split(".")) for path in load] == expected
            once = statements.count
        with count_statements(heroes) as statements:
            keyed = await HeroService(session).get_many([item.id for item in items], load=load)
        assert [loaded_along(keyed, path.split(".")) for path in load] == expected
        assert statements.count <= once
        assert held


async def test_asking_again_refreshes_what_paths_meet(guild: Database) -> None:
    await fill(guild)
    async with guild.reader() as reader:
        asked = HeroService(reader).where().load("team", "missions.hero").order_by("id")
        before = await asked.all()
        async with guild.session() as session:
            await session.exec(update(Hero).values(name="renamed"))
            await session.exec(update(Mission).values(title="another"))
        after = await asked.all()
        assert {hero.name for hero in after} == {"renamed"}
        assert {mission.title for hero in after for mission in hero.missions} == {"another"}
        assert all(one is other for one, other in zip(before, after, strict=True))
