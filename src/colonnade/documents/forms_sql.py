"""Build the SQL with which PostgreSQL writes a column's value exactly as Pydantic does.

The server writes a sentinel in place of a value that it cannot write so, such as a date outside of
Python's years. If a document has one, rows are read instead, for their answer or their error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, DateTime, Text, case, cast, func, null, or_, type_coerce
from sqlalchemy import literal_column as literal
from sqlalchemy.dialects.postgresql import JSON, JSONB, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double, Integer

from colonnade.documents.forms import JsonForm
from colonnade.documents.layout import JsonLayout

__all__ = [
    "SENTINEL",
    "needs_fallback",
    "send_document",
    "sentinels_of",
    "write_constant",
    "write_value",
]

#: The sentinel: the text in place of a value that Python has to write.
_SENTINEL_TEXT: Final = "colonnade: to be read as a row"
SENTINEL: Final = f"'\"{_SENTINEL_TEXT}\"'"

_ISO: Final = 'YYYY-MM-DD"T"HH24:MI:SS'
#: The sentinels of some forms besides ``SENTINEL``: what the server writes for special values.
_OTHER_SENTINELS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "date": (b'"infinity"',),
    "decimal": (b'"NaN"', b'Infinity"'),
}
#: Makes every digit a 0, and E and D small, before the search in JSON columns: one text then stands
#: for all numbers with so many digits.
_DIGITS_ALIKE: Final = bytes.maketrans(b"0123456789ED", b"0000000000ed")
#: Numbers with exponents or digits beyond Python's floats and integers, and escaped surrogates,
#: which may stand without their pair.
_BEYOND_PYTHON: Final = (b"0e000", b"0e+000", b"0" * 300, b"\\ud")


def write_value(form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what to select for a column, in a row that becomes JSON."""
    written = _WRITERS[form.kind](form, column)
    if not form.required:
        return written
    return case((column.is_(None), literal(f"{SENTINEL}::json")), else_=func.to_json(written))


class _SentDocument(FunctionElement[Any]):
    """A JSON document in the form in which the driver copies it least."""

    inherit_cache = True


@compiles(_SentDocument)
def _compile_sent(element: _SentDocument, compiler: Any, **options: Any) -> str:
    document = compiler.process(element.clauses, **options)
    # asyncpg returns bytes as they are; a text would be decoded there and encoded here again.
    if compiler.dialect.driver == "asyncpg":
        return f"json_send({document})"
    return f"CAST({document} AS TEXT)"


def send_document(document: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what to select for a whole document: bytes with asyncpg, text with other drivers."""
    return _SentDocument(document)


def write_constant(given: Any) -> ColumnElement[Any]:
    """Return what to select for a constant, which is None or an empty list."""
    return null() if given is None else literal("'[]'::json")


def sentinels_of(written: JsonLayout) -> tuple[bytes, ...]:
    """Return the sentinels that a document with the layout ``written`` may hold, as JSON."""
    kinds = written.forms
    own = (mark for kind in sorted(kinds) for mark in _OTHER_SENTINELS.get(kind, ()))
    return (f'"{_SENTINEL_TEXT}"'.encode(), *own)


def needs_fallback(document: bytes, looked_for: tuple[bytes, ...], *, free: bool) -> bool:
    """Return whether the document may differ from what Pydantic writes, so that rows are read.

    ``free`` is true if it has JSON columns, which may hold anything. The search may find a user's
    own text that looks like a sentinel; then rows are read without need, which is safe.
    """
    if any(mark in document for mark in looked_for):
        return True
    if not free:
        return False
    alike = document.translate(_DIGITS_ALIKE)
    return any(mark in alike for mark in _BEYOND_PYTHON)


def _write_plain(_form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column


def _write_text(_form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Text)


def _write_decimal(form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    number = cast(column, Text)
    if not form.whole:
        return number
    # asyncpg reads a decimal in groups of four digits: 10000 arrives as Decimal("1E+4"), and
    # Pydantic writes it so.
    return case((number.like(literal("'%0000'")), literal(f"'{_SENTINEL_TEXT}'")), else_=number)


def _write_double(form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    number: Any = cast(column, Double) if form.cast else type_coerce(column, Double)
    # This holds for finite numbers only, since infinity minus infinity is NaN. The others become
    # null, as in Pydantic.
    return case((number - number == literal("0"), number))


def _write_date(_form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    day: Any = type_coerce(column, Date)
    # PostgreSQL's own "infinity" is the sentinel of dates.
    outside = or_(day < literal("'0001-01-01'::date"), day > literal("'9999-12-31'::date"))
    return case((outside, literal("'infinity'::date")), else_=day)


def _write_aware(_form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    moment = type_coerce(column, DateTime(timezone=True))
    return _write_iso(moment, "timestamptz", func.timezone(literal("'UTC'"), moment), "+00", '"Z"')


def _write_naive(_form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    moment = type_coerce(column, DateTime())
    return _write_iso(moment, "timestamp", moment, "", "")


def _write_iso(
    moment: Any, kind: str, local: ColumnElement[Any], offset: str, suffix: str
) -> ColumnElement[Any]:
    """Return a moment in ISO's form; a sentinel outside of the years that Python knows.

    ``local`` is the moment in the time zone to write, ``suffix`` what follows it. Like Python, it
    writes microseconds only if there are any.
    """
    first: Any = literal(f"'0001-01-01 00:00:00{offset}'::{kind}")
    last: Any = literal(f"'9999-12-31 23:59:59.999999{offset}'::{kind}")
    whole = cast(moment, TIMESTAMP(timezone=kind == "timestamptz", precision=0))
    return case(
        (or_(moment < first, moment > last), literal(f"'{_SENTINEL_TEXT}'")),
        (whole == moment, func.to_char(local, literal(f"'{_ISO}{suffix}'"))),
        else_=func.to_char(local, literal(f"'{_ISO}.US{suffix}'")),
    )


def _write_enum(form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the value to write for a stored member; a sentinel for a value that is no member."""
    stored: Any
    if isinstance(form.members[0][0], int):
        stored = type_coerce(column, Integer)
    else:
        stored = cast(column, Text) if form.cast else type_coerce(column, Text)
    if any(held != told for held, told in form.members):
        cases = [(stored == _sql_literal(held), _json_literal(told)) for held, told in form.members]
        return case(*cases, (stored.is_(None), null()), else_=literal(f"{SENTINEL}::json"))
    unknown = stored.not_in([_sql_literal(held) for held, _ in form.members])
    if isinstance(form.members[0][0], int):
        return case((unknown, literal(f"{SENTINEL}::json")), else_=func.to_json(stored))
    return case((unknown, literal(f"'{_SENTINEL_TEXT}'")), else_=stored)


def _sql_literal(item: str | int) -> ColumnElement[Any]:
    """Return a string or an integer as an SQL literal."""
    return literal(str(item) if isinstance(item, int) else _quote_string(item))


def _json_literal(item: str | int) -> ColumnElement[Any]:
    """Return a string or an integer as a literal of PostgreSQL's type json."""
    return literal(f"{_quote_string(json.dumps(item, ensure_ascii=False))}::json")


def _quote_string(text: str) -> str:
    escaped = text.replace("'", "''")
    # E'…' always has escapes. In a plain '…' a backslash depends on standard_conforming_strings.
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def _write_json(form: JsonForm, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a JSON column as it is; a sentinel if its value has none of the form's shapes."""
    if not form.shapes:
        return column
    binary = form.kind == "jsonb"
    given: Any = cast(column, JSONB if binary else JSON)
    kind = func.jsonb_typeof(given) if binary else func.json_typeof(given)
    unfit = kind.not_in([literal(f"'{shape}'") for shape in form.shapes])
    return case((unfit, literal(f"{SENTINEL}::{form.kind}")), else_=given)


#: The function for each kind of form.
_WRITERS: Final[Mapping[str, Callable[[JsonForm, ColumnElement[Any]], ColumnElement[Any]]]] = {
    "aware": _write_aware,
    "date": _write_date,
    "decimal": _write_decimal,
    "double": _write_double,
    "enum": _write_enum,
    "json": _write_json,
    "jsonb": _write_json,
    "naive": _write_naive,
    "plain": _write_plain,
    "text": _write_text,
}
