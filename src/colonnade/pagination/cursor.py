"""Write cursors, which are values in sealed text, and read them back.

A cursor is URL-safe text with a version, a seal, and the values as JSON that keeps their types. The
seal is an HMAC over the values and over a context, which identifies the query that the cursor
belongs to. With a secret, only who knows it can make a valid cursor. Without one, the seal still
finds cursors of another query and cursors that were cut or changed by accident. The values are not
encrypted: whoever has the cursor can read them.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

from colonnade.errors import InvalidCursor

__all__ = ["CursorValue", "encode_cursor_value", "seal_cursor", "unseal_cursor"]

#: The types of the values that a cursor can have.
CursorValue: TypeAlias = (
    bool | int | str | float | Decimal | datetime | date | time | timedelta | UUID | bytes | None
)

_TICK: Final = timedelta(microseconds=1)
_VERSION: Final = b"\x01"
_SEAL: Final = 16  # bytes of the HMAC

_ENCODERS: Final[Mapping[type[Any], tuple[str, Callable[[Any], Any]]]] = {
    float: ("f", float.hex),
    Decimal: ("n", str),
    datetime: ("t", datetime.isoformat),
    date: ("d", date.isoformat),
    time: ("c", time.isoformat),
    timedelta: ("i", lambda value: str(value // _TICK)),
    UUID: ("u", lambda value: value.hex),
    bytes: ("b", bytes.hex),
}
_DECODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "f": float.fromhex,
    "n": Decimal,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "c": time.fromisoformat,
    "i": lambda given: int(given) * _TICK,
    "u": lambda given: UUID(hex=given),
    "b": bytes.fromhex,
}


def seal_cursor(values: Sequence[CursorValue], *, context: bytes, secret: bytes = b"") -> str:
    """Return the cursor with these values. Raise ``TypeError`` for a value of another type."""
    body = json.dumps(
        [encode_cursor_value(value) for value in values], ensure_ascii=False, separators=(",", ":")
    ).encode()
    raw = _VERSION + _compute_seal(body, context, secret) + body
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unseal_cursor(text: Any, *, context: bytes, secret: bytes = b"") -> tuple[CursorValue, ...]:
    """Return the values of a cursor.

    Raise ``InvalidCursor`` unless it was sealed with the same context and secret.
    """
    if not isinstance(text, str):
        raise InvalidCursor(f"a cursor is a text, not {type(text).__name__}", hint=_HINT)
    try:
        # b64decode ignores characters outside of its alphabet and unused bits at the end, so that
        # a changed cursor could give the same bytes. Encoding them again finds such changes.
        raw = text.encode("ascii")
        sealed = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
        if urlsafe_b64encode(sealed).rstrip(b"=") != raw:
            raise ValueError
    except ValueError:
        raise InvalidCursor("this is no cursor", hint=_HINT) from None
    if sealed[:1] != _VERSION:
        raise InvalidCursor("this is no cursor, or one of another version", hint=_HINT)
    claimed, body = sealed[1 : 1 + _SEAL], sealed[1 + _SEAL :]
    if not hmac.compare_digest(claimed, _compute_seal(body, context, secret)):
        raise InvalidCursor("the cursor was altered, or belongs to another question", hint=_HINT)
    try:
        return tuple(_decode_cursor_value(item) for item in _require_list(json.loads(body)))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        raise InvalidCursor("the cursor holds what no cursor holds", hint=_HINT) from None


_HINT: Final = "take it from a page of the same question, with the same conditions and order"


def encode_cursor_value(value: Any) -> Any:
    """Return a value as JSON: itself, or its type's tag and its text.

    Raise ``TypeError`` for a value of a type that cursors do not have.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    for kind, (
        tag,
        write,
    ) in _ENCODERS.items():  # datetime stands before date, which it derives from
        if isinstance(value, kind):
            return [tag, write(value)]
    raise TypeError(type(value).__name__)


def _decode_cursor_value(item: Any) -> Any:
    """Return the value that was written as ``item``.

    Raise one of the errors that ``unseal_cursor`` expects if ``encode_cursor_value`` has not
    written it.
    """
    if item is None or isinstance(item, bool | int | str):
        return item
    tag, given = _require_list(item)
    if not isinstance(tag, str) or not isinstance(given, str):
        raise TypeError
    return _DECODERS[tag](given)


def _require_list(item: Any) -> list[Any]:
    """Return ``item`` if it is a list. Raise ``TypeError`` if not."""
    if not isinstance(item, list):
        raise TypeError
    return item


def _compute_seal(body: bytes, context: bytes, secret: bytes) -> bytes:
    """Return the seal of the values in ``body``."""
    # With the length in front, no other pair of context and body gives the same bytes.
    counted = len(context).to_bytes(8, "big") + context + body
    return hmac.digest(secret, counted, "sha256")[:_SEAL]
