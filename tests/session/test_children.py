"""Children belong to the parent that the foreign key gives them, however it is spelled."""

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, ForeignKey, MetaData, insert, select
from sqlalchemy.orm import registry, selectinload
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Hero
from tests.spellings import (
    SAME,
    TEXT_KEYS,
    Lands,
    TownRead,
    composed_of,
    lands_of,
    service_of,
    tables,
)

from colonnade import Count, Database, Rows
from colonnade.testing import count_statements


class LandName(BaseModel):
    name: str


class LandRead(BaseModel):
    name: str
    towns: list[TownRead]
    many: Annotated[int, Count("towns")]
    banks: list[TownRead]
    parts: list[LandName]
    around: LandName | None


class TownWithLand(BaseModel):
    name: str
    land: LandRead


class BankRead(BaseModel):
    name: str
    lands: list[LandName]


DE: dict[str, Any] = {
    "name": "Germany",
    "towns": [{"name": "Ulm"}, {"name": "Bonn"}],
    "many": 2,
    "banks": [{"name": "Bund"}],
    "parts": [{"name": "Bavaria"}],
    "around": None,
}
BY: dict[str, Any] = {
    "name": "Bavaria",
    "towns": [],
    "many": 0,
    "banks": [],
    "parts": [],
    "around": {"name": "Germany"},
}


async def fill(database: Database, models: Lands, kind: str) -> str:
    """Insert a land whose children spell its key otherwise where they can; return that spelling."""
    async with database.session() as session:
        other = SAME.get((kind, session.family), "de")
        await models.lands(session).create({"code": "de", "name": "Germany"})
        await models.lands(session).create({"code": "by", "name": "Bavaria", "within": other})
        towns = models.towns(session)
        await towns.create({"id": 1, "name": "Ulm", "code": other})
        await towns.create({"id": 2, "name": "Bonn", "code": "de"})
        bank = await models.banks(session).create({"id": 1, "name": "Bund"})
        link = models.metadata.tables["licence"]
        await session.execute(insert(link), {"land_code": other, "bank_id": bank.id})
    return other


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_objects_are_loaded_with_all_their_children(database: Database, kind: str) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        await fill(database, models, kind)
        for name in ("towns", "banks", "parts"):
            async with database.reader() as session:
                found = await models.lands(session).where().order_by("-name").load(name).all()
                assert [names(getattr(land, name)) for land in found] == [
                    names(DE[name]),
                    names(BY[name]),
                ]
            async with database.session() as session:
                many = await models.lands(session).get_many(["by", "de"], load=[name])
                assert [names(getattr(land, name)) for land in many] == [
                    names(BY[name]),
                    names(DE[name]),
                ]
        async with database.reader() as session:
            germany = await models.lands(session).get("de", load=["towns", "parts.around"])
            assert names(germany.towns) == ["Ulm", "Bonn"]
            assert [land.around for land in germany.parts] == [germany]
        async with database.reader() as session:
            query = models.lands(session).where(code="de").load(towns=Rows("-id"))
            assert names((await query.one()).towns) == ["Bonn", "Ulm"]
        async with database.reader() as session:
            towns = await models.towns(session).where().order_by("id").load("land.towns").all()
            assert [names(town.land.towns) for town in towns] == [["Ulm", "Bonn"]] * 2
        async with database.reader() as session:
            (bank,) = await models.banks(session).where().load("lands").all()
            assert names(bank.lands) == ["Germany"]


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_schemas_are_filled_with_all_children(database: Database, kind: str) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        await fill(database, models, kind)
        async with database.reader() as session:
            lands = models.lands(session)
            ordered = lands.where().order_by("-name")
            assert [item.model_dump() for item in await ordered.into(LandRead).all()] == [DE, BY]
            assert json.loads(await ordered.into(LandRead).json.all()) == [DE, BY]
            assert (await lands.into(LandRead).get("de")).model_dump() == DE
            assert json.loads(await lands.into(LandRead).json.get("de")) == DE

            first = lands.into(LandRead, towns=Rows("-id", limit=1))
            assert names((await first.get("de")).towns) == ["Bonn"]
            assert json.loads(await first.json.get("de"))["towns"] == [{"name": "Bonn"}]

            read = await models.towns(session).where().order_by("id").into(TownWithLand).all()
            assert [item.land.model_dump() for item in read] == [DE, DE]
            (bank,) = await models.banks(session).into(BankRead).all()
            assert bank.model_dump() == {"name": "Bund", "lands": [{"name": "Germany"}]}


def names(items: Any) -> list[str]:
    """The names of objects, or of what a schema says of them."""
    return [item["name"] if isinstance(item, dict) else item.name for item in items]


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_a_write_answers_with_all_children(database: Database, kind: str) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        other = await fill(database, models, kind)
        async with database.session() as session:
            lands = models.lands(session)
            empty = await lands.create({"code": "x", "name": "None"}, into=LandRead)
            assert empty.towns == []
            changed = await lands.update("de", {"name": "Germany"}, into=LandRead)
            assert changed.model_dump() == DE
            town = await models.towns(session).create(
                {"id": 3, "name": "Jena", "code": other}, into=TownWithLand
            )
            assert [item.name for item in town.land.towns] == ["Ulm", "Bonn", "Jena"]


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_children_of_composite_keys_are_found(database: Database, kind: str) -> None:
    metadata, shelf, book = composed_of(kind)

    class ShelfRead(BaseModel):
        hall: int
        books: list[TownRead]

    async with tables(database, metadata):
        async with database.session() as session:
            other = SAME.get((kind, session.family), "de")
            await service_of(shelf)(session).create_many(
                [{"hall": 1, "code": "de"}, {"hall": 2, "code": "de"}]
            )
            await service_of(book)(session).create_many(
                [
                    {"id": 1, "name": "a", "hall": 1, "shelf_code": other},
                    {"id": 2, "name": "b", "hall": 1, "shelf_code": "de"},
                    {"id": 3, "name": "c", "hall": 2, "shelf_code": other},
                ]
            )
        async with database.reader() as session:
            shelves = service_of(shelf)(session)
            wanted = [["a", "b"], ["c"]]
            loaded = await shelves.where().order_by("hall").load("books").all()
            assert [[item.name for item in one.books] for one in loaded] == wanted
            read = await shelves.where().order_by("hall").into(ShelfRead).all()
            assert [[item.name for item in one.books] for one in read] == wanted
            many = await shelves.get_many([(1, "de"), (2, "de")], load=["books"])
            assert [[item.name for item in one.books] for one in many] == wanted
            document = json.loads(await shelves.where().order_by("hall").into(ShelfRead).json.all())
            assert [[item["name"] for item in one["books"]] for one in document] == wanted


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_relations_that_models_load_by_themselves_find_all_children_both_ways(
    database: Database, kind: str
) -> None:
    metadata = MetaData()
    key = TEXT_KEYS[kind]

    class Base(SQLModel, registry=registry(metadata=metadata)):
        pass

    class Road(Base, table=True):
        code: str = Field(sa_column=Column(key(), primary_key=True))
        stops: list["Stop"] = Relationship(
            back_populates="road", sa_relationship_kwargs={"lazy": "selectin"}
        )

    class Stop(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        code: str = Field(sa_column=Column(key(), ForeignKey("road.code")))
        road: Road = Relationship(
            back_populates="stops", sa_relationship_kwargs={"lazy": "selectin"}
        )

    class Sign(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        code: str = Field(sa_column=Column(key(), ForeignKey("road.code")))
        road: Road = Relationship(sa_relationship_kwargs={"backref": "signs"})

    async with tables(database, metadata):
        async with database.session() as session:
            other = SAME.get((kind, session.family), "de")
            session.add(Road(code="de"))
            await session.flush()
            session.add(Stop(id=1, code=other))
            session.add(Sign(id=1, code=other))
        async with database.reader() as session:
            road = (await session.exec(select(Road))).scalars().one()
            assert [stop.id for stop in road.stops] == [1]
        async with database.reader() as session:
            stop = (await session.exec(select(Stop))).scalars().one()
            assert stop.road.code.strip() == "de"
        async with database.reader() as session:
            signs: Any = Road.signs  # type: ignore[attr-defined] # the backref
            road = (await session.exec(select(Road).options(selectinload(signs)))).scalars().one()
            assert [sign.id for sign in road.signs] == [1]  # type: ignore[attr-defined]


async def test_children_of_integer_keys_are_read_without_a_join(heroes: Database) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            await session.exec(select(Hero).options(selectinload(Hero.missions)).limit(2))  # type: ignore[arg-type] # SQLModel's relationship
    assert statements.count == 2
    assert "JOIN" not in statements.statements[-1]
