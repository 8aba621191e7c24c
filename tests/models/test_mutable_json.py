import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, null, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import registry
from sqlalchemy.schema import CreateTable
from sqlmodel import Field, SQLModel

from colonnade.database import Database
from colonnade.models import IntegerKey, MutableJSON
from colonnade.models.mutable_json import TrackedDict, TrackedDocument, TrackedList


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Hero(IntegerKey, Base, table=True):
    data: Any = Field(default=None, nullable=True, sa_type=MutableJSON)
    other: dict[str, Any] = Field(default_factory=dict, sa_type=MutableJSON)


HEROES: Any = Hero.__table__


async def _saved(db: Database, data: Any) -> Hero:
    async with db.session() as session:
        hero = Hero(data=data)
        session.add(hero)
    return hero


async def _stored(db: Database) -> Any:
    async with db.engine.connect() as connection:
        return (await connection.execute(select(HEROES.c.data))).scalar_one()


DICT_EDITS: dict[str, Callable[[Any], Any]] = {
    "set": lambda d: d.__setitem__("a", 2),
    "set a container": lambda d: d.__setitem__("a", {"x": [1]}),
    "delete": lambda d: d.__delitem__("a"),
    "update": lambda d: d.update({"a": 3}, b=4),
    "ior": lambda d: d.__ior__({"c": 5}),
    "setdefault": lambda d: d.setdefault("new", []).append(1),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "clear": lambda d: d.clear(),
}

LIST_EDITS: dict[str, Callable[[Any], Any]] = {
    "set": lambda v: v.__setitem__(0, 9),
    "set a slice": lambda v: v.__setitem__(slice(0, 2), [{"x": 1}]),
    "delete": lambda v: v.__delitem__(0),
    "append": lambda v: v.append({"x": 1}),
    "extend": lambda v: v.extend([7, [8]]),
    "insert": lambda v: v.insert(0, {"x": 1}),
    "iadd": lambda v: v.__iadd__([4]),
    "imul": lambda v: v.__imul__(2),
    "pop": lambda v: v.pop(),
    "remove": lambda v: v.remove(1),
    "reverse": lambda v: v.reverse(),
    "sort": lambda v: v.sort(reverse=True),
    "clear": lambda v: v.clear(),
}


class _Counting(TrackedDict):
    marks = 0

    def changed(self) -> None:
        self.marks += 1


@pytest.mark.parametrize("edit", DICT_EDITS.values(), ids=DICT_EDITS.keys())
def test_every_edit_of_a_dict_is_noticed_at_any_depth(edit: Callable[[Any], Any]) -> None:
    expected = {"deep": [{"d": {"a": 1}}]}
    root = _Counting(expected)
    edit(root["deep"][0]["d"])
    edit(expected["deep"][0]["d"])
    assert root == expected
    assert root.marks >= 1
    assert _all_tracked(root)


@pytest.mark.parametrize("edit", LIST_EDITS.values(), ids=LIST_EDITS.keys())
def test_every_edit_of_a_list_is_noticed_at_any_depth(edit: Callable[[Any], Any]) -> None:
    expected = {"deep": [[1, 2, 3]]}
    root = _Counting(expected)
    edit(root["deep"][0])
    edit(expected["deep"][0])
    assert root == expected
    assert root.marks >= 1
    assert _all_tracked(root)


def _all_tracked(value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(value, TrackedDict) and all(map(_all_tracked, value.values()))
    if isinstance(value, list):
        return isinstance(value, TrackedList) and all(map(_all_tracked, value))
    return True


def test_what_changes_nothing_marks_nothing() -> None:
    root = _Counting({"a": 1})
    assert root.setdefault("a", 2) == 1
    assert root.marks == 0


async def test_in_place_edits_of_a_json_column_are_saved(db: Database) -> None:
    hero = await _saved(db, {"powers": [{"name": "fly", "levels": [1]}]})
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        loaded.data["powers"][0]["levels"].append(2)
    assert await _stored(db) == {"powers": [{"name": "fly", "levels": [1, 2]}]}


async def test_in_place_edits_are_saved_from_the_first_flush_on(db: Database) -> None:
    plain = {"tags": ["a"]}
    async with db.session() as session:
        hero = Hero(data=plain)
        session.add(hero)
        await session.flush()
        hero.data["tags"].append("b")
        await session.flush()
        assert hero not in session.dirty
        hero.data["tags"].append("c")
    assert await _stored(db) == {"tags": ["a", "b", "c"]}


async def test_in_place_edits_are_saved_after_a_new_document_was_set(db: Database) -> None:
    hero = await _saved(db, {"old": 1})
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        loaded.data = ["x"]
        loaded.data.append("y")
        await session.flush()
        loaded.data.append("z")
    assert await _stored(db) == ["x", "y", "z"]


async def test_in_place_edits_are_saved_after_a_refresh(db: Database) -> None:
    hero = await _saved(db, {"n": [1]})
    async with db.session() as session:
        loaded = await session.get_one(Hero, hero.id)
        await session.refresh(loaded)
        loaded.data["n"].append(2)
    assert await _stored(db) == {"n": [1, 2]}


async def test_a_document_moved_into_another_row_marks_both(db: Database) -> None:
    async with db.session() as session:
        first, second = Hero(data={"a": {"b": 1}}), Hero(data=None)
        session.add_all([first, second])
        await session.flush()
        second.data = first.data["a"]
        await session.flush()
        second.data["b"] = 2
        await session.flush()
    async with db.session() as session:
        assert (await session.get_one(Hero, second.id)).data == {"b": 2}


async def test_none_is_sql_null_and_a_json_null_stands_inside(db: Database) -> None:
    await _saved(db, None)
    async with db.engine.connect() as connection:
        found = await connection.execute(select(HEROES.c.id).where(HEROES.c.data.is_(null())))
        assert found.scalar_one() == 1
    async with db.session() as session:
        (await session.get_one(Hero, 1)).data = {"a": None}
    assert await _stored(db) == {"a": None}


async def test_a_path_into_the_document_can_be_compared(db: Database) -> None:
    await _saved(db, {"a": {"b": "x"}, "n": 5})
    data = HEROES.c.data
    query = select(HEROES.c.id).where(
        data["a"]["b"].as_string() == "x", data["n"].as_integer() > 4, data["n"] == 5
    )
    async with db.engine.connect() as connection:
        assert (await connection.execute(query)).scalar_one() == 1


@pytest.mark.parametrize("wrong", ["text", 3, object()])
def test_a_document_is_a_dict_or_a_list(wrong: Any) -> None:
    with pytest.raises(ValueError, match="data must be a dict, a list or None, not"):
        Hero(data=wrong)


def test_postgresql_gets_jsonb() -> None:
    assert "data JSONB" in str(CreateTable(HEROES).compile(dialect=postgresql.dialect()))
    assert repr(MutableJSON()) == "MutableJSON()"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3) | st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_a_tracked_document_equals_what_it_was_made_of(value: Any) -> None:
    document = TrackedDocument.coerce("data", value)
    assert document == value
    assert _all_tracked(document)
    for again in (pickle.loads(pickle.dumps(document)), copy.deepcopy(document)):
        assert again == value
        assert _all_tracked(again)
    assert TrackedDocument.coerce("data", document) is document
