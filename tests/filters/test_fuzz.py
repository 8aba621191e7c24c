"""A small run of the fuzzer; ``python -m tests.filters.fuzz`` runs it for longer."""

from __future__ import annotations

from tests.filters import fuzz

from colonnade import Database


async def test_whatever_is_asked_is_answered_or_refused(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        await fuzz.fill(database)
        outcomes = await fuzz.run(database, inputs=700, seed=2024)
    assert set(outcomes) == {"answered", "InvalidOperand", "UnknownField", "UnknownOperator"}
    assert outcomes["answered"] > 100
