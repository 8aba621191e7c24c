"""The rule of JSON columns: a document must be read back as it was written, on every database."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_origin

from colonnade.models import MutableJSON
from colonnade.values.texts import text_problem
from colonnade.values.unfit import Rule, RuleTarget, UnfitValue

__all__ = ["json_rule"]

#: The deepest nesting that MySQL stores. MariaDB stores 31 levels and refuses more itself.
_DEEPEST: Final = 100
#: The most digits of an integer that Python parses, by default.
_DIGITS: Final = 4300
_HUGE: Final = 10**_DIGITS


def json_rule(asked: RuleTarget) -> Rule:
    """Return the rule of a JSON column: any document, or only a dict or list if annotated so."""
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
            raise UnfitValue(f"Input should be {' or '.join(_NAMES[kind] for kind in wanted)}")
        check_document(value, _DEEPEST)
        return value

    return rule


#: What a document must be, in the words of Pydantic's errors.
_NAMES: Final[dict[type[Any], str]] = {dict: "a valid dictionary", list: "a valid list"}


def check_document(value: Any, depth: int) -> None:
    """Raise ``UnfitValue`` for a document deeper than ``depth`` or with what JSON cannot write."""
    if isinstance(value, str):
        if reason := text_problem(value):
            raise UnfitValue(reason)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise UnfitValue("NaN and Infinity are not JSON")
    elif isinstance(value, int):
        if not -_HUGE < value < _HUGE:
            raise UnfitValue(f"an integer in JSON has at most {_DIGITS} digits")
    elif isinstance(value, dict | list | tuple):
        if depth == 0:
            raise UnfitValue(f"a document nests at most {_DEEPEST} deep")
        _check_parts(value, depth - 1)
    elif value is not None:
        raise UnfitValue(f"{type(value).__name__} is not JSON")


def _check_parts(value: Any, depth: int) -> None:
    """Check the keys and values of a dict, or the items of a list."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise UnfitValue("the keys of JSON are texts")
            if reason := text_problem(key):
                raise UnfitValue(reason)
        value = value.values()
    for part in value:
        check_document(part, depth)
