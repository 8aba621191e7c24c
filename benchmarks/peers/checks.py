"""Whether all contestants do the same: their answers are equal, and what they say is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from peers.contestant import BulkContestant, ReadContestant, WriteContestant, key_of
from peers.payloads import make_changes, make_hero, make_heroes
from peers.schemas import HEROES, HeroRead
from peers.stored import StoredHeroes

__all__ = ["check_create", "check_create_many", "check_reads", "check_update"]


async def check_reads(workload: str, contestants: Sequence[ReadContestant]) -> None:
    """Raise ``SystemExit`` unless all answer the same, for some numbers."""
    for number in (0, 3, 12):
        answers = {one.name: await getattr(one, workload)(number) for one in contestants}
        plain = {name: _essence(json.loads(answer)) for name, answer in answers.items()}
        first, expected = next(iter(plain.items()))
        for name, answer in plain.items():
            _expect(bool(answer) and answer == expected, workload, name, f"{first} answers")


async def check_create(contestants: Sequence[WriteContestant], stored: StoredHeroes) -> None:
    """Raise ``SystemExit`` unless each stores the payload and answers with what is stored."""
    for number, one in enumerate(contestants):
        payload = make_hero(number)
        answer = HeroRead.model_validate_json(await one.create(payload))
        row = await stored.find(answer.id)
        told = HeroRead.model_validate(row) == answer
        _expect(told and row == {"id": answer.id, **payload.model_dump()}, "create", one.name)


async def check_update(contestants: Sequence[WriteContestant], stored: StoredHeroes) -> None:
    """Raise ``SystemExit`` unless each changes those columns and answers with what is stored."""
    for one in contestants:
        before = await stored.find(key_of(1))
        payload = make_changes()
        answer = HeroRead.model_validate_json(await one.update(key_of(1), payload))
        row = await stored.find(key_of(1))
        told = HeroRead.model_validate(row) == answer
        _expect(told and row == before | payload.model_dump(), "update", one.name)


async def check_create_many(contestants: Sequence[BulkContestant], stored: StoredHeroes) -> None:
    """Raise ``SystemExit`` unless each stores the payloads; what it returns is in their order."""
    payloads = {payload.name: payload.model_dump() for payload in make_heroes()}
    for one in contestants:
        found = await one.create_many(make_heroes())
        rows = await stored.find_created()
        same = {row["name"]: {**row, "id": None} for row in rows} == {
            name: {**payload, "id": None} for name, payload in payloads.items()
        }
        _expect(same and len(rows) == len(payloads), "create_many", one.name)
        if found is not None:
            heroes = HEROES.validate_python(found, from_attributes=True)
            by_name = {row["name"]: HeroRead.model_validate(row) for row in rows}
            _expect(heroes == [by_name[name] for name in payloads], "create_many", one.name)
        await stored.remove_created()


def _essence(answer: Any) -> Any:
    """Return an answer without the wrapping in which pages differ."""
    if isinstance(answer, dict) and "items" in answer:
        return answer["items"], answer["total"]
    return answer


def _expect(right: bool, workload: str, name: str, wanted: str = "it is told to") -> None:
    if not right:
        raise SystemExit(f"{workload}: {name} does not do as {wanted}")
