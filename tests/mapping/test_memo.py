"""What is kept is bounded by what it weighs."""

from __future__ import annotations

from threading import Thread

import pytest

from colonnade.caches import BoundedCache


def cache(capacity: int, heaviest: int | None = None) -> BoundedCache[str, str]:
    return BoundedCache(capacity, heaviest or capacity, lambda _key, value: len(value))


def test_entries_weigh_no_more_together_than_the_capacity() -> None:
    kept = cache(10)
    for number in range(50):
        kept[str(number)] = "x" * (number % 5)
        assert kept.weight == sum(map(len, kept.values())) <= 10
    assert "49" in kept
    assert "0" not in kept


def test_what_was_used_stays_longer() -> None:
    kept = cache(3)
    kept.update({"a": "1", "b": "1", "c": "1"})
    assert kept.get("a") == "1"
    kept["d"] = "1"
    assert set(kept) == {"a", "c", "d"}
    assert (kept["c"], kept.get("b", "none")) == ("1", "none")


def test_a_new_entry_stays_though_all_others_were_used() -> None:
    kept = cache(2)
    kept.update({"a": "1", "b": "1"})
    assert kept["a"] == kept["b"]
    kept["c"] = "1"
    assert "c" in kept


def test_an_entry_that_is_too_heavy_drives_out_no_other() -> None:
    kept = cache(10, heaviest=4)
    kept.update({"a": "1234", "b": "12"})
    kept["c"] = "12345"
    assert set(kept) == {"a", "b"}
    kept["a"] = "12345"
    assert (set(kept), kept.weight) == ({"b"}, 2)


def test_an_entry_that_is_taken_away_weighs_nothing() -> None:
    kept = cache(10)
    kept["a"] = "123"
    kept["a"] = "1"
    assert (len(kept), kept.weight) == (1, 1)
    del kept["a"]
    assert (len(kept), kept.weight) == (0, 0)
    with pytest.raises(KeyError):
        del kept["a"]


def test_threads_write_at_the_same_time_and_the_weight_stays_true() -> None:
    kept = cache(20)

    def write(name: str) -> None:
        for number in range(3_000):
            kept[f"{name}{number % 40}"] = "x" * (number % 4)
            kept.get(f"{name}{number % 7}")

    threads = [Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.weight == sum(map(len, kept.values())) <= 20
