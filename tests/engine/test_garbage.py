from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from pydantic import BaseModel, model_validator
from tests.guild import HeroService

from colonnade.database import Database
from colonnade.engine import CollectionPaused


@pytest.fixture(autouse=True)
def collecting() -> Any:
    yield
    gc.enable()


def test_the_collector_is_as_it_was_after_the_block_and_after_an_error() -> None:
    with CollectionPaused():
        assert not gc.isenabled()
        with CollectionPaused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="whatever"), CollectionPaused():
        raise ValueError("whatever")
    assert gc.isenabled()


def test_who_turned_the_collector_off_finds_it_so() -> None:
    gc.disable()
    with CollectionPaused():
        pass
    assert not gc.isenabled()


@pytest.mark.parametrize("first", ["this", "other"])
def test_two_threads_leave_the_collector_on_whoever_ends_first(first: str) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with CollectionPaused():
            entered.set()
            assert leave.wait(5)

    other = threading.Thread(target=hold)
    with CollectionPaused():
        other.start()
        assert entered.wait(5)
        if first == "other":
            leave.set()
            other.join(5)
            assert not gc.isenabled()
    leave.set()
    other.join(5)
    assert gc.isenabled()


async def test_nothing_is_collected_while_schemas_are_filled(heroes: Database) -> None:
    seen: list[bool] = []

    class Watching(BaseModel):
        name: str

        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            seen.append(gc.isenabled())
            return data

    async with heroes.reader() as session:
        found = await HeroService(session).into(Watching).all()
    assert len(found) == len(seen) > 1
    assert set(seen) == {False}
    assert gc.isenabled()


def test_a_block_that_begins_while_another_threads_ends_leaves_the_collector_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with CollectionPaused():
            entered.set()
            assert leave.wait(5)

    other = threading.Thread(target=hold)
    other.start()
    assert entered.wait(5)
    is_enabled = gc.isenabled

    def ask_and_let_the_other_end() -> bool:
        found = is_enabled()
        leave.set()
        other.join(5)
        return found

    monkeypatch.setattr(gc, "isenabled", ask_and_let_the_other_end)
    with CollectionPaused():
        pass
    assert is_enabled()


def test_an_interrupt_while_the_collector_is_turned_off_leaves_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disable = gc.disable

    def interrupt() -> None:
        disable()
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, "disable", interrupt)
    with pytest.raises(KeyboardInterrupt), CollectionPaused():
        pass
    assert gc.isenabled()
    monkeypatch.undo()
    with CollectionPaused():
        assert not gc.isenabled()
