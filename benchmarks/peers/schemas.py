"""What every contestant is given to write, and what it has to answer with."""

# No `from __future__ import annotations` here: FastCRUD looks into the fields' annotations.
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, TypeAdapter


class Rank(StrEnum):
    RECRUIT = "recruit"
    CAPTAIN = "captain"
    LEGEND = "legend"


class HeroRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    secret_name: str
    age: int
    active: bool
    rank: Rank
    joined: date
    team_id: int


class HeroCreate(BaseModel):
    name: str
    secret_name: str
    age: int
    active: bool
    rank: Rank
    joined: date
    biography: str
    team_id: int


class HeroUpdate(BaseModel):
    name: str | None = None
    age: int | None = None


class TeamRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    city: str
    founded: date


class HeroWithTeam(HeroRead):
    team: TeamRead


class TeamWithHeroes(TeamRead):
    heroes: list[HeroRead]


class HeroPage(BaseModel):
    """A page as one would write it by hand."""

    items: list[HeroRead]
    total: int


HEROES = TypeAdapter(list[HeroRead])
HEROES_WITH_TEAM = TypeAdapter(list[HeroWithTeam])
TEAMS_WITH_HEROES = TypeAdapter(list[TeamWithHeroes])
