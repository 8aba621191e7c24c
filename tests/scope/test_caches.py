"""Compiled statements are kept for all scopes together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sqlalchemy import create_engine, literal, select

from colonnade.caches import STATEMENTS_KEPT, CompiledCaches, make_compiled_cache
from colonnade.dialects.statement_memory import limit_compiled


def compiled(length: int = 100) -> Any:
    return SimpleNamespace(string="x" * length)


def test_what_is_lifted_tells_statements_apart_and_one_bound_holds_for_all() -> None:
    caches = CompiledCaches()
    one, other = caches.of(frozenset({"a"})), caches.of(frozenset({"b"}))
    one["key"] = first = compiled()
    assert one["key"] is one.get("key") is first
    assert other.get("key") is None
    assert caches.of(frozenset({"a"})) is one
    for number in range(2 * STATEMENTS_KEPT):
        other[number] = compiled()
    assert (len(one), len(other)) == (0, STATEMENTS_KEPT)
    last = list(other)[-1]
    del other[last]
    assert last not in other


def test_a_long_statement_counts_for_several_and_a_very_long_one_is_not_kept() -> None:
    cache = make_compiled_cache()
    for number in range(STATEMENTS_KEPT):
        cache[number] = compiled(2048 * 3)
    assert len(cache) == STATEMENTS_KEPT // 4
    cache["long"] = compiled(100_000)
    assert "long" not in cache


def test_an_engine_keeps_what_it_compiled_in_a_cache_that_weighs() -> None:
    # The attribute is private to SQLAlchemy: without it statements would be counted again.
    engine = create_engine("sqlite://")
    limit_compiled(engine)
    cache: Any = engine._compiled_cache
    with engine.connect() as connection:
        for _ in range(2):
            connection.execute(select(literal(1)))
        assert len(cache) == 1
        connection.execute(select(*(literal(1).label(f"{'c' * 50}{n}") for n in range(2_000))))
        assert len(cache) == 1
        connection.execute(select(literal("x")))
        assert len(cache) == 2
    engine.dispose()
