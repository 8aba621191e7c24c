from __future__ import annotations

from colonnade.spec import chunk_keys


def test_keys_are_bound_by_ten_thousand() -> None:
    parts = [part["keys"] for part in chunk_keys([(number,) for number in range(25_000)])]
    assert [len(part) for part in parts] == [10_000, 10_000, 5_000]
    assert [key for part in parts for key in part] == list(range(25_000))


def test_wide_keys_stay_within_what_drivers_bind() -> None:
    keys = [(number,) * 5 for number in range(7_000)]
    parts = [part["keys"] for part in chunk_keys(keys)]
    assert [key for part in parts for key in part] == keys
    assert max(len(part) * 5 for part in parts) <= 30_000


def test_no_keys_are_no_part() -> None:
    assert list(chunk_keys([])) == []
