"""The two tables as SQLModel classes, which Colonnade and the SQLModel contestant read."""

# No `from __future__ import annotations` here: SQLModel reads the annotations of relations.
from datetime import date
from typing import Any

from sqlalchemy import Enum
from sqlmodel import Field, Relationship, SQLModel

from peers.schemas import Rank


def by_value() -> Any:
    """The column type of a rank: stored by value, for every contestant alike."""
    return Enum(Rank, native_enum=False, length=32, values_callable=lambda ranks: list(ranks))


class Team(SQLModel, table=True):
    id: int = Field(primary_key=True)
    name: str
    city: str
    founded: date

    heroes: list["Hero"] = Relationship(
        back_populates="team", sa_relationship_kwargs={"order_by": "Hero.id"}
    )


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)  # a new hero's comes from the server
    name: str
    secret_name: str
    age: int
    active: bool
    rank: Rank = Field(sa_type=by_value())
    joined: date
    biography: str  # what a list leaves out
    team_id: int = Field(foreign_key="team.id", index=True)

    team: Team = Relationship(back_populates="heroes")
