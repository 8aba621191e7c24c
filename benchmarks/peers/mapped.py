"""The same two tables as plain SQLAlchemy classes, as its users and its libraries' users write."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from peers.schemas import Rank
from peers.tables import by_value


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    founded: Mapped[date]

    heroes: Mapped[list[Hero]] = relationship(back_populates="team", order_by="Hero.id")


class Hero(Base):
    __tablename__ = "hero"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_name: Mapped[str]
    age: Mapped[int]
    active: Mapped[bool]
    rank: Mapped[Rank] = mapped_column(by_value())
    joined: Mapped[date]
    biography: Mapped[str]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), index=True)

    team: Mapped[Team] = relationship(back_populates="heroes")
