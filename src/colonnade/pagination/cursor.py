"""In charge of cursors: values sealed into text that nobody can alter unseen.

A cursor is URL-safe text: a version, a seal, and the values as JSON that keeps their types. The
seal is an HMAC over the values and over a context, which is the question that they belong to. With
a secret nobody else can make one; without, the seal still tells a cursor of another question and
one that was cut or changed. The values can be read by whoever has the cursor.
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

__all__ = ["CursorValue", "encoded", "seal", "unseal"]

#: What a cursor can hold.
CursorValue: TypeAlias = (
    bool | int | str | float | Decimal | datetime | date | time | timedelta | UUID | bytes | None
)

_TICK: Final = timedelta(microseconds=1)
_VERSION: Final = b"\x01"
_SEAL: Final = 16  # bytes of the HMAC

_WRITE: Final[Mapping[type[Any], tuple[str, Callable[[Any], Any]]]] = {
    float: ("f", float.hex),
    Decimal: ("n", str),
    datetime: ("t", datetime.isoformat),
    date: ("d", date.isoformat),
    time: ("c", time.isoformat),
    timedelta: ("i", lambda value: str(value // _TICK)),
    UUID: ("u", lambda value: value.hex),
    bytes: ("b", bytes.hex),
}
_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "f": float.fromhex,
    "n": Decimal,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "c": time.fromisoformat,
    "i": lambda given: int(given) * _TICK,
    "u": lambda given: UUID(hex=given),
    "b": bytes.fromhex,
}


def seal(values: Sequence[CursorValue], *, context: bytes, secret: bytes = b"") -> str:
    """The cursor that holds the values. Raises ``TypeError`` for one that no cursor can hold."""
    body = json.dumps(
        [encoded(value) for value in values], ensure_ascii=False, separators=(",", ":")
    ).encode()
    raw = _VERSION + _sealed(body, context, secret) + body
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unseal(text: Any, *, context: bytes, secret: bytes = b"") -> tuple[CursorValue, ...]:
    """The values that a cursor holds.

    Raises ``InvalidCursor`` unless it was sealed with the same context and secret.
    """
    if not isinstance(text, str):
        raise InvalidCursor(f"a cursor is a text, not {type(text).__name__}", hint=_HINT)
    try:
        # Strictly: a cursor that was altered where it does not matter was altered all the same.
        raw = text.encode("ascii")
        found = urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
        if urlsafe_b64encode(found).rstrip(b"=") != raw:
            raise ValueError
    except ValueError:
        raise InvalidCursor("this is no cursor", hint=_HINT) from None
    if found[:1] != _VERSION:
        raise InvalidCursor("this is no cursor, or one of another version", hint=_HINT)
    given, body = found[1 : 1 + _SEAL], found[1 + _SEAL :]
    if not hmac.compare_digest(given, _sealed(body, context, secret)):
        raise InvalidCursor("the cursor was altered, or belongs to another question", hint=_HINT)
    try:
        return tuple(_decoded(item) for item in _listed(json.loads(body)))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        raise InvalidCursor("the cursor holds what no cursor holds", hint=_HINT) from None


_HINT: Final = "take it from a page of the same question, with the same conditions and order"


def encoded(value: Any) -> Any:
    """A value as JSON has it. Raises ``TypeError`` for one that no cursor can hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    for kind, (tag, write) in _WRITE.items():  # datetime stands before date, which it derives from
        if isinstance(value, kind):
            return [tag, write(value)]
    raise TypeError(type(value).__name__)


def _decoded(item: Any) -> Any:
    if item is None or isinstance(item, bool | int | str):
        return item
    tag, given = _listed(item)
    if not isinstance(tag, str) or not isinstance(given, str):
        raise TypeError
    return _READ[tag](given)


def _listed(item: Any) -> list[Any]:
    if not isinstance(item, list):
        raise TypeError
    return item


def _sealed(body: bytes, context: bytes, secret: bytes) -> bytes:
    # The length tells where the context ends.
    counted = len(context).to_bytes(8, "big") + context + body
    return hmac.digest(secret, counted, "sha256")[:_SEAL]
