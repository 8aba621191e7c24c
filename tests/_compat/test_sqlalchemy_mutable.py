"""Canaries for what ``colonnade._compat.sqlalchemy_mutable`` looks into."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, configure_mappers, mapped_column, validates

from colonnade._compat.sqlalchemy_mutable import tracks_edits


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(MutableDict.as_mutable(JSON()))

    @validates("name")
    def check(self, _name: str, value: str) -> str:
        return value


def test_the_listener_that_tracks_edits_is_told_from_a_validator() -> None:
    configure_mappers()
    listeners: dict[str, Any] = {
        name: list(getattr(Thing, name).dispatch.set) for name in ("id", "name", "data")
    }
    assert [tracks_edits(one) for one in listeners["data"]] == [True]
    assert [tracks_edits(one) for one in listeners["name"]] == [False]
    assert listeners["id"] == []
