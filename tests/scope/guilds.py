"""The models that the tests of scopes share: guilds that must know nothing of each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Optional

from pydantic import BaseModel
from sqlalchemy import MetaData, or_, text
from sqlalchemy.orm import aliased, registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, Scope, ServiceBase
from colonnade.models import IntegerKey, SoftDelete


class HeroCreate(BaseModel):
    name: str
    age: int = 0
    team_id: int | None = None
    mentor_id: int | None = None


class Named(BaseModel):
    name: str


class MissionWrite(BaseModel):
    title: str
    hero_id: int


class NoteWrite(BaseModel):
    text: str
    owner: str = "ann"


class PowerRead(BaseModel):
    id: int
    name: str
    heroes: list[Named]


class MissionRead(BaseModel):
    title: str


class TeamRead(BaseModel):
    id: int
    name: str
    country: Named | None
    heroes: list[Named]


class HeroRead(BaseModel):
    id: int
    name: str
    team: Named | None
    mentor: Named | None
    pupils: list[Named]
    powers: list[PowerRead]
    missions: list[MissionRead]


class CountryRead(BaseModel):
    name: str
    teams: list[TeamRead]


def guilds_of(kind: type[Any], ours: Any, theirs: Any, ann: str, bob: str) -> Any:
    """Models and their services in a registry of their own; guilds are numbers or texts."""

    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class OfGuild(SQLModel):
        """What belongs to one guild."""

        __scopes__ = (Scope("guild", column="guild_id"),)

        guild_id: kind = Field(default=None, index=True, max_length=20 if kind is str else None)

    class Country(IntegerKey, Base, table=True):
        """Has no scope: everybody may know the countries, and not who is there."""

        name: str
        teams: list["Team"] = Relationship(back_populates="country")

    class Team(OfGuild, IntegerKey, Base, table=True):
        name: str = Field(unique=True)
        country_id: int | None = Field(default=None, foreign_key="country.id")
        country: Optional[Country] = Relationship(back_populates="teams")  # noqa: UP045 # SQLModel wants it
        heroes: list["Hero"] = Relationship(back_populates="team")

    class HeroPower(Base, table=True):
        __scopes__ = (Scope("guild", lambda link: link.hero.has()),)

        hero_id: int = Field(foreign_key="hero.id", primary_key=True)
        power_id: int = Field(foreign_key="power.id", primary_key=True)
        hero: "Hero" = Relationship(sa_relationship_kwargs={"viewonly": True})

    class Power(OfGuild, IntegerKey, Base, table=True):
        name: str
        heroes: list["Hero"] = Relationship(back_populates="powers", link_model=HeroPower)

    class Hero(SoftDelete, OfGuild, IntegerKey, Base, table=True):
        __scopes__ = (Scope("deleted", lambda hero: hero.deleted_at.is_(None)),)

        name: str
        age: int = 0
        team_id: int | None = Field(default=None, foreign_key="team.id")
        mentor_id: int | None = Field(default=None, foreign_key="hero.id")
        team: Optional[Team] = Relationship(back_populates="heroes")  # noqa: UP045 # as above
        mentor: Optional["Hero"] = Relationship(
            back_populates="pupils", sa_relationship_kwargs={"remote_side": "Hero.id"}
        )
        pupils: list["Hero"] = Relationship(back_populates="mentor")
        powers: list[Power] = Relationship(back_populates="heroes", link_model=HeroPower)
        missions: list["Mission"] = Relationship(
            back_populates="hero", sa_relationship_kwargs={"cascade": "all, delete-orphan"}
        )

    class Mission(IntegerKey, Base, table=True):
        """Has no column for its guild: it is in scope where its hero is."""

        __scopes__ = (Scope("guild", lambda mission: mission.hero.has()),)

        title: str
        hero_id: int = Field(foreign_key="hero.id")
        hero: Hero = Relationship(back_populates="missions")

    class Note(IntegerKey, Base, table=True):
        """A policy of its own, in which an OR must not come apart."""

        __scopes__ = (Scope("reader", lambda note, reader: or_(note.public, note.owner == reader)),)

        text: str
        owner: str
        public: bool = False

    class HeroUpdate(BaseModel):
        name: str | None = None
        age: int | None = None
        guild_id: kind | None = None  # type: ignore[valid-type]
        team_id: int | None = None
        deleted_at: datetime | None = None

    class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
        pass

    class TeamService(ServiceBase[Team, Named, Named]):
        pass

    class CountryService(ServiceBase[Country, Named, Named]):
        pass

    class PowerService(ServiceBase[Power, Named, Named]):
        pass

    class MissionService(ServiceBase[Mission, MissionWrite, MissionWrite]):
        pass

    class NoteService(ServiceBase[Note, NoteWrite, NoteWrite]):
        pass

    heroes, teams, powers = Hero.__table__, Team.__table__, Power.__table__
    links, missions = HeroPower.__table__, Mission.__table__
    Other, Mate = aliased(Hero), aliased(Team, name="mate")  # noqa: N806 # they are entities
    return SimpleNamespace(**locals())


OURS, THEIRS = 1, 2
NUMBERED = guilds_of(int, OURS, THEIRS, "ann", "bob")
#: MariaDB's usual collations take the two for one.
NAMED = guilds_of(str, "acme", "ACME", "ann", "ANN")

Base, OfGuild = NUMBERED.Base, NUMBERED.OfGuild
Country, Team, Power, Hero = NUMBERED.Country, NUMBERED.Team, NUMBERED.Power, NUMBERED.Hero
HeroPower, Mission, Note = NUMBERED.HeroPower, NUMBERED.Mission, NUMBERED.Note
HeroUpdate = NUMBERED.HeroUpdate
HeroService, TeamService = NUMBERED.HeroService, NUMBERED.TeamService
CountryService, PowerService = NUMBERED.CountryService, NUMBERED.PowerService
MissionService, NoteService = NUMBERED.MissionService, NUMBERED.NoteService


def guild(g: Any, number: int) -> list[Any]:
    """One guild's rows, of which every name says whose it is; keys begin at ``10 * number``."""
    whose = {1: "our", 2: "their"}[number]
    owner = {1: g.ours, 2: g.theirs}[number]
    first = 10 * number
    gone = datetime(2020, 1, 1, tzinfo=UTC)
    return [
        g.Team(id=first, guild_id=owner, name=f"{whose} team", country_id=1),
        g.Power(id=first, guild_id=owner, name=f"{whose} power"),
        g.Hero(id=first, guild_id=owner, name=f"{whose} boss", age=40, team_id=first),
        g.Hero(id=first + 1, guild_id=owner, name=f"{whose} pupil", team_id=first, mentor_id=first),
        g.Hero(
            id=first + 2,
            guild_id=owner,
            name=f"{whose} gone",
            team_id=first,
            mentor_id=first,
            deleted_at=gone,
        ),
        *(g.HeroPower(hero_id=first + hero, power_id=first) for hero in range(3)),
        g.Mission(id=first, title=f"{whose} mission", hero_id=first),
        g.Mission(id=first + 2, title=f"{whose} gone mission", hero_id=first + 2),
    ]


#: What leads from one guild into the other, as a careless import or an old bug leaves it.
def tangled(g: Any) -> list[Any]:
    return [
        g.Hero(id=13, guild_id=g.ours, name="our stray", team_id=20, mentor_id=20),
        g.Hero(id=23, guild_id=g.theirs, name="their stray", team_id=10, mentor_id=10),
        g.HeroPower(hero_id=13, power_id=20),
        g.HeroPower(hero_id=23, power_id=10),
    ]


def notes(g: Any) -> list[Any]:
    return [
        g.Note(id=1, text="ann's", owner=g.ann),
        g.Note(id=2, text="bob's", owner=g.bob),
        g.Note(id=3, text="for all", owner=g.bob, public=True),
    ]


@asynccontextmanager
async def everything(db: Database, **scope: Any) -> AsyncIterator[Any]:
    """A unit of work without scopes."""
    async with db.session(scope=scope) as session, session.unscoped("guild", "deleted", "reader"):
        yield session


async def fill(db: Database, g: Any = NUMBERED) -> None:
    """Two guilds, and what leads from one into the other."""
    async with db.engine.begin() as connection:
        await connection.run_sync(g.Base.metadata.create_all)
    async with everything(db) as session:
        session.add(g.Country(id=1, name="Norway"))
        await session.flush()
        for row in (*guild(g, 1), *guild(g, 2), *tangled(g), *notes(g)):
            session.add(row)
            await session.flush()
        if db.family == "postgresql":
            # Its sequences know nothing of keys that were given.
            for name in ("country", "team", "power", "hero", "mission", "note"):
                await session.execute(text(f"SELECT setval('{name}_id_seq', 1000)"))
