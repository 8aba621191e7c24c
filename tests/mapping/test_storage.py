"""Models with more than one table, with a part of one, and classes that are no models."""

from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import ForeignKey, MetaData, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, relationship
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase, check_schema, scroll_index
from colonnade.errors import InvalidMapping, NotFound
from colonnade.mapping import mapping_of
from colonnade.testing import count_statements


class Base(DeclarativeBase):
    metadata = MetaData()


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    tools: Mapped[list["Tool"]] = relationship(viewonly=True)
    saws: Mapped[list["Saw"]] = relationship(viewonly=True, order_by="Saw.id")
    best: Mapped["Saw | None"] = relationship(uselist=False, viewonly=True)
    vans: Mapped[list["Van"]] = relationship(viewonly=True)
    first: Mapped["Van | None"] = relationship(
        uselist=False, viewonly=True, order_by="Van.load.desc()"
    )


class Tool(Base):
    """One table for all its classes."""

    __tablename__ = "tool"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner | None] = relationship(viewonly=True)
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "tool"}  # noqa: RUF012


class Saw(Tool):
    teeth: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "saw"}  # noqa: RUF012


class Vehicle(Base):
    """A table for each class, joined by the key."""

    __tablename__ = "vehicle"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    plate: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column()
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("owner.id"))
    __mapper_args__ = {  # noqa: RUF012
        "polymorphic_on": "kind",
        "polymorphic_identity": "vehicle",
        "version_id_col": version,
    }


class Van(Vehicle):
    __tablename__ = "van"
    id: Mapped[int] = mapped_column(ForeignKey("vehicle.id"), primary_key=True)
    load: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": "van"}  # noqa: RUF012


class Boat(Base):
    """A table that shares nothing with that of the class above it."""

    __tablename__ = "boat"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))


class Ferry(Boat):
    __tablename__ = "ferry"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    cars: Mapped[int]
    __mapper_args__ = {"concrete": True}  # noqa: RUF012


class Pair(Base):
    """An owner beside a tool, which nobody can insert."""

    __table__ = (
        select(Owner.__table__.c.id, Owner.__table__.c.name, Tool.__table__.c.name.label("tool"))
        .join_from(Owner.__table__, Tool.__table__)
        .subquery("pair")
    )
    __mapper_args__ = {"primary_key": [__table__.c.id, __table__.c.tool]}  # noqa: RUF012


class NamePayload(BaseModel):
    name: str


class VehiclePayload(BaseModel):
    plate: str


class VanPayload(VehiclePayload):
    load: int


class SawPayload(NamePayload):
    teeth: int | None = None


class FerryPayload(NamePayload):
    cars: int


class Patch(BaseModel):
    name: str | None = None
    plate: str | None = None
    load: int | None = None


class Plain(SQLModel):
    id: int


class Saws(ServiceBase[Saw, SawPayload, Patch]):  # type: ignore[type-var] # no SQLModel can be such
    pass


class Tools(ServiceBase[Tool, NamePayload, Patch]):  # type: ignore[type-var]
    pass


class Owners(ServiceBase[Owner, NamePayload, Patch]):  # type: ignore[type-var]
    pass


class Vehicles(ServiceBase[Vehicle, VehiclePayload, Patch]):  # type: ignore[type-var]
    pass


class Vans(ServiceBase[Van, VanPayload, Patch]):  # type: ignore[type-var]
    pass


class Boats(ServiceBase[Boat, NamePayload, Patch]):  # type: ignore[type-var]
    pass


class Ferries(ServiceBase[Ferry, FerryPayload, Patch]):  # type: ignore[type-var]
    pass


class Pairs(ServiceBase[Pair, NamePayload, Patch]):  # type: ignore[type-var]
    pass


class SawRead(BaseModel):
    id: int
    name: str
    teeth: int | None


class VanRead(BaseModel):
    id: int
    plate: str
    load: int


class OwnerRead(BaseModel):
    name: str
    saws: list[SawRead]
    best: SawRead | None
    vans: list[VanRead]
    first: VanRead | None


@pytest.fixture
async def stock(database: Database) -> Database:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Owner(id=1, name="Ann"), Owner(id=2, name="Ben")])
        await session.flush()
        session.add_all(
            [
                Tool(name="hammer", owner_id=1),
                Saw(name="long", teeth=90, owner_id=1),
                Saw(name="short", teeth=30, owner_id=1),
                Tool(name="nail", owner_id=2),
                Van(plate="AA-1", load=1, owner_id=1),
                Van(plate="AA-2", load=2, owner_id=1),
                Van(plate="BB-3", load=3),
                Vehicle(plate="CC-4", owner_id=2),
                Boat(name="gull"),
                Ferry(name="tern", cars=9),
            ]
        )
    return database


async def vans_of(database: Database) -> list[tuple[str, int]]:
    async with database.reader() as session:
        found = await Vans(session).into(VanRead).order_by("plate").all()
        return [(van.plate, van.load) for van in found]


async def plates_of(database: Database) -> list[str]:
    async with database.reader() as session:
        return [item.plate for item in await Vehicles(session).where().order_by("plate").all()]


async def test_a_hierarchy_of_tables_is_read_whole(stock: Database) -> None:
    async with stock.reader() as session:
        found = await Vans(session).where(plate__startswith="AA").order_by("-load").all()
        assert [(van.plate, van.load, van.kind) for van in found] == [
            ("AA-2", 2, "van"),
            ("AA-1", 1, "van"),
        ]
        assert await Vehicles(session).where().count() == 4
        assert await Owners(session).where(vans__load=2).count() == 1
        assert await Owners(session).where(first__load__lt=2).count() == 1
        owners = await Owners(session).into(OwnerRead).order_by("-first__load").all()
        assert [(owner.name, owner.first and owner.first.plate) for owner in owners] == [
            ("Ben", None),
            ("Ann", "AA-2"),
        ]
        assert [van.plate for van in owners[1].vans] == ["AA-1", "AA-2"]
        ann = await Owners(session).get(1, load=["first", "best", "vans"])
        assert (ann.first.load, ann.best.name, len(ann.vans)) == (2, "long", 2)


async def test_a_hierarchy_of_tables_is_written_by_the_unit_of_work(stock: Database) -> None:
    async with stock.session() as session:
        vans = Vans(session)
        made = await vans.create({"plate": "DD-5", "load": 5}, into=VanRead)
        assert (made.plate, made.load) == ("DD-5", 5)
        many = await vans.create_many([{"plate": "EE-6", "load": 6}, {"plate": "EE-7", "load": 7}])
        assert [van.kind for van in many] == ["van", "van"]
        assert await vans.create_many([{"plate": "EE-8", "load": 8}], returning=False) == 1
        first = await vans.where(plate="AA-1").one()
        changed = await vans.update(first.id, {"plate": "ZZ-1", "load": 10})
        assert (changed.plate, changed.load, changed.version) == ("ZZ-1", 10, 2)
        assert (await vans.update(first.id, {"load": 11}, into=VanRead)).load == 11
        with pytest.raises(NotFound):
            await vans.update(999, {"load": 11})
        second = await vans.where(plate="AA-2").one()
        await vans.delete(second.id)
        with pytest.raises(NotFound):
            await vans.delete(second.id)
    assert await vans_of(stock) == [
        ("BB-3", 3),
        ("DD-5", 5),
        ("EE-6", 6),
        ("EE-7", 7),
        ("EE-8", 8),
        ("ZZ-1", 11),
    ]
    assert len(await plates_of(stock)) == 7


async def test_delete_all_deletes_the_rows_asked_for_whole_and_no_others(stock: Database) -> None:
    async with stock.session() as session:
        assert await Vans(session).where(plate="BB-3").delete_all() == 1
    assert await plates_of(stock) == ["AA-1", "AA-2", "CC-4"]
    async with stock.session() as session:
        assert await Vehicles(session).where(plate__in=["AA-1", "CC-4"]).delete_all() == 2
    assert await plates_of(stock) == ["AA-2"]
    assert await vans_of(stock) == [("AA-2", 2)]
    async with stock.session() as session:
        found = await Vehicles(session).where(plate="AA-2").one()
        await Vehicles(session).delete(found.id)
    assert await vans_of(stock) == []


async def test_update_all_of_a_class_with_several_tables_is_refused(stock: Database) -> None:
    async with stock.session() as session:
        with count_statements(session) as statements:
            for changes in ({"load": 50}, {"plate": "x"}):
                with pytest.raises(InvalidMapping, match="several tables \\(vehicle, van\\)"):
                    await Vans(session).where(plate__startswith="AA").update_all(changes)
        statements.expect(0)
        assert await Vehicles(session).where(plate="AA-1").update_all({"plate": "AA-0"}) == 1
    assert await vans_of(stock) == [("AA-0", 1), ("AA-2", 2), ("BB-3", 3)]


async def test_what_is_mapped_to_a_select_is_read_and_never_written(stock: Database) -> None:
    async with stock.session() as session:
        pairs = Pairs(session)
        assert await pairs.where(name="Ann").count() == 3
        with count_statements(session) as statements:
            for write in (
                pairs.create({"name": "x"}),
                pairs.create_many([{"name": "x"}], returning=False),
                pairs.update((1, "hammer"), {"name": "x"}),
                pairs.delete((1, "hammer")),
                pairs.where(name="Ann").update_all({"name": "x"}),
                pairs.where(name="Ann").delete_all(),
            ):
                with pytest.raises(InvalidMapping, match="Pair is mapped to a join or a SELECT"):
                    await write
        statements.expect(0)


async def test_a_class_that_shares_a_table_keeps_to_its_rows(stock: Database) -> None:
    async with stock.session() as session:
        saws = Saws(session)
        made = await saws.create({"name": "tiny", "teeth": 9})
        assert made.kind == "saw"
        assert await saws.create_many([{"name": "blunt"}], returning=False) == 1
        with pytest.raises(NotFound):
            await saws.update(1, {"name": "x"})
        with pytest.raises(NotFound):
            await saws.delete(1)
        assert await saws.where(name__in=["hammer", "long"]).update_all({"teeth": 91}) == 1
        assert (await saws.update(2, {"name": "longer"})).teeth == 91
        assert await saws.where(name__in=["nail", "blunt"]).delete_all() == 1
        assert [saw.name for saw in await saws.where().order_by("id").all()] == [
            "longer",
            "short",
            "tiny",
        ]
        assert await Tools(session).where().count() == 5


async def test_a_lookup_through_such_a_class_names_its_table_once(stock: Database) -> None:
    async with stock.reader() as session:
        owners = Owners(session)
        for lookups, names in (
            ({"saws__teeth": 90}, ["Ann"]),
            ({"saws__name": "hammer"}, []),
            ({"tools__name": "hammer"}, ["Ann"]),
            ({"best__name": "short"}, ["Ann"]),
            ({"best__isnull": True}, ["Ben"]),
        ):
            with count_statements(session) as statements:
                found = await owners.where(**lookups).all()
            assert [owner.name for owner in found] == names
            (text,) = statements.statements
            assert text.count("FROM tool") == 1
            assert ", tool" not in text
        found = await owners.into(OwnerRead).order_by("best__name", "id").all()
        assert [(owner.name, len(owner.saws)) for owner in found] == [("Ann", 2), ("Ben", 0)]
        assert found[0].best is not None
        assert found[0].best.name == "long"


async def test_concrete_classes_are_rows_of_their_own_tables(stock: Database) -> None:
    async with stock.session() as session:
        ferries = Ferries(session)
        assert (await ferries.create({"name": "skua", "cars": 2})).cars == 2
        assert (await ferries.update(1, {"name": "auk"})).name == "auk"
        assert await ferries.where(name="auk").update_all({"cars": 1}) == 1
        assert await ferries.where(cars=1).delete_all() == 1
        assert [boat.name for boat in await Boats(session).where().all()] == ["gull"]
        await Boats(session).delete(1)
        assert await ferries.where().count() == 1


def test_where_a_model_has_its_rows_is_told() -> None:
    found = {
        model.__name__: mapping_of(model).storage for model in (Saw, Van, Ferry, Vehicle, Pair)
    }
    assert found == {
        "Saw": "table",
        "Van": "hierarchy",
        "Ferry": "table",
        "Vehicle": "table",
        "Pair": "select",
    }


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Plain, "Plain is not a mapped class"),
        (NamePayload, "NamePayload is not a mapped class"),
        ("Hero", "a ForwardRef is not a mapped class"),
        (None, "NoneType is not a mapped class"),
        (int, "int is not a mapped class"),
        (Owner(name="x"), "an Owner is not a mapped class"),
    ],
)
def test_a_service_of_what_is_not_mapped_is_refused_when_it_is_declared(
    model: Any, message: str
) -> None:
    with pytest.raises(InvalidMapping, match=message) as caught:
        _declared(model)
    assert caught.value.hint


def _declared(model: Any) -> Any:
    class Service(ServiceBase[model, NamePayload, Patch]):
        pass

    return Service


async def test_a_class_that_is_not_mapped_yet_is_told_at_first_use(database: Database) -> None:
    class Later:
        pass

    service = _declared(Later)
    async with database.reader() as session:
        with pytest.raises(InvalidMapping, match="Later is not a mapped class"):
            service(session)
        registry(metadata=MetaData()).map_imperatively(
            Later, Owner.__table__.to_metadata(MetaData())
        )
        assert service(session).model is Later


def test_a_table_model_derived_from_another_is_told_what_sqlmodel_does() -> None:
    class Apart(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Parent(Apart, table=True):
        id: int | None = Field(default=None, primary_key=True)

    class Child(Parent, table=True):
        name: str

    with pytest.raises(InvalidMapping) as caught:
        _declared(Child)
    assert "derived from the table model Parent" in str(caught.value.hint)


def test_whatever_takes_a_model_takes_a_mapped_class_only() -> None:
    with pytest.raises(InvalidMapping, match="Plain is not a mapped class"):
        check_schema(Plain, VanRead)
    wrong: Any = Owner(name="x")
    with pytest.raises(InvalidMapping, match="an Owner is not a mapped class"):
        check_schema(wrong, VanRead)
    with pytest.raises(InvalidMapping, match="Plain is not a mapped class"):
        scroll_index(Plain, "id")
    with pytest.raises(InvalidMapping, match="columns of several tables"):
        scroll_index(Van, "plate")
