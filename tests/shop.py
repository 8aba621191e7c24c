"""The models that the tests of sessions share, on a registry of their own."""

from typing import Any, ClassVar, Optional

from sqlalchemy import Column, MetaData, String, Text, func
from sqlalchemy.orm import deferred, registry
from sqlmodel import Field, Relationship, SQLModel


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Power(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(
        back_populates="powers", sa_relationship_kwargs={"secondary": "hero_power"}
    )


class HeroPower(Base, table=True):
    __tablename__ = "hero_power"

    hero_id: int = Field(foreign_key="hero.id", primary_key=True)
    power_id: int = Field(foreign_key="power.id", primary_key=True)


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int = 0
    biography: str | None = None
    team_id: int | None = Field(default=None, foreign_key="team.id")
    mentor_id: int | None = Field(default=None, foreign_key="hero.id")
    shouted: str | None = Field(
        default=None, sa_column_kwargs={"onupdate": func.upper("changed")}, sa_type=String(20)
    )
    team: Optional["Team"] = Relationship(back_populates="heroes")
    powers: list["Power"] = Relationship(
        back_populates="heroes", sa_relationship_kwargs={"secondary": "hero_power"}
    )
    mentor: Optional["Hero"] = Relationship(sa_relationship_kwargs={"remote_side": "Hero.id"})
    missions: list["Mission"] = Relationship(
        back_populates="hero", sa_relationship_kwargs={"cascade": "all, delete-orphan"}
    )


class Mission(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    hero_id: int = Field(foreign_key="hero.id")
    hero: Optional["Hero"] = Relationship(back_populates="missions")


CONTENT = Column("content", Text, nullable=False)


class Archive(Base, table=True):
    """A column that the mapping itself puts off."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"properties": {"content": deferred(CONTENT)}}

    id: int | None = Field(default=None, primary_key=True)
    name: str
    content: str = Field(sa_column=CONTENT)


class Account(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(unique=True)
    balance: int = 0
