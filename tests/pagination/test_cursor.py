"""Cursors: what was sealed comes back with its types, and nothing else comes back at all."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidCursor, InvalidPage
from colonnade.pagination import CursorPage, check_scroll, seal_cursor, unseal_cursor

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.decimals(allow_nan=False),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
)


@given(st.lists(VALUES, max_size=4), st.binary(), st.binary())
def test_values_come_back_as_they_were_with_their_types(
    values: list[Any], context: bytes, secret: bytes
) -> None:
    back = unseal_cursor(
        seal_cursor(values, context=context, secret=secret), context=context, secret=secret
    )
    assert list(back) == values
    assert [type(value) for value in back] == [type(value) for value in values]


def test_no_digit_of_a_number_is_lost() -> None:
    values = (0.1 + 0.2, float("inf"), -0.0, 5e-324, Decimal("1.10"), Decimal("1E-30"), 2**70)
    back = unseal_cursor(seal_cursor(values, context=b""), context=b"")
    assert [repr(value) for value in back] == [repr(value) for value in values]
    (nan,) = unseal_cursor(seal_cursor([float("nan")], context=b""), context=b"")
    assert repr(nan) == "nan"


def test_a_cursor_stands_in_a_url_as_it_is() -> None:
    cursor = seal_cursor(["ü&=?/ ", datetime(2020, 1, 1, tzinfo=UTC), b"\xff\xfe"], context=b"x")
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert cursor.isascii()


def test_one_cursor_is_made_of_the_same_values_every_time() -> None:
    """Another process must be able to read it, and so must this one tomorrow."""
    values = [1, None, date(2020, 1, 2), time(3), timedelta(4), UUID(int=5)]
    assert seal_cursor(values, context=b"q", secret=b"s") == (
        "ARzWSexcK7-IjMkPoRsWkWlbMSxudWxsLFsiZCIsIjIwMjAtMDEtMDIiXSxbImMiLCIwMzowMDowMCJdLFsiaSIs"
        "IjM0NTYwMDAwMDAwMCJdLFsidSIsIjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA1Il1d"
    )


@given(st.binary(), st.binary(), st.binary(), st.binary())
def test_another_question_or_another_secret_is_another_seal(
    one: bytes, two: bytes, key: bytes, other: bytes
) -> None:
    cursor = seal_cursor([1], context=one, secret=key)
    if one != two:
        with pytest.raises(InvalidCursor):
            unseal_cursor(cursor, context=two, secret=key)
    # HMAC fills a key up with zeros.
    if key.rstrip(b"\0") != other.rstrip(b"\0") and max(len(key), len(other)) < 64:
        with pytest.raises(InvalidCursor):
            unseal_cursor(cursor, context=one, secret=other)


@given(st.data())
def test_no_bit_of_a_cursor_can_be_turned(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(seal_cursor([1, "two"], context=b"") + "=="))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(InvalidCursor):
        unseal_cursor(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode(), context=b"")


def test_an_error_does_not_tell_what_was_sent() -> None:
    for cursor in ("<script>", 17, "AAAA", seal_cursor(["secret"], context=b"1")):
        with pytest.raises(InvalidCursor) as caught:
            unseal_cursor(cursor, context=b"2")
        assert str(cursor) not in str(caught.value)


@pytest.mark.parametrize("value", [1j, [1], {"a": 1}, object()])
def test_what_a_cursor_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        seal_cursor([value], context=b"")


def test_a_page_goes_one_way() -> None:
    check_scroll(5, None, None, 5)
    check_scroll(5, None, "", 5)
    for size, after, before in ((5, "a", "b"), (5, "", ""), (6, None, None), (0, None, None)):
        with pytest.raises(InvalidPage):
            check_scroll(size, after, before, 5)


def test_a_page_is_written_with_its_cursors() -> None:
    page = CursorPage[int].of([1, 2], next="x", previous=None)
    assert page.model_dump() == {"items": [1, 2], "next": "x", "previous": None}
