"""In charge of JSON: whether every database keeps a document, and Python reads the same again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_origin

from colonnade.models import MutableJSON
from colonnade.values.texts import unfit_text
from colonnade.values.unfit import Asked, Rule, Unfit

__all__ = ["json_rule"]

#: As deep as MySQL nests documents; MariaDB, which stops at 31, says so itself.
_DEEPEST: Final = 100
#: Digits of an integer that Python reads, by default.
_DIGITS: Final = 4300
_HUGE: Final = 10**_DIGITS


def json_rule(asked: Asked) -> Rule:
    """Return the rule of a column of JSON: any document, of the annotated sort."""
    sort = get_origin(asked.kind) or asked.kind
    wanted: tuple[type[Any], ...] | None = None
    if isinstance(asked.stored, MutableJSON):
        wanted = (dict, list)
    if sort in (dict, Mapping):
        wanted = (dict,)
    elif sort in (list, Sequence):
        wanted = (list,)

    def rule(value: Any) -> Any:
        if wanted is not None and not isinstance(value, wanted):
            raise Unfit(f"Input should be {' or '.join(_NAMES[kind] for kind in wanted)}")
        check(value, _DEEPEST)
        return value

    return rule


_NAMES: Final[dict[type[Any], str]] = {dict: "a valid dictionary", list: "a valid list"}


def check(value: Any, depth: int) -> None:
    """Raise ``Unfit`` unless a document nests no deeper and holds nothing but JSON."""
    if isinstance(value, str):
        if reason := unfit_text(value):
            raise Unfit(reason)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Unfit("NaN and Infinity are not JSON")
    elif isinstance(value, int):
        if not -_HUGE < value < _HUGE:
            raise Unfit(f"an integer in JSON has at most {_DIGITS} digits")
    elif isinstance(value, dict | list | tuple):
        if depth == 0:
            raise Unfit(f"a document nests at most {_DEEPEST} deep")
        _check_parts(value, depth - 1)
    elif value is not None:
        raise Unfit(f"{type(value).__name__} is not JSON")


def _check_parts(value: Any, depth: int) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise Unfit("the keys of JSON are texts")
            if reason := unfit_text(key):
                raise Unfit(reason)
        value = value.values()
    for part in value:
        check(part, depth)
