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

from colonnade.loading import Form, Written

__all__ = ["DOUBT", "constant", "doubtful", "marks", "sent", "value"]

#: The sentinel: the text in place of a value that Python has to write.
_MARK: Final = "colonnade: to be read as a row"
DOUBT: Final = f"'\"{_MARK}\"'"

_ISO: Final = 'YYYY-MM-DD"T"HH24:MI:SS'
#: The sentinels of some forms besides ``_MARK``: what the server writes for values of its own.
_OWN: Final[Mapping[str, tuple[bytes, ...]]] = {
    "date": (b'"infinity"',),
    "decimal": (b'"NaN"', b'Infinity"'),
}
#: Makes every digit a 0, and E and D small, before the search in JSON columns: one text then stands
#: for all numbers with so many digits.
_ALIKE: Final = bytes.maketrans(b"0123456789ED", b"0000000000ed")
#: Numbers with exponents or digits beyond Python's floats and integers, and escaped surrogates,
#: which may stand without their pair.
_STRANGE: Final = (b"0e000", b"0e+000", b"0" * 300, b"\\ud")


def value(form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what to select for a column, in a row that becomes JSON."""
    written = _WRITTEN[form.kind](form, column)
    if not form.required:
        return written
    return case((column.is_(None), literal(f"{DOUBT}::json")), else_=func.to_json(written))


class _Sent(FunctionElement[Any]):
    """A JSON document in the form in which the driver copies it least."""

    inherit_cache = True


@compiles(_Sent)
def _as_sent(element: _Sent, compiler: Any, **options: Any) -> str:
    document = compiler.process(element.clauses, **options)
    # asyncpg returns bytes as they are; a text would be decoded there and encoded here again.
    if compiler.dialect.driver == "asyncpg":
        return f"json_send({document})"
    return f"CAST({document} AS TEXT)"


def sent(document: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what to select for a whole document: bytes with asyncpg, text with other drivers."""
    return _Sent(document)


def constant(given: Any) -> ColumnElement[Any]:
    """Return what to select for a constant, which is None or an empty list."""
    return null() if given is None else literal("'[]'::json")


def marks(written: Written) -> tuple[bytes, ...]:
    """Return the sentinels that a document with the layout ``written`` may hold, as JSON."""
    kinds = written.forms
    own = (mark for kind in sorted(kinds) for mark in _OWN.get(kind, ()))
    return (f'"{_MARK}"'.encode(), *own)


def doubtful(document: bytes, looked_for: tuple[bytes, ...], *, free: bool) -> bool:
    """Return whether the document may differ from what Pydantic writes, so that rows are read.

    ``free`` says that it has JSON columns. The search may find a sentinel that is a user's own
    text; then rows are read for nothing, which is safe.
    """
    if any(mark in document for mark in looked_for):
        return True
    if not free:
        return False
    alike = document.translate(_ALIKE)
    return any(mark in alike for mark in _STRANGE)


def _plain(_form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column


def _text(_form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Text)


def _decimal(form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    number = cast(column, Text)
    if not form.whole:
        return number
    # asyncpg reads a decimal in groups of four digits: 10000 arrives as Decimal("1E+4"), and
    # Pydantic writes it so.
    return case((number.like(literal("'%0000'")), literal(f"'{_MARK}'")), else_=number)


def _double(form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    number: Any = cast(column, Double) if form.cast else type_coerce(column, Double)
    # This holds for finite numbers only, since infinity minus infinity is NaN. The others become
    # null, as in Pydantic.
    return case((number - number == literal("0"), number))


def _date(_form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    day: Any = type_coerce(column, Date)
    # PostgreSQL's own "infinity" is the sentinel of dates.
    outside = or_(day < literal("'0001-01-01'::date"), day > literal("'9999-12-31'::date"))
    return case((outside, literal("'infinity'::date")), else_=day)


def _aware(_form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    moment = type_coerce(column, DateTime(timezone=True))
    return _iso(moment, "timestamptz", func.timezone(literal("'UTC'"), moment), "+00", '"Z"')


def _naive(_form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    moment = type_coerce(column, DateTime())
    return _iso(moment, "timestamp", moment, "", "")


def _iso(
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
        (or_(moment < first, moment > last), literal(f"'{_MARK}'")),
        (whole == moment, func.to_char(local, literal(f"'{_ISO}{suffix}'"))),
        else_=func.to_char(local, literal(f"'{_ISO}.US{suffix}'")),
    )


def _enum(form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what is written for the stored member; a sentinel for what is no member."""
    stored: Any
    if isinstance(form.members[0][0], int):
        stored = type_coerce(column, Integer)
    else:
        stored = cast(column, Text) if form.cast else type_coerce(column, Text)
    if any(held != told for held, told in form.members):
        cases = [(stored == _quoted(held), _json(told)) for held, told in form.members]
        return case(*cases, (stored.is_(None), null()), else_=literal(f"{DOUBT}::json"))
    unknown = stored.not_in([_quoted(held) for held, _ in form.members])
    if isinstance(form.members[0][0], int):
        return case((unknown, literal(f"{DOUBT}::json")), else_=func.to_json(stored))
    return case((unknown, literal(f"'{_MARK}'")), else_=stored)


def _quoted(item: str | int) -> ColumnElement[Any]:
    """Return a string or an integer as an SQL literal."""
    return literal(str(item) if isinstance(item, int) else _string(item))


def _json(item: str | int) -> ColumnElement[Any]:
    """Return a string or an integer as a literal of PostgreSQL's type json."""
    return literal(f"{_string(json.dumps(item, ensure_ascii=False))}::json")


def _string(text: str) -> str:
    escaped = text.replace("'", "''")
    # E'…' always has escapes. In a plain '…' a backslash depends on standard_conforming_strings.
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def _free(form: Form, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a JSON column as it is; a sentinel if its value has none of the form's shapes."""
    if not form.shapes:
        return column
    binary = form.kind == "jsonb"
    given: Any = cast(column, JSONB if binary else JSON)
    kind = func.jsonb_typeof(given) if binary else func.json_typeof(given)
    unfit = kind.not_in([literal(f"'{shape}'") for shape in form.shapes])
    return case((unfit, literal(f"{DOUBT}::{form.kind}")), else_=given)


#: The function for each kind of form.
_WRITTEN: Final[Mapping[str, Callable[[Form, ColumnElement[Any]], ColumnElement[Any]]]] = {
    "aware": _aware,
    "date": _date,
    "decimal": _decimal,
    "double": _double,
    "enum": _enum,
    "json": _free,
    "jsonb": _free,
    "naive": _naive,
    "plain": _plain,
    "text": _text,
}
