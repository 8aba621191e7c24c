"""Validate operands: make the function that turns a lookup's operand into the value to bind.

What an operator takes (one value, a list, a pair, a pattern …) is its ``operand`` in the table;
the values themselves are validated by the type of the column.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from colonnade.errors import InvalidOperand, InvalidValue
from colonnade.filters.families import family_of
from colonnade.filters.operators import Operator
from colonnade.filters.text import ESCAPE
from colonnade.filters.values import check_of, kind_of, misfit, one_of, unfit_text
from colonnade.filters.words import parsed, spelled
from colonnade.mapping.paths import ColumnPath

__all__ = ["Pair", "checker", "kind_of", "one_of"]

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


def checker(model: type[Any], name: str, path: ColumnPath, operator: Operator) -> Check:
    """Return the function that validates the operand of the lookup ``name``.

    It returns the value to bind, or raises ``InvalidOperand``.
    """
    owner = path.steps[-1].target if path.steps else model

    # Only where the operand is a value of the column: a pattern need not be one.
    def one() -> Check:
        return check_of(kind_of(owner, path.column), path.column.type, name)

    match operator.operand:
        case "one" | "items":
            return one()
        case "many":
            most = _MOST_ARGUMENTS if family_of(path.column.type) == "other" else _MOST
            return _many(name, path.column.name, one(), most)
        case "pair":
            return _pair(name, one())
        case "text":
            return _text(name)
        case "pattern":
            return _pattern(name, _text(name))
        case "search":
            return _search(name, _text(name))
        case "flag":
            return lambda value: _state(name, value, "True or False", (True, False))
        case "state":
            return lambda value: _state(name, value, "None, True or False", (None, True, False))


def _many(name: str, column: str, one: Check, most: int) -> Check:
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


def _pair(name: str, one: Check) -> Check:
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


def _text(name: str) -> Check:
    """Return the validator of a part of a text.

    It ignores what the column requires of a whole value, since a part need not meet it.
    """

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise misfit(name, str, value, None)
        unfit = unfit_text(value)
        if len(value) > _LONGEST:
            unfit = f"it has at most {_LONGEST} letters"
        if unfit:
            raise misfit(name, str, value, unfit)
        return value

    return check


def _pattern(name: str, text: Check) -> Check:
    """Return the validator of a LIKE pattern."""

    def check(value: Any) -> Any:
        pattern: str = text(value)
        # With an odd number of escape characters at the end the last one has nothing to escape,
        # which is an error on some databases and not on others.
        if (len(pattern) - len(pattern.rstrip(ESCAPE))) % 2:
            raise InvalidOperand(
                f"{name}: the pattern ends with an escape character that escapes nothing",
                hint=f"write {ESCAPE * 2!r} for one {ESCAPE!r}; or use contains, startswith, "
                "endswith, where every character stands for itself",
                fields=(name,),
            )
        return pattern

    return check


def _search(name: str, text: Check) -> Check:
    """Return the validator of a full-text search; it binds the search in its normal form."""

    def check(value: Any) -> Any:
        search = text(value)
        try:
            return spelled(parsed(search))
        except InvalidValue as error:
            raise misfit(name, str, value, error.hint) from None

    return check


def _state(name: str, value: Any, words: str, states: tuple[bool | None, ...]) -> bool | None:
    """Return ``value`` if it is one of ``states``, else raise ``InvalidOperand``.

    Compared by identity, since 1 is equal to True.
    """
    if not any(value is state for state in states):
        raise InvalidOperand(f"{name} takes {words}, not {type(value).__name__}", fields=(name,))
    return value  # type: ignore[no-any-return] # one of the states
