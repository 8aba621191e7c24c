"""Which relations to one object the tables vouch for."""

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    and_,
    func,
    or_,
    text,
)
from sqlalchemy.orm import foreign, registry, relationship, remote

from colonnade.mapping import mapping_of


def relation_of(*extras: Any, key: bool = False, **options: Any) -> Any:
    """The relation ``child`` of a parent to children whose table has these extras."""
    metadata = MetaData()
    parents = Table(
        "parent",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("code", String(9)),
    )
    children = Table(
        "child",
        metadata,
        Column("id", Integer, primary_key=not key),
        Column("parent_id", ForeignKey("parent.id"), primary_key=key),
        Column("kind", String(9)),
        Column("code", String(9)),
        *extras,
    )
    links = Table(
        "link",
        metadata,
        Column("parent_id", ForeignKey("parent.id"), unique=options.pop("linked", False)),
        Column("child_id", ForeignKey("child.id")),
    )

    class Parent:
        pass

    class Child:
        pass

    mapped = registry(metadata=metadata)
    mapped.map_imperatively(Child, children)
    if "join" in options:
        options["primaryjoin"] = options.pop("join")(parents.c, children.c)
    if options.pop("secondary", False):
        options["secondary"] = links
    child = relationship(Child, uselist=False, viewonly=True, **options)
    mapped.map_imperatively(Parent, parents, properties={"child": child})
    return mapping_of(Parent).relations["child"]


@pytest.mark.parametrize(
    ("extras", "options"),
    [
        ((UniqueConstraint("parent_id"),), {}),
        ((Index("ix", "parent_id", unique=True),), {}),
        ((), {"key": True}),
        (
            (UniqueConstraint("parent_id", "kind"),),
            {"join": lambda p, c: and_(c.parent_id == p.id, c.kind == "main")},
        ),
        (
            (UniqueConstraint("parent_id"),),
            {"join": lambda p, c: and_(p.id == c.parent_id, c.id > 3)},
        ),
        ((UniqueConstraint("code"),), {"join": lambda p, c: foreign(p.code) == remote(c.code)}),
        ((), {"secondary": True, "linked": True}),
    ],
)
def test_a_key_or_a_unique_set_makes_it_one(extras: tuple[Any, ...], options: Any) -> None:
    relation = relation_of(*extras, **options)
    assert not relation.many
    assert not relation.multiplies


@pytest.mark.parametrize(
    ("extras", "options"),
    [
        ((), {}),
        ((Index("ix", "parent_id"),), {}),
        ((UniqueConstraint("parent_id", "kind"),), {}),
        ((Index("ix", "parent_id", unique=True, sqlite_where=text("kind = 'main'")),), {}),
        ((Index("ix", "parent_id", func.lower(text("kind")), unique=True),), {}),
        ((), {"join": lambda p, c: foreign(p.code) == remote(c.code)}),
        (
            (UniqueConstraint("parent_id"),),
            {"join": lambda p, c: or_(c.parent_id == p.id, c.kind == "main")},
        ),
        ((UniqueConstraint("parent_id"),), {"join": lambda p, c: p.id >= c.parent_id}),
        ((), {"secondary": True}),
    ],
)
def test_nothing_else_makes_it_one(extras: tuple[Any, ...], options: Any) -> None:
    relation = relation_of(*extras, **options)
    assert not relation.many
    assert relation.multiplies


def test_a_foreign_key_to_a_part_of_a_key_may_find_several() -> None:
    metadata = MetaData()
    rooms = Table(
        "room",
        metadata,
        Column("house", Integer, primary_key=True),
        Column("number", Integer, primary_key=True),
    )
    guests = Table(
        "guest",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("house", Integer),
        Column("number", Integer),
        Column("above", ForeignKey("guest.id")),
        ForeignKeyConstraint(["house", "number"], ["room.house", "room.number"]),
    )

    class Room:
        pass

    class Guest:
        pass

    mapped = registry(metadata=metadata)
    mapped.map_imperatively(Room, rooms)
    properties = {
        "room": relationship(Room),
        "any_room": relationship(
            Room, primaryjoin=foreign(guests.c.house) == rooms.c.house, viewonly=True
        ),
        "boss": relationship(Guest, remote_side=guests.c.id),
    }
    mapped.map_imperatively(Guest, guests, properties=properties)
    found = {name: item.multiplies for name, item in mapping_of(Guest).relations.items()}
    assert found == {"room": False, "any_room": True, "boss": False}
