"""In charge of the SQL of text operators: exact by default, folded where the operator says so.

Databases differ in everything here. MariaDB's usual collations take ``a`` for ``A`` and for
``"a "``; SQLite's LIKE and ``lower()`` know the case of ASCII alone, its GLOB knows case and no
escape character. What is bound is made for the database by the bind parameter's type, so that one
statement serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BindParameter, ColumnClause, ColumnElement, String
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.filters.families import family_of, plain_type
from colonnade.filters.predicate import Predicate

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "ESCAPE",
    "Exactly",
    "ExactlyNot",
    "LetterByLetter",
    "Pattern",
    "Piece",
    "compare_bytes",
    "contains",
    "equals_folded",
    "icontains",
    "ilike",
    "like",
]

#: The character that takes ``%``, ``_`` and itself by their letter in a pattern.
ESCAPE: Final = "\\"
# A backslash in SQL text means one thing or another by the server's mode; this never does.
_MARIADB_ESCAPE: Final = "!"
#: The function that ``colonnade.database`` gives every SQLite connection.
_FOLD: Final = "colonnade_fold"
#: Simple case mapping of Unicode 5.2, which MySQL and MariaDB both have; the older one of the
#: usual collations lacks letters.
_FOLDING: Final = "utf8mb4_unicode_520_ci"
#: Databases whose usual collations take texts for equal that are not.
_LOOSE: Final = frozenset({"mysql", "mariadb"})


class Pattern(TypeDecorator[str]):
    """A well-formed pattern, in the database's own spelling."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.tokens(value, dialect.name)

    def tokens(self, value: str, database: str) -> str:
        any_, one, literal = _SPELLING.get(database, _SPELLING["postgresql"])
        out: list[str] = []
        letters = iter(value)
        for letter in letters:
            if letter == "%":
                out.append(any_)
            elif letter == "_":
                out.append(one)
            else:
                out.append(literal(next(letters) if letter == ESCAPE else letter))
        return "".join(out)


class Piece(TypeDecorator[str]):
    """A text to be found as it is: anywhere, or at one end (``before`` or ``after`` is "%")."""

    impl = String
    cache_ok = True

    def __init__(self, before: str = "", after: str = "") -> None:
        super().__init__()
        self.before = before
        self.after = after

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if self.before and self.after and dialect.name != "postgresql":
            return value  # instr and locate take it as it is
        any_, _, literal = _SPELLING.get(dialect.name, _SPELLING["postgresql"])
        return (any_ if self.before else "") + literal(value) + (any_ if self.after else "")


def _escaped(escape: str) -> Callable[[str], str]:
    def literal(text: str) -> str:
        for special in (escape, "%", "_"):
            text = text.replace(special, escape + special)
        return text

    return literal


def _globbed(text: str) -> str:
    # "[" first: the other two bring brackets of their own.
    return text.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


_SPELLING: Final[dict[str, tuple[str, str, Callable[[str], str]]]] = {
    "postgresql": ("%", "_", _escaped(ESCAPE)),
    "sqlite": ("*", "?", _globbed),
    "mysql": ("%", "_", _escaped(_MARIADB_ESCAPE)),
    "mariadb": ("%", "_", _escaped(_MARIADB_ESCAPE)),
}


class Exactly(Predicate):
    """A comparison of texts as the column's collation sees them, and one of their bytes.

    MariaDB may use an index for the first, and the second is exact. Elsewhere the first is exact
    already, unless the column has a collation of its own.
    """

    inherit_cache = True

    def __init__(self, compare: Callable[[Any, Any], Any], column: Any, value: Any) -> None:
        super().__init__(compare(column, value), compare(_Bytes(column), value))


class LetterByLetter(Predicate):
    """A condition of a user's own, in which texts are compared by their bytes too.

    A compiler that can do so says how in ``comparing_bytes``, a context manager.
    """

    inherit_cache = True


class ExactlyNot(Exactly):
    """The opposite of such a comparison."""

    inherit_cache = True


class _Bytes(FunctionElement[str]):
    """A text's bytes, where its collation would hide them."""

    type = String()
    inherit_cache = True


#: The comparisons that a collation decides, and whether each is a denial.
_BY_COLLATION: Final[dict[Any, bool]] = {
    operators.eq: False,
    operators.in_op: False,
    operators.is_not_distinct_from: False,
    operators.ne: True,
    operators.not_in_op: True,
    operators.is_distinct_from: True,
}


def compare_bytes(
    binary: BinaryExpression[Any], database: str
) -> tuple[BinaryExpression[Any], bool] | None:
    """Return a comparison of texts as one of their bytes, and whether it is a denial.

    None for what is no comparison of texts or exact already, and for two columns, which are
    compared as the database compares them where it holds a foreign key.
    """
    denied = _BY_COLLATION.get(binary.operator)
    left, right = binary.left, binary.right
    if denied is None or not (_is_text(left) or _is_text(right)):
        return None
    if isinstance(left, ColumnClause) and isinstance(right, ColumnClause):
        return None
    if database not in _LOOSE and not (_is_loose(left.type) or _is_loose(right.type)):
        return None
    found = binary._clone()
    found.left = _Bytes(left)
    if binary.operator not in (operators.in_op, operators.not_in_op):
        # A value is sent in utf8mb4 already; a column may be kept in another character set.
        found.right = right if isinstance(right, BindParameter) else _Bytes(right)
    return found, denied


def _is_loose(kind: TypeEngine[Any]) -> bool:
    """Whether a type says itself that equal texts may differ, on databases that do not."""
    plain = plain_type(kind)
    return isinstance(plain, CITEXT) or getattr(plain, "collation", None) is not None


def _is_text(element: ColumnElement[Any]) -> bool:
    if isinstance(element.type, NullType) and isinstance(element, FunctionElement):
        # SQLAlchemy does not say what lower() and its like make; bytes of a number are the number.
        return any(map(_is_text, element.clauses))
    return family_of(element.type) == "text"


class _FoldedEqual(Predicate):
    """Whether two texts are equal in lower case, letter by letter."""

    inherit_cache = True


class _Like(Predicate):
    """``like(text, pattern)``, letter by letter."""

    inherit_cache = True


class _FoldedLike(Predicate):
    """The same without regard to case."""

    inherit_cache = True


class _Contains(Predicate):
    """``contains(text, part)``, letter by letter."""

    inherit_cache = True


class _FoldedContains(Predicate):
    """The same without regard to case."""

    inherit_cache = True


def like(column: Any, pattern: Any) -> ColumnElement[bool]:
    """Whether a text is like a ``Pattern`` or ``Piece``."""
    return _Like(column, pattern)


def ilike(column: Any, pattern: Any) -> ColumnElement[bool]:
    """The same in any case."""
    return _FoldedLike(column, pattern)


def contains(column: Any, part: Any) -> ColumnElement[bool]:
    """Whether a text holds a ``Piece`` with both ends open."""
    return _Contains(column, part)


def icontains(column: Any, part: Any) -> ColumnElement[bool]:
    """The same in any case."""
    return _FoldedContains(column, part)


def equals_folded(column: Any, value: Any) -> ColumnElement[bool]:
    """Whether two texts are equal in any case."""
    return _FoldedEqual(column, value)


@compiles(_Bytes, "mysql", "mariadb")
def _by_bytes(element: _Bytes, compiler: Any, **options: Any) -> str:
    return f"CAST({_unicode(compiler.process(element.clauses, **options))} AS BINARY)"


@compiles(LetterByLetter)
def _letter_by_letter(element: LetterByLetter, compiler: Any, **options: Any) -> str:
    comparing = getattr(compiler, "comparing_bytes", nullcontext)
    with comparing():
        return f"({compiler.process(element.clauses, **options)})"


@compiles(_Bytes, "sqlite")
def _binary(element: _Bytes, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} COLLATE BINARY)"


@compiles(_Bytes, "postgresql")
def _in_c(element: _Bytes, compiler: Any, **options: Any) -> str:
    return f'(CAST({compiler.process(element.clauses, **options)} AS TEXT) COLLATE "C")'


@compiles(Exactly)
def _by_itself(element: Exactly, compiler: Any, **options: Any) -> str:
    compared: Any = next(iter(element.clauses))
    if _is_loose(compared.left.type):
        return _by_both(element, compiler, **options)
    text: str = compiler.process(compared, **options)
    return text


@compiles(Exactly, "mysql", "mariadb")
def _by_both(element: Exactly, compiler: Any, **options: Any) -> str:
    both = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({' OR '.join(both) if isinstance(element, ExactlyNot) else ' AND '.join(both)})"


@compiles(_FoldedEqual)
def _equal(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    text, other = _two(element, compiler, options)
    return f"(lower({text}) = lower({other}))"


@compiles(_FoldedEqual, "sqlite")
def _equal_on_sqlite(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    text, other = _two(element, compiler, options)
    return f"({_folded(text)} = {_FOLD}({other}))"


@compiles(_FoldedEqual, "mysql", "mariadb")
def _equal_on_mysql(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    # Unlike LIKE and locate, "=" pads with spaces, unless it compares bytes.
    text, other = (_mysql_lower(one) for one in _two(element, compiler, options))
    return f"(CAST({text} AS BINARY) = CAST({other} AS BINARY))"


@compiles(_Like)
def _like(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _two(element, compiler, options)
    return f"({text} LIKE {pattern})"


@compiles(_Like, "sqlite")
def _like_on_sqlite(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _two(element, compiler, options)
    return f"({text} GLOB {pattern})"


@compiles(_Like, "mysql", "mariadb")
def _like_on_mysql(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _two(element, compiler, options)
    # As with Exactly: the first may use an index, the second is exact.
    return (
        f"({text} LIKE {pattern} ESCAPE '{_MARIADB_ESCAPE}' AND "
        f"{_exact(text)} LIKE {_exact(pattern)} ESCAPE '{_MARIADB_ESCAPE}')"
    )


@compiles(_FoldedLike)
def _ilike(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = _two(element, compiler, options)
    return f"({text} ILIKE {pattern})"


@compiles(_FoldedLike, "sqlite")
def _ilike_on_sqlite(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = _two(element, compiler, options)
    return f"({_folded(text)} GLOB {_FOLD}({pattern}))"


@compiles(_FoldedLike, "mysql", "mariadb")
def _ilike_on_mysql(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = (_exact(_mysql_lower(one)) for one in _two(element, compiler, options))
    return f"({text} LIKE {pattern} ESCAPE '{_MARIADB_ESCAPE}')"


@compiles(_Contains, "sqlite")
def _instr(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = _two(element, compiler, options)
    return f"(instr({text}, {part}) > 0)"


@compiles(_Contains, "mysql", "mariadb")
def _locate(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = _two(element, compiler, options)
    return f"(locate({_exact(part)}, {_exact(text)}) > 0)"


@compiles(_FoldedContains, "sqlite")
def _instr_folded(element: _FoldedContains, compiler: Any, **options: Any) -> str:
    text, part = _two(element, compiler, options)
    return f"(instr({_folded(text)}, {_FOLD}({part})) > 0)"


@compiles(_FoldedContains, "mysql", "mariadb")
def _locate_folded(element: _FoldedContains, compiler: Any, **options: Any) -> str:
    text, part = (_exact(_mysql_lower(one)) for one in _two(element, compiler, options))
    return f"(locate({part}, {text}) > 0)"


compiles(_Contains)(_like)
compiles(_FoldedContains)(_ilike)


def _two(element: FunctionElement[Any], compiler: Any, options: dict[str, Any]) -> tuple[str, str]:
    text, other = (compiler.process(clause, **options) for clause in element.clauses)
    return text, other


def _folded(text: str) -> str:
    # A text of ASCII, which has as many bytes as letters, stays clear of Python: there a busy
    # event loop would keep SQLite's thread waiting once a row.
    ascii_ = f"length({text}) = length(CAST({text} AS BLOB))"
    return f"CASE WHEN {ascii_} THEN lower({text}) ELSE {_FOLD}({text}) END"


def _unicode(text: str) -> str:
    # A column in another character set knows no collation of utf8mb4.
    return f"CONVERT({text} USING utf8mb4)"


def _exact(text: str) -> str:
    return f"{_unicode(text)} COLLATE utf8mb4_bin"


def _mysql_lower(text: str) -> str:
    return f"lower({_unicode(text)} COLLATE {_FOLDING})"
