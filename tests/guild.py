"""The models that the tests of questions and writes share: a guild of heroes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Optional
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy import Column, Computed, ForeignKeyConstraint, Integer, MetaData, String
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, ServiceBase
from colonnade.models import EnumValue, ExactDecimal, IntegerKey, Timestamps, Versioned

NAMESPACE = UUID(int=1)
#: How many heroes ``fill`` makes.
HERO_COUNT = 12


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Kind(Enum):
    HERO = "hero"
    VILLAIN = "villain"


class City(IntegerKey, Base, table=True):
    name: str | None = None
    country: str | None = None
    missions: list["Mission"] = Relationship(back_populates="place")


class Team(IntegerKey, Base, table=True):
    name: str = Field(unique=True)
    motto: str | None = None
    city_id: int | None = Field(default=None, foreign_key="city.id")
    city: Optional[City] = Relationship()  # noqa: UP045 # SQLModel wants it for relations
    heroes: list["Hero"] = Relationship(back_populates="team")


class HeroPower(Base, table=True):
    hero_id: int = Field(foreign_key="hero.id", primary_key=True)
    power_id: int = Field(foreign_key="power.id", primary_key=True)


class Power(IntegerKey, Base, table=True):
    name: str
    heroes: list["Hero"] = Relationship(back_populates="powers", link_model=HeroPower)


class Hero(IntegerKey, Base, table=True):
    name: str
    slug: str | None = None
    age: int | None = None
    height: float | None = None
    fee: Decimal | None = Field(default=None, sa_type=ExactDecimal(10, 2))
    active: bool | None = None
    kind: Kind | None = Field(default=None, sa_type=EnumValue(Kind))
    born: date | None = None
    seen: datetime | None = None
    badge: UUID | None = None
    team_id: int | None = Field(default=None, foreign_key="team.id")
    mentor_id: int | None = Field(default=None, foreign_key="hero.id")
    team: Optional[Team] = Relationship(back_populates="heroes")  # noqa: UP045 # as above
    mentor: Optional["Hero"] = Relationship(
        back_populates="pupils", sa_relationship_kwargs={"remote_side": "Hero.id"}
    )
    pupils: list["Hero"] = Relationship(back_populates="mentor")
    powers: list[Power] = Relationship(
        back_populates="heroes",
        link_model=HeroPower,
        sa_relationship_kwargs={"order_by": "Power.name.desc()"},
    )
    missions: list["Mission"] = Relationship(
        back_populates="hero",
        sa_relationship_kwargs={"order_by": "Mission.year", "cascade": "all, delete-orphan"},
    )


class Mission(IntegerKey, Base, table=True):
    title: str
    year: int
    done: bool = False
    hero_id: int = Field(foreign_key="hero.id")
    place_id: int | None = Field(default=None, foreign_key="city.id")
    hero: Hero = Relationship(back_populates="missions")
    place: Optional[City] = Relationship(back_populates="missions")  # noqa: UP045 # as above


class Odd(Base, table=True):
    """Columns named like parameters, with ``__`` in their name, and renamed ones."""

    id: int | None = Field(default=None, sa_column=Column("oddId", Integer, primary_key=True))
    self: int = 0
    model: int = 0
    limit: int = 0
    order: int = 0
    db: int = 0
    conditions: int = 0
    given: int = 0
    key: int = 0
    payload: int = 0
    a__b: int = 0
    a__in: int = 0
    real_name: str = Field(default="", sa_column=Column("realName", String(80), nullable=False))


class Seat(Base, table=True):
    """A composite key, of renamed columns."""

    hall: str = Field(sa_column=Column("hallName", String(20), primary_key=True))
    number: int = Field(sa_column=Column("no", Integer, primary_key=True, autoincrement=False))
    guest: str | None = None
    tickets: list["Ticket"] = Relationship(back_populates="seat")


class Ticket(IntegerKey, Base, table=True):
    __table_args__ = (ForeignKeyConstraint(["hall", "number"], ["seat.hallName", "seat.no"]),)
    hall: str | None = Field(default=None, max_length=20)
    number: int | None = None
    price: int = 0
    seat: Optional[Seat] = Relationship(back_populates="tickets")  # noqa: UP045 # as above


class Sheet(Versioned, Timestamps, IntegerKey, Base, table=True):
    title: str = Field(max_length=20)
    pages: int = 1
    rating: int | None = 5
    doubled: int | None = Field(
        default=None, sa_column=Column("doubled", Integer, Computed("pages * 2", persisted=True))
    )
    state: str = Field(default=None, sa_column_kwargs={"server_default": "new"}, max_length=20)


class HeroCreate(BaseModel):
    name: str
    slug: str | None = None
    age: int | None = None
    height: float | None = None
    fee: Decimal | None = None
    active: bool | None = None
    kind: Kind | None = None
    born: date | None = None
    seen: datetime | None = None
    badge: UUID | None = None
    team_id: int | None = None
    mentor_id: int | None = None


class HeroUpdate(BaseModel):
    name: str | None = None
    age: int | None = None
    team_id: int | None = None


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    async def by_name(self, name: str) -> Hero:
        return await self.where(name=name).one()


class Anything(BaseModel):
    """Takes every key: what may be written is the model's to say."""

    model_config = {"extra": "allow"}


class TeamCreate(BaseModel):
    name: str
    motto: str | None = None
    city_id: int | None = None


class TeamService(ServiceBase[Team, TeamCreate, TeamCreate]):
    pass


class SeatWrite(BaseModel):
    hall: str
    number: int
    guest: str | None = None


class SeatUpdate(BaseModel):
    guest: str | None = None


class SeatService(ServiceBase[Seat, SeatWrite, SeatUpdate]):
    pass


class TicketService(ServiceBase[Ticket, Anything, Anything]):
    pass


class OddService(ServiceBase[Odd, Odd, Anything]):
    pass


class SheetCreate(BaseModel):
    title: str
    pages: int = 1
    rating: int | None = 5


class SheetUpdate(BaseModel):
    title: str | None = None
    pages: int | None = None
    rating: int | None = None
    version: int | None = None
    doubled: int | None = None


class SheetService(ServiceBase[Sheet, SheetCreate, SheetUpdate]):
    pass


class MissionService(ServiceBase[Mission, Anything, Anything]):
    pass


class CityService(ServiceBase[City, Anything, Anything]):
    pass


def badge(number: int) -> UUID:
    return uuid5(NAMESPACE, str(number))


def heroes() -> list[dict[str, Any]]:
    """Twelve heroes with something of everything: ties, NULLs, text that means something in SQL."""
    names = [
        "Ann",
        "ann",
        "ANN ",
        "100%",
        "1000",
        "a_b",
        "axb",
        "back\\slash",
        "it's",
        '"q"',
        "😀",
        "",
    ]
    return [
        {
            "name": name,
            "slug": None if i % 5 == 4 else "abcd"[i % 4],
            "age": None if i % 4 == 3 else i // 2,
            "height": None if i % 5 == 0 else i / 4,
            "fee": None if i % 6 == 5 else Decimal(i) / 4,
            "active": (None, True, False)[i % 3],
            "kind": (None, Kind.HERO, Kind.VILLAIN)[i % 3],
            "born": None if i % 7 == 6 else date(2000, 1, 1 + i % 4),
            "seen": None if i % 4 == 1 else datetime(2020, 1, 1 + i, 12, 30, i, i * 7, tzinfo=UTC),
            "badge": None if i % 3 == 2 else badge(i),
        }
        for i, name in enumerate(names)
    ]


async def fill(database: Database) -> None:
    """Heroes 1 to 12 in three teams and in none, with powers, missions, mentors."""
    async with database.session() as session:
        cities = [City(name="Oslo", country="NO"), City(name=None, country=None)]
        session.add_all(cities)
        await session.flush()
        teams = [
            Team(name="Avengers", motto="assemble", city_id=cities[0].id),
            Team(name="League", city_id=cities[1].id),
            Team(name="Nobody"),
        ]
        powers = [Power(name=name) for name in ("fly", "swim", "dig")]
        session.add_all([*teams, *powers])
        await session.flush()
        made = [
            Hero(**row, team_id=(teams[0].id, teams[1].id, None)[i % 3])
            for i, row in enumerate(heroes())
        ]
        for hero in made:  # one by one, so that keys follow the list on every database
            session.add(hero)
            await session.flush()
        for hero in made[1:5]:
            hero.mentor_id = made[0].id
        made[5].mentor_id = made[1].id
        links = [(0, 0), (0, 1), (0, 2), (1, 0), (4, 1)]
        session.add_all(
            HeroPower(hero_id=made[h].id or 0, power_id=powers[p].id or 0) for h, p in links
        )
        missions = [
            (0, "rescue", 2021, True, 0),
            (0, "rescue", 2019, False, 1),
            (0, "patrol", 2020, True, None),
            (1, "patrol", 2022, False, 0),
            (6, "rescue", 2020, True, None),
        ]
        for h, title, year, done, place in missions:
            place_id = None if place is None else cities[place].id
            session.add(
                Mission(
                    title=title, year=year, done=done, hero_id=made[h].id or 0, place_id=place_id
                )
            )
            await session.flush()


async def fill_anew(url: str) -> None:
    """The tables and the rows, in an empty database."""
    async with Database(url) as database:
        async with database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await fill(database)
