"""Models, schemas and services that the tests of the FastAPI room share."""

from datetime import date
from uuid import UUID, uuid4

from pydantic import BaseModel
from pydantic import Field as Described
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import ServiceBase
from colonnade.models import install_naming_convention


class Base(SQLModel, registry=registry()):
    """Models of these tests only."""


class Deferring(SQLModel, registry=registry()):
    """Models whose foreign keys are checked at COMMIT, which MariaDB cannot do."""


install_naming_convention(Base.metadata)
install_naming_convention(Deferring.metadata)


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(Base, table=True):
    __table_args__ = (CheckConstraint("age >= 0", name="age_positive"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    age: int = 1
    secret: str = Field(default="hash of a password", max_length=80)
    team_id: int | None = Field(default=None, foreign_key="team.id")
    team: Team | None = Relationship(back_populates="heroes")


class Mission(Base, table=True):
    day: date = Field(primary_key=True)
    code: str = Field(primary_key=True, max_length=40)
    title: str = Field(max_length=80)


class Relic(Base, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=80)


class Guild(Deferring, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Member(Deferring, table=True):
    id: int | None = Field(default=None, primary_key=True)
    guild_id: int = Field(
        sa_column_args=[ForeignKey("guild.id", deferrable=True, initially="DEFERRED")]
    )


class TeamCreate(BaseModel):
    name: str


class TeamUpdate(BaseModel):
    name: str | None = None


class TeamRead(BaseModel):
    id: int
    name: str


class HeroCreate(BaseModel):
    name: str
    age: int = Described(default=1, alias="years")
    team_id: int | None = None


class HeroUpdate(BaseModel):
    name: str | None = None
    age: int | None = None


class HeroRead(BaseModel):
    id: int
    name: str
    age: int
    team: TeamRead | None


class MissionBody(BaseModel):
    day: date
    code: str
    title: str


class MissionUpdate(BaseModel):
    title: str | None = None


class RelicBody(BaseModel):
    name: str


class RelicRead(RelicBody):
    id: UUID


class MemberBody(BaseModel):
    guild_id: int


class MemberRead(MemberBody):
    id: int


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    """Heroes, with a method of their own."""

    async def by_name(self, name: str) -> Hero:
        return await self.where(name=name).one()


class TeamService(ServiceBase[Team, TeamCreate, TeamUpdate]):
    """Teams."""


class MissionService(ServiceBase[Mission, MissionBody, MissionUpdate]):
    """Missions, whose key has two columns."""


class RelicService(ServiceBase[Relic, RelicBody, RelicBody]):
    """Relics, whose key is a UUID."""


class MemberService(ServiceBase[Member, MemberBody, MemberBody]):
    """Members, whose guild is checked at COMMIT."""
