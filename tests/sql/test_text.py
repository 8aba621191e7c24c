"""Text operators, beside plain Python, on every database: letters that fold, SQL's own signs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.lexicon import LETTERS, Word, WordService, words

from colonnade import Database
from colonnade.errors import InvalidOperand
from colonnade.filters import parse_lookups

WORDS = words()


def fold(text: str) -> str:
    """Letter by letter, as Unicode's simple mapping has it."""
    return "".join({"İ": "i", "Σ": "σ"}.get(letter, letter.lower()) for letter in text)


def like(text: str, pattern: str) -> bool:
    tokens = re.findall(r"\\.|.", pattern, re.DOTALL)
    meaning = {"%": ".*", "_": "."}
    expression = "".join(
        meaning.get(token) or re.escape(token[1] if len(token) == 2 else token) for token in tokens
    )
    return re.fullmatch(expression, text, re.DOTALL) is not None


EXACT: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda text, operand: text == operand,
    "ne": lambda text, operand: text != operand,
    "contains": lambda text, operand: operand in text,
    "startswith": lambda text, operand: text.startswith(operand),
    "endswith": lambda text, operand: text.endswith(operand),
    "like": like,
    "notlike": lambda text, operand: not like(text, operand),
}
FOLDED = {
    "iexact": EXACT["eq"],
    "icontains": EXACT["contains"],
    "istartswith": EXACT["startswith"],
    "iendswith": EXACT["endswith"],
    "ilike": EXACT["like"],
    "notilike": EXACT["notlike"],
}


def holds(operator: str, text: str | None, operand: str) -> bool:
    if text is None:
        return False
    if operator in EXACT:
        return EXACT[operator](text, operand)
    return FOLDED[operator](fold(text), fold(operand))


def well_formed(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 0


@given(operand=st.text(LETTERS + " ẞ\u212a", max_size=4))
@example(operand="")
@example(operand="%")
@example(operand="a_b")
@example(operand="\\%")
@example(operand="a ")
@example(operand="i")
@example(operand="ẞ")
@example(operand="[a-z]")
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_text_operators_answer_as_plain_python_does(lexicon: Database, operand: str) -> None:
    async with lexicon.reader() as session:
        for operator in (*EXACT, *FOLDED):
            if "like" in operator and not well_formed(operand):
                continue
            query = WordService(session).where({f"text__{operator}": operand})
            found = {WORDS[word.id - 1] for word in await query.all()}
            expected = {word for word in WORDS if holds(operator, word, operand)}
            assert found == expected, (operator, operand)


@pytest.mark.parametrize("pattern", ["\\", "a\\", "%\\\\\\", "\\%\\"])
@pytest.mark.parametrize("operator", ["like", "notlike", "ilike", "notilike"])
def test_a_pattern_that_ends_in_an_escape_is_refused(operator: str, pattern: str) -> None:
    with pytest.raises(InvalidOperand, match="escapes nothing") as caught:
        parse_lookups(Word, {f"text__{operator}": pattern})
    assert "contains, startswith" in (caught.value.hint or "")


@pytest.mark.parametrize("operator", ["like", "contains", "istartswith", "iexact"])
def test_a_part_of_a_text_has_at_most_ten_thousand_letters(operator: str) -> None:
    with pytest.raises(InvalidOperand) as caught:
        parse_lookups(Word, {f"text__{operator}": "x" * 10_001})
    assert caught.value.hint == "it has at most 10000 letters"


async def test_the_longest_part_and_pattern_get_an_answer(lexicon: Database) -> None:
    async with lexicon.reader() as session:
        for part in ("😀" * 10_000, "[" * 10_000, "%" * 9_999 + "a"):
            for operator in ("like", "ilike", "startswith", "iendswith", "icontains"):
                assert await WordService(session).where({f"text__{operator}": part}).count() >= 0
