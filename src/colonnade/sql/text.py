"""The SQL of the text operators: exact, or without regard to case where the operator says so.

The databases differ in everything here. The usual collations of MySQL and MariaDB hold ``"a"``,
``"A"`` and ``"a "`` to be equal. SQLite's LIKE ignores the case of ASCII letters and no others,
and so does its ``lower()``; its GLOB respects case, but has no escape character. So each operator
is an element with its own SQL for each database, and the type of its bind parameter rewrites the
pattern in the database's syntax: the same statement and the same value serve all databases.
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

from colonnade._compat.sqlalchemy_statements import copy_element
from colonnade.sql.comparison import Predicate
from colonnade.values import family_of, plain_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

__all__ = [
    "ESCAPE_CHARACTER",
    "BytewiseCondition",
    "ExactComparison",
    "ExactInequality",
    "LikePattern",
    "LiteralPart",
    "build_contains",
    "build_icontains",
    "build_iexact",
    "build_ilike",
    "build_like",
    "compare_bytes",
]

#: The escape character of patterns as users write them, before ``%``, ``_`` or itself.
ESCAPE_CHARACTER: Final = "\\"
# In MariaDB's SQL the meaning of a backslash depends on the server's mode; that of "!" does not.
_MARIADB_ESCAPE: Final = "!"
#: The SQL function that makes lower case of all letters; every SQLite connection has it.
_LOWER_FUNCTION: Final = "colonnade_fold"
#: The collation whose ``lower()`` is used: the case mapping of Unicode 5.2, which MySQL and MariaDB
#: both have. That of the usual collations is older and lacks letters.
_LOWER_COLLATION: Final = "utf8mb4_unicode_520_ci"
#: Databases whose usual collations hold different texts to be equal.
_LOOSELY_COLLATED: Final = frozenset({"mysql", "mariadb"})


class LikePattern(TypeDecorator[str]):
    """The type of a bind parameter that is a LIKE pattern, sent in the database's syntax."""

    impl = String
    cache_ok = True

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.tokens(value, dialect.name)

    def tokens(self, value: str, database: str) -> str:
        """Return a valid pattern of ours in the syntax of ``database``."""
        any_, one, literal = _PATTERN_SYNTAX.get(database, _PATTERN_SYNTAX["postgresql"])
        out: list[str] = []
        letters = iter(value)
        for letter in letters:
            if letter == "%":
                out.append(any_)
            elif letter == "_":
                out.append(one)
            else:
                out.append(literal(next(letters) if letter == ESCAPE_CHARACTER else letter))
        return "".join(out)


class LiteralPart(TypeDecorator[str]):
    """The type of a bind parameter that is a part of a text, in which every character is literal.

    ``before`` and ``after`` are "%" where the whole text may have more in front of it or behind.
    """

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
            # "contains" is instr or locate there, which take no pattern.
            return value
        any_, _, literal = _PATTERN_SYNTAX.get(dialect.name, _PATTERN_SYNTAX["postgresql"])
        return (any_ if self.before else "") + literal(value) + (any_ if self.after else "")


def _make_like_escape(escape: str) -> Callable[[str], str]:
    """Return the function that writes a literal text as a LIKE pattern with this escape."""

    def literal(text: str) -> str:
        for special in (escape, "%", "_"):
            text = text.replace(special, escape + special)
        return text

    return literal


def _escape_glob(text: str) -> str:
    """Return a literal text as a GLOB pattern, in which brackets take the place of an escape."""
    # "[" first, since the other two replacements add brackets.
    return text.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


#: For each database: any number of characters, one character, and what writes literal text.
_PATTERN_SYNTAX: Final[dict[str, tuple[str, str, Callable[[str], str]]]] = {
    "postgresql": ("%", "_", _make_like_escape(ESCAPE_CHARACTER)),
    "sqlite": ("*", "?", _escape_glob),
    "mysql": ("%", "_", _make_like_escape(_MARIADB_ESCAPE)),
    "mariadb": ("%", "_", _make_like_escape(_MARIADB_ESCAPE)),
}


class ExactComparison(Predicate):
    """A comparison of texts by the column's collation, and the same comparison of their bytes.

    On MySQL and MariaDB both are rendered: an index serves the first, and the second makes it
    exact. Elsewhere the first alone is exact, unless the column declares a collation.
    """

    inherit_cache = True

    def __init__(self, compare: Callable[[Any, Any], Any], column: Any, value: Any) -> None:
        super().__init__(compare(column, value), compare(_ComparedBytes(column), value))


class BytewiseCondition(Predicate):
    """A user's own condition in which texts are compared exactly, such as a scope's.

    While its content is compiled the context manager ``comparing_bytes`` of the compiler is
    entered. A compiler without one renders the condition as it is.
    """

    inherit_cache = True


class ExactInequality(ExactComparison):
    """A comparison that texts differ: one of the two comparisons says so."""

    inherit_cache = True


class _ComparedBytes(FunctionElement[str]):
    """A text in a form in which only equal bytes are equal, whatever its collation."""

    type = String()
    inherit_cache = True


#: The operators whose result depends on the collation, and whether each says "not equal".
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
    """Return a comparison of texts as one of their bytes, and whether it says "not equal".

    Return None for any other expression, for a comparison that is exact already, and for one of
    two columns: a join must compare keys as the database does when it checks a foreign key.
    """
    denied = _BY_COLLATION.get(binary.operator)
    left, right = binary.left, binary.right
    if denied is None or not (_is_text(left) or _is_text(right)):
        return None
    if isinstance(left, ColumnClause) and isinstance(right, ColumnClause):
        return None
    if database not in _LOOSELY_COLLATED and not (
        _is_loosely_collated(left.type) or _is_loosely_collated(right.type)
    ):
        return None
    of_bytes = copy_element(binary)
    of_bytes.left = _ComparedBytes(left)
    if binary.operator not in (operators.in_op, operators.not_in_op):
        # A value is sent in utf8mb4 already; a column may be kept in another character set.
        of_bytes.right = right if isinstance(right, BindParameter) else _ComparedBytes(right)
    return of_bytes, denied


def _is_loosely_collated(kind: TypeEngine[Any]) -> bool:
    """Return True for a type that may hold different texts to be equal on every database."""
    plain = plain_type(kind)
    return isinstance(plain, CITEXT) or getattr(plain, "collation", None) is not None


def _is_text(element: ColumnElement[Any]) -> bool:
    if isinstance(element.type, NullType) and isinstance(element, FunctionElement):
        # SQLAlchemy does not know the type of func.lower() and the like, so look at the arguments.
        # If they are no texts after all, the comparison of bytes does no harm.
        return any(map(_is_text, element.clauses))
    return family_of(element.type) == "text"


class _FoldedEqual(Predicate):
    """``equal(text, other)``: true if the two are the same text once in lower case."""

    inherit_cache = True


class _Like(Predicate):
    """``like(text, pattern)``, with regard to case."""

    inherit_cache = True


class _FoldedLike(Predicate):
    """``like(text, pattern)``, without regard to case."""

    inherit_cache = True


class _Contains(Predicate):
    """``contains(text, part)``, with regard to case."""

    inherit_cache = True


class _FoldedContains(Predicate):
    """``contains(text, part)``, without regard to case."""

    inherit_cache = True


def build_like(column: Any, pattern: Any) -> ColumnElement[bool]:
    """Build the condition that a text matches a bound ``LikePattern`` or ``LiteralPart``."""
    return _Like(column, pattern)


def build_ilike(column: Any, pattern: Any) -> ColumnElement[bool]:
    """Build the condition of ``build_like`` without regard to case."""
    return _FoldedLike(column, pattern)


def build_contains(column: Any, part: Any) -> ColumnElement[bool]:
    """Build the condition that a text contains a bound ``LiteralPart`` with both ends open."""
    return _Contains(column, part)


def build_icontains(column: Any, part: Any) -> ColumnElement[bool]:
    """Build the condition of ``build_contains`` without regard to case."""
    return _FoldedContains(column, part)


def build_iexact(column: Any, value: Any) -> ColumnElement[bool]:
    """Build the condition that two texts are equal without regard to case."""
    return _FoldedEqual(column, value)


@compiles(_ComparedBytes, "mysql", "mariadb")
def _render_bytes_on_mysql(element: _ComparedBytes, compiler: Any, **options: Any) -> str:
    return f"CAST({_convert_to_utf8mb4(compiler.process(element.clauses, **options))} AS BINARY)"


@compiles(BytewiseCondition)
def _render_bytewise(element: BytewiseCondition, compiler: Any, **options: Any) -> str:
    comparing = getattr(compiler, "comparing_bytes", nullcontext)
    with comparing():
        return f"({compiler.process(element.clauses, **options)})"


@compiles(_ComparedBytes, "sqlite")
def _render_bytes_on_sqlite(element: _ComparedBytes, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} COLLATE BINARY)"


@compiles(_ComparedBytes, "postgresql")
def _render_bytes_on_postgresql(element: _ComparedBytes, compiler: Any, **options: Any) -> str:
    return f'(CAST({compiler.process(element.clauses, **options)} AS TEXT) COLLATE "C")'


@compiles(ExactComparison)
def _render_first_comparison(element: ExactComparison, compiler: Any, **options: Any) -> str:
    compared: Any = next(iter(element.clauses))
    if _is_loosely_collated(compared.left.type):
        return _render_both_comparisons(element, compiler, **options)
    text: str = compiler.process(compared, **options)
    return text


@compiles(ExactComparison, "mysql", "mariadb")
def _render_both_comparisons(element: ExactComparison, compiler: Any, **options: Any) -> str:
    both = [compiler.process(clause, **options) for clause in element.clauses]
    return f"({' OR '.join(both) if isinstance(element, ExactInequality) else ' AND '.join(both)})"


@compiles(_FoldedEqual)
def _render_iexact(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    text, other = _render_two_arguments(element, compiler, options)
    return f"(lower({text}) = lower({other}))"


@compiles(_FoldedEqual, "sqlite")
def _render_iexact_on_sqlite(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    text, other = _render_two_arguments(element, compiler, options)
    return f"({_lower_on_sqlite(text)} = {_LOWER_FUNCTION}({other}))"


@compiles(_FoldedEqual, "mysql", "mariadb")
def _render_iexact_on_mysql(element: _FoldedEqual, compiler: Any, **options: Any) -> str:
    # "=" ignores spaces at the end of texts, unlike LIKE and locate; of bytes it does not.
    text, other = (
        _lower_on_mysql(one) for one in _render_two_arguments(element, compiler, options)
    )
    return f"(CAST({text} AS BINARY) = CAST({other} AS BINARY))"


@compiles(_Like)
def _render_like(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _render_two_arguments(element, compiler, options)
    return f"({text} LIKE {pattern})"


@compiles(_Like, "sqlite")
def _render_like_on_sqlite(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _render_two_arguments(element, compiler, options)
    return f"({text} GLOB {pattern})"


@compiles(_Like, "mysql", "mariadb")
def _render_like_on_mysql(element: _Like, compiler: Any, **options: Any) -> str:
    text, pattern = _render_two_arguments(element, compiler, options)
    # As in ExactComparison: an index serves the first, and the second is exact.
    return (
        f"({text} LIKE {pattern} ESCAPE '{_MARIADB_ESCAPE}' AND "
        f"{_collate_binary(text)} LIKE {_collate_binary(pattern)} ESCAPE '{_MARIADB_ESCAPE}')"
    )


@compiles(_FoldedLike)
def _render_ilike(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = _render_two_arguments(element, compiler, options)
    return f"({text} ILIKE {pattern})"


@compiles(_FoldedLike, "sqlite")
def _render_ilike_on_sqlite(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = _render_two_arguments(element, compiler, options)
    return f"({_lower_on_sqlite(text)} GLOB {_LOWER_FUNCTION}({pattern}))"


@compiles(_FoldedLike, "mysql", "mariadb")
def _render_ilike_on_mysql(element: _FoldedLike, compiler: Any, **options: Any) -> str:
    text, pattern = (
        _collate_binary(_lower_on_mysql(one))
        for one in _render_two_arguments(element, compiler, options)
    )
    return f"({text} LIKE {pattern} ESCAPE '{_MARIADB_ESCAPE}')"


@compiles(_Contains, "sqlite")
def _render_contains_on_sqlite(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = _render_two_arguments(element, compiler, options)
    return f"(instr({text}, {part}) > 0)"


@compiles(_Contains, "mysql", "mariadb")
def _render_contains_on_mysql(element: _Contains, compiler: Any, **options: Any) -> str:
    text, part = _render_two_arguments(element, compiler, options)
    return f"(locate({_collate_binary(part)}, {_collate_binary(text)}) > 0)"


@compiles(_FoldedContains, "sqlite")
def _render_icontains_on_sqlite(element: _FoldedContains, compiler: Any, **options: Any) -> str:
    text, part = _render_two_arguments(element, compiler, options)
    return f"(instr({_lower_on_sqlite(text)}, {_LOWER_FUNCTION}({part})) > 0)"


@compiles(_FoldedContains, "mysql", "mariadb")
def _render_icontains_on_mysql(element: _FoldedContains, compiler: Any, **options: Any) -> str:
    text, part = (
        _collate_binary(_lower_on_mysql(one))
        for one in _render_two_arguments(element, compiler, options)
    )
    return f"(locate({part}, {text}) > 0)"


compiles(_Contains)(_render_like)
compiles(_FoldedContains)(_render_ilike)


def _render_two_arguments(
    element: FunctionElement[Any], compiler: Any, options: dict[str, Any]
) -> tuple[str, str]:
    """Return the SQL of an element's two arguments."""
    text, other = (compiler.process(clause, **options) for clause in element.clauses)
    return text, other


def _lower_on_sqlite(text: str) -> str:
    """Return the SQL of a text in lower case, on SQLite."""
    # Our function is Python: each call waits for the interpreter's lock, which a busy event loop
    # holds. A text with as many bytes as letters is ASCII, for which SQLite's own lower() is right.
    is_ascii = f"length({text}) = length(CAST({text} AS BLOB))"
    return f"CASE WHEN {is_ascii} THEN lower({text}) ELSE {_LOWER_FUNCTION}({text}) END"


def _convert_to_utf8mb4(text: str) -> str:
    """Return the SQL of a text in utf8mb4: only such a text can have a collation of utf8mb4."""
    return f"CONVERT({text} USING utf8mb4)"


def _collate_binary(text: str) -> str:
    """Return the SQL of a text that is compared by its code points, on MySQL and MariaDB."""
    return f"{_convert_to_utf8mb4(text)} COLLATE utf8mb4_bin"


def _lower_on_mysql(text: str) -> str:
    """Return the SQL of a text in lower case, on MySQL and MariaDB."""
    return f"lower({_convert_to_utf8mb4(text)} COLLATE {_LOWER_COLLATION})"
