"""Trees of conditions, in three-valued logic as SQL has it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.guild import Hero
from tests.guild import heroes as rows

from colonnade import Database, reading
from colonnade.filters import And, Node, Not, Or, parse_lookup
from colonnade.spec import Shape, Spec

LEAVES: list[tuple[str, Any]] = [
    ("age__gt", 2),
    ("age__ne", 3),
    ("age", None),
    ("active", True),
    ("name__contains", "a"),
    ("name__icontains", "ANN"),
    ("name__ne", "ann"),
    ("name__in", ["ann", "it's"]),
    ("slug__not_in", ["a", "b"]),
    ("kind__isnull", False),
]
TREES = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda item: ["not", item]),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: ["and", *items]),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: ["or", *items]),
    ),
    max_leaves=6,
)
COMPARE = {
    "gt": lambda value, operand: value > operand,
    "ne": lambda value, operand: value != operand,
    "eq": lambda value, operand: value == operand,
    "in": lambda value, operand: value in operand,
    "not_in": lambda value, operand: value not in operand,
    "contains": lambda value, operand: operand in value,
    "icontains": lambda value, operand: operand.lower() in value.lower(),
}


def node(tree: Any, values: list[Any]) -> Node:
    """The tree as nodes; ``values`` gets what they bind, in order."""
    kind, *rest = tree
    if kind == "not":
        return Not(node(rest[0], values))
    if kind in ("and", "or"):
        nodes = tuple(node(item, values) for item in rest)
        return And(nodes) if kind == "and" else Or(nodes)
    leaf = parse_lookup(Hero, kind, rest[0])
    if leaf.binds:
        values.append(leaf.check(rest[0]))
    return leaf


def truth(tree: Any, row: dict[str, Any]) -> bool | None:
    """What SQL makes of it: true, false, or unknown."""
    kind, *rest = tree
    if kind == "not":
        inner = truth(rest[0], row)
        return None if inner is None else not inner
    if kind in ("and", "or"):
        found = [truth(item, row) for item in rest]
        decisive = kind == "or"
        if decisive in found:
            return decisive
        return None if None in found else not decisive
    field, _, operator = kind.partition("__")
    if operator == "isnull":
        return (row[field] is None) is rest[0]
    if rest[0] is None:
        return row[field] is None
    return None if row[field] is None else COMPARE[operator or "eq"](row[field], rest[0])


@given(tree=TREES)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_tree_of_conditions_holds_where_sqls_logic_says(
    heroes: Database, tree: Any
) -> None:
    values: list[Any] = []
    shape = Shape(Hero, (node(tree, values),))
    async with heroes.reader() as session:
        found = await reading.read_entities(session, Spec(shape, tuple(values)))
    assert [hero.id for hero in found] == [
        number for number, row in enumerate(rows(), start=1) if truth(tree, row)
    ]
