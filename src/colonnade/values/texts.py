"""The rules of text and bytes: valid characters, length, and the column's character set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import AnyUrl

from colonnade.values.families import plain_type
from colonnade.values.unfit import Rule, RuleTarget, UnfitValue, parser_of

__all__ = ["bytes_rule", "text_problem", "text_rule"]

#: The longest text or bytes to compare with; a packet of the servers has 16 MB.
_LONGEST: Final = 1_000_000
#: Types that may annotate a text column: ``str`` of an object can be parsed to an equal object.
_TEXT_TYPES: Final = (
    PurePath,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    AnyUrl,
    UUID,
    Decimal,
    int,
)
#: Python's codecs for the character sets of MySQL and MariaDB that lack letters.
_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ascii": "ascii",
        "big5": "big5",
        "cp1250": "cp1250",
        "cp1251": "cp1251",
        "cp1256": "cp1256",
        "cp1257": "cp1257",
        "cp850": "cp850",
        "cp852": "cp852",
        "cp866": "cp866",
        "cp932": "cp932",
        "euckr": "euc_kr",
        "gb2312": "gb2312",
        "gbk": "gbk",
        "greek": "iso8859_7",
        "hebrew": "iso8859_8",
        "koi8r": "koi8_r",
        "koi8u": "koi8_u",
        "latin1": "cp1252",
        "latin2": "iso8859_2",
        "latin5": "iso8859_9",
        "latin7": "iso8859_13",
        "sjis": "shift_jis",
        "tis620": "tis_620",
        "ujis": "euc_jp",
    }
)
#: Character sets with the first 65,536 code points of Unicode, so without emoji.
_BMP_CHARSETS: Final = frozenset({"ucs2", "utf8", "utf8mb3"})


def text_problem(value: str) -> str | None:
    """Return the reason why no database can store a text, or None if all can."""
    if "\0" in value:
        return "the character NUL is in no text"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "half a surrogate pair is no character"
    return None


def text_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of text."""
    kind = asked.kind
    spelled = kind if isinstance(kind, type) and issubclass(kind, _TEXT_TYPES) else ()
    if not asked.writing:
        return lambda value: _check_compared_length(_parse_text(value, spelled))
    plain: Any = plain_type(asked.stored)
    most = None if isinstance(plain, sa.Text) else plain.length
    is_padded = isinstance(plain, sa.CHAR)
    spells = _charset_check(plain)

    def write(value: Any) -> str:
        text = _parse_text(value, spelled)
        if most is not None and len(text) > most:
            raise UnfitValue(f"the column holds at most {most} letters")
        if is_padded and text.endswith(" "):
            raise UnfitValue("a CHAR column does not keep spaces at the end")
        if spells is not None and not text.isascii():
            spells(text)
        return text

    return write


def _parse_text(value: Any, spelled: Any) -> str:
    """Return a value as text. ``spelled`` are the classes besides ``str`` that are converted.

    Raise ``UnfitValue`` for a value of another type, and for a text that no database can store.
    """
    text = value if type(value) is str else _convert_to_text(value, spelled)
    if reason := text_problem(text):
        raise UnfitValue(reason)
    return text


def _convert_to_text(value: Any, spelled: Any) -> str:
    """Return a value that is not exactly a ``str`` as one, or raise ``UnfitValue``."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        # Not str(value), which a subclass of str may override.
        return str.__str__(value)
    if isinstance(value, bool) or not isinstance(value, spelled):
        raise UnfitValue("Input should be a valid string")
    return str(value)


def _check_compared_length(value: Any) -> Any:
    """Return a text or bytes. Raise ``UnfitValue`` if it is too long to compare with."""
    if len(value) > _LONGEST:
        raise UnfitValue(f"a comparison takes at most {_LONGEST} letters or bytes")
    return value


def _charset_check(plain: Any) -> Callable[[str], None] | None:
    """Return what raises ``UnfitValue`` for letters missing in the column's character set.

    Return None if the column declares no character set, or one that has every letter.
    """
    # A collation's name begins with that of its character set: "latin1_german2_ci".
    charset = getattr(plain, "charset", None) or (plain.collation or "").partition("_")[0]
    charset = "ascii" if getattr(plain, "ascii", False) else charset.lower()
    reason = f"the character set {charset} of the column lacks a letter of it"
    codec = _CODECS.get(charset)
    if charset in _BMP_CHARSETS:

        def in_plane(text: str) -> None:
            if max(text) > "\uffff":
                raise UnfitValue(reason)

        return in_plane
    if codec is None:
        return None

    def in_codec(text: str) -> None:
        try:
            text.encode(codec)
        except UnicodeEncodeError:
            raise UnfitValue(reason) from None

    return in_codec


def bytes_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a column of bytes."""
    parsed = parser_of(bytes)
    plain: Any = plain_type(asked.stored)
    most = plain.length
    least = most if isinstance(plain, sa.BINARY) and most is not None else 0

    def octets(value: Any) -> bytes:
        if type(value) is bytes:
            return value
        found: bytes = parsed(bytes(value) if isinstance(value, memoryview) else value)
        return found

    def write(value: Any) -> bytes:
        found = octets(value)
        if most is not None and len(found) > most:
            raise UnfitValue(f"the column holds at most {most} bytes")
        if len(found) < least:
            raise UnfitValue(f"a BINARY column holds {least} bytes, no fewer")
        return found

    return write if asked.writing else lambda value: _check_compared_length(octets(value))
