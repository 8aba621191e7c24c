"""Make validators for values of a column, which raise ``InvalidOperand``.

They apply the rules of ``colonnade.values`` and add the name of the lookup or field to the error.
The error names the type of a wrong value and never the value, which may be confidential.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import NoneType
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy.types import TypeEngine

from colonnade.caches import memoized
from colonnade.errors import InvalidOperand, InvalidValue
from colonnade.filters.operators import Operator
from colonnade.filters.search_syntax import parse_search, to_websearch
from colonnade.mapping import mapping_of
from colonnade.mapping.paths import ColumnPath
from colonnade.sql.text import ESCAPE_CHARACTER
from colonnade.values import (
    Rule,
    TooLarge,
    UnfitValue,
    attribute_python_type,
    column_python_type,
    family_of,
    python_type_for_errors,
    quick_check_of,
    rule_of,
    text_problem,
)

__all__ = [
    "BatchValidator",
    "Pair",
    "attribute_python_type",
    "column_batch_validator",
    "column_python_type",
    "column_validator",
    "comparison_validator_for",
    "invalid_operand_error",
    "key_value_of",
    "operand_validator",
    "text_problem",
]

OperandValidator = Callable[[Any], Any]


@memoized
def column_validator(owner: type[Any], column: str, name: str) -> OperandValidator:
    """Return the validator of values to write into a column; errors call the column ``name``.

    It returns the value as the column stores it. A text in the form of the column's type, such as
    one from a URL, is converted. It raises ``InvalidOperand`` for a value that does not fit.
    """
    mapped = mapping_of(owner).columns[column]
    return _rule_validator(column_python_type(owner, mapped), mapped.type, name, writing=True)


@memoized
def key_value_of(owner: type[Any], column: str) -> OperandValidator:
    """Return the validator of a key's value: it gives None for an integer too large for any row."""
    mapped = mapping_of(owner).columns[column]
    kind = column_python_type(owner, mapped)
    rule: Rule = rule_of(kind, mapped.type, writing=False)
    check = comparison_validator_for(kind, mapped.type, column)

    def read(value: Any) -> Any:
        try:
            return rule(value)
        except TooLarge:
            return None
        except UnfitValue:
            return check(value)  # which says what is wrong with it

    return read


def comparison_validator_for(kind: Any, stored: TypeEngine[Any], name: str) -> OperandValidator:
    """Return the validator of values to compare a column of these types with.

    ``kind`` is the Python type of the column's values, ``stored`` its SQL type. Unlike one for
    writing it takes values that are larger than any that the column can store.
    """
    return _rule_validator(kind, stored, name, writing=False)


def _rule_validator(
    kind: Any, stored: TypeEngine[Any], name: str, *, writing: bool
) -> OperandValidator:
    """Return the rule of the types, with its ``UnfitValue`` translated to ``InvalidOperand``."""
    rule: Rule = rule_of(kind, stored, writing=writing)
    declared = python_type_for_errors(kind, stored)

    def check(value: Any) -> Any:
        try:
            return rule(value)
        except UnfitValue as error:
            raise invalid_operand_error(name, declared, value, error.reason) from None

    return check


def invalid_operand_error(name: str, kind: Any, value: Any, hint: str | None) -> InvalidOperand:
    """Return the error for a value of the wrong type or out of range; ``hint`` says which."""
    spelled = kind.__name__ if isinstance(kind, type) else str(kind)
    return InvalidOperand(
        f"{name} takes {spelled}, not this {type(value).__name__}", hint=hint, fields=(name,)
    )


BatchValidator: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


@memoized
def column_batch_validator(owner: type[Any], column: str) -> BatchValidator:
    """Return a function that validates a list of values for the column, as ``one_of`` does one.

    None stays None. If no value has to change, the function returns the sequence that it got. It
    raises ``InvalidOperand`` for the first value that does not fit.
    """
    mapped = mapping_of(owner).columns[column]
    check = column_validator(owner, column, column)
    glance = quick_check_of(column_python_type(owner, mapped), mapped.type)

    def check_all(values: Sequence[Any]) -> Sequence[Any]:
        if glance is not None:
            exact_type, all_fit = glance
            # Exact types: a bool is an int to isinstance, and a subclass may behave differently.
            types = set(map(type, values))
            if types <= {exact_type, NoneType}:
                given = values if NoneType not in types else [v for v in values if v is not None]
                if not given or all_fit(given):
                    return values
        return [None if value is None else check(value) for value in values]

    return check_all


#: The most values of one ``in``: as UUIDs they fill half of MariaDB's packet of 16 MB.
_MOST: Final = 200_000
#: The most values of one ``in`` with a parameter for each; asyncpg takes 32,767.
_MOST_ARGUMENTS: Final = 30_000
#: The longest pattern or part of a text; SQLite takes patterns of 50,000 bytes.
_LONGEST: Final = 10_000


class Pair(NamedTuple):
    """The two ends of a ``between``: one value of a spec, but two bind parameters."""

    low: Any
    high: Any


Check = Callable[[Any], Any]


def operand_validator(model: type[Any], name: str, path: ColumnPath, operator: Operator) -> Check:
    """Return the function that validates the operand of the lookup ``name``.

    It returns the value to bind, or raises ``InvalidOperand``.
    """
    owner = path.steps[-1].target if path.steps else model

    # Only where the operand is a value of the column: a pattern need not be one.
    def one() -> Check:
        return comparison_validator_for(
            column_python_type(owner, path.column), path.column.type, name
        )

    match operator.operand:
        case "one" | "items":
            return one()
        case "many":
            most = _MOST_ARGUMENTS if family_of(path.column.type) == "other" else _MOST
            return _collection_validator(name, path.column.name, one(), most)
        case "pair":
            return _pair_validator(name, one())
        case "text":
            return _text_validator(name)
        case "pattern":
            return _pattern_validator(name, _text_validator(name))
        case "search":
            return _search_validator(name, _text_validator(name))
        case "flag":
            return lambda value: _check_state(name, value, "True or False", (True, False))
        case "state":
            return lambda value: _check_state(
                name, value, "None, True or False", (None, True, False)
            )


def _collection_validator(name: str, column: str, one: Check, most: int) -> Check:
    """Return the validator of a collection of at most ``most`` values, each validated by ``one``.

    A text is refused, although it is a collection of letters: it is always a mistake.
    """

    def check(values: Any) -> list[Any]:
        if isinstance(values, str | bytes) or not isinstance(values, Collection):
            raise InvalidOperand(
                f"{name} takes a collection of values, not {type(values).__name__}",
                hint="hand in a list, tuple or set",
                fields=(name,),
            )
        if len(values) > most:
            raise InvalidOperand(
                f"{name} takes at most {most} values",
                hint="get_many takes any number of keys; or ask in parts",
                fields=(name,),
            )
        if any(value is None for value in values):
            raise InvalidOperand(
                f"{name}: None is never equal to anything",
                hint=f"ask for NULL with {column}__isnull=True",
                fields=(name,),
            )
        return [one(value) for value in values]

    return check


def _pair_validator(name: str, one: Check) -> Check:
    """Return the validator of a pair of values, each validated by ``one``."""

    def check(value: Any) -> Pair:
        if not isinstance(value, list | tuple) or len(value) != 2 or any(v is None for v in value):
            raise InvalidOperand(
                f"{name} takes a pair of values",
                hint="hand in (first, last); for an open end use gte or lte",
                fields=(name,),
            )
        low, high = value
        return Pair(one(low), one(high))

    return check


def _text_validator(name: str) -> Check:
    """Return the validator of a part of a text.

    It ignores what the column requires of a whole value, since a part need not meet it.
    """

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise invalid_operand_error(name, str, value, None)
        unfit = text_problem(value)
        if len(value) > _LONGEST:
            unfit = f"it has at most {_LONGEST} letters"
        if unfit:
            raise invalid_operand_error(name, str, value, unfit)
        return value

    return check


def _pattern_validator(name: str, text: Check) -> Check:
    """Return the validator of a LIKE pattern."""

    def check(value: Any) -> Any:
        pattern: str = text(value)
        # With an odd number of escape characters at the end the last one has nothing to escape,
        # which is an error on some databases and not on others.
        if (len(pattern) - len(pattern.rstrip(ESCAPE_CHARACTER))) % 2:
            raise InvalidOperand(
                f"{name}: the pattern ends with an escape character that escapes nothing",
                hint=f"write {ESCAPE_CHARACTER * 2!r} for one {ESCAPE_CHARACTER!r}; "
                "or use contains, startswith, "
                "endswith, where every character stands for itself",
                fields=(name,),
            )
        return pattern

    return check


def _search_validator(name: str, text: Check) -> Check:
    """Return the validator of a full-text search; it binds the search in its normal form."""

    def check(value: Any) -> Any:
        search = text(value)
        try:
            return to_websearch(parse_search(search))
        except InvalidValue as error:
            raise invalid_operand_error(name, str, value, error.hint) from None

    return check


def _check_state(name: str, value: Any, words: str, states: tuple[bool | None, ...]) -> bool | None:
    """Return ``value`` if it is one of ``states``, else raise ``InvalidOperand``.

    Compared by identity, since 1 is equal to True.
    """
    if not any(value is state for state in states):
        raise InvalidOperand(f"{name} takes {words}, not {type(value).__name__}", fields=(name,))
    return value  # type: ignore[no-any-return] # one of the states
