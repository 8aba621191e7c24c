"""What a query answers, in plain Python: objects in lists, conditions with SQL's three values.

A world holds the rows of some models as ``Thing``s whose relations are other things. A condition is
written once, as nested tuples, and read twice: ``told`` makes what ``where`` takes, ``World.holds``
says of a thing whether it is true, false or, for want of a value, unknown.

::

    ("is", ("team", "name"), "icontains", "a")     ("all" | "any", condition, …)
    ("some" | "every", ("missions",), condition)   ("not", condition)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from functools import cmp_to_key
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import inspect

from colonnade import all_of, any_of, every, not_, some
from colonnade.mapping import mapping_of

Condition = tuple[Any, ...]
Path = tuple[str, ...]
Row = Mapping[str, Any]
_Column = tuple[Path, list[Any]]
_Collection = tuple[Path, type[Any]]

#: What each operator says of two values, neither of which is NULL.
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "gte": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "lte": lambda a, b: bool(a <= b),
    "between": lambda a, b: bool(b[0] <= a <= b[1]),
    "in": lambda a, b: a in b,
    "not_in": lambda a, b: a not in b,
    "contains": lambda a, b: b in a,
    "icontains": lambda a, b: _folded(b) in _folded(a),
    "startswith": lambda a, b: a.startswith(b),
    "istartswith": lambda a, b: _folded(a).startswith(_folded(b)),
    "endswith": lambda a, b: a.endswith(b),
    "iendswith": lambda a, b: _folded(a).endswith(_folded(b)),
    "iexact": lambda a, b: _folded(a) == _folded(b),
}
TEXT = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact")
ORDERED = ("gt", "gte", "lt", "lte", "between")


def _folded(text: str) -> str:
    """In small letters, as far as every database has them: those of ASCII."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


class Thing:
    """A row: its columns, and what its relations lead to, by attribute."""

    def __init__(self, row: Row) -> None:
        self.__dict__.update(row)


class World:
    """The things of some models, and what is asked of them."""

    def __init__(self, rows: Mapping[type[Any], Sequence[Row]]) -> None:
        self.things = {model: [Thing(row) for row in given] for model, given in rows.items()}
        for model in rows:
            self._relate(model)

    def _relate(self, model: type[Any]) -> None:
        for relation in inspect(model).relationships:
            if relation.mapper.class_ in self.things:
                find = self._finder(relation)
                for thing in self.things[model]:
                    found = find(thing)
                    thing.__dict__[relation.key] = (
                        found if relation.uselist else next(iter(found), None)
                    )

    def _finder(self, relation: Any) -> Callable[[Thing], list[Thing]]:
        """What answers with the things at the other end of a relation."""
        others = self.things[relation.mapper.class_]
        if relation.secondary is None:
            pairs = relation.local_remote_pairs
            here = _names(relation.parent, [pair[0] for pair in pairs])
            return _by(others, _names(relation.mapper, [pair[1] for pair in pairs]), here)
        link = next(m for m in self.things if inspect(m).local_table is relation.secondary)
        ((own, near),) = relation.synchronize_pairs
        ((far, out),) = relation.secondary_synchronize_pairs
        links = _by(
            self.things[link], _names(inspect(link), [near]), _names(relation.parent, [own])
        )
        ends = _by(others, _names(relation.mapper, [far]), _names(inspect(link), [out]))
        return lambda thing: [other for item in links(thing) for other in ends(item)]

    def find(self, model: type[Any], condition: Condition, order: Sequence[str] = ()) -> list[Any]:
        """The keys of the things for which the condition is true, in order."""
        found = [thing for thing in self.things[model] if holds(condition, model, thing) is True]
        (key,) = mapping_of(model).key
        terms = [*order, f"-{key}" if order and order[-1].startswith("-") else key]
        found.sort(key=cmp_to_key(lambda one, two: _compare(one, two, terms)))
        return [getattr(thing, key) for thing in found]


def _names(mapper: Any, columns: Sequence[Any]) -> list[str]:
    return [mapper.get_property_by_column(column).key for column in columns]


def _by(
    others: Sequence[Thing], there: Sequence[str], here: Sequence[str]
) -> Callable[[Thing], list[Thing]]:
    """The others that have there what a thing has here; NULL is nobody's."""
    index: dict[tuple[Any, ...], list[Thing]] = {}
    for other in others:
        index.setdefault(tuple(getattr(other, name) for name in there), []).append(other)

    def find(thing: Thing) -> list[Thing]:
        key = tuple(getattr(thing, name) for name in here)
        return [] if None in key else index.get(key, [])

    return find


def told(condition: Condition) -> Any:
    """The condition as ``where`` takes it."""
    kind, *rest = condition
    if kind == "is":
        path, operator, operand = rest
        return {"__".join((*path, operator)): operand}
    if kind in ("some", "every"):
        path, inner = rest
        return (some if kind == "some" else every)(".".join(path), told(inner))
    tree: Any = {"all": all_of, "any": any_of, "not": not_}[kind]
    return tree(*map(told, rest))


def holds(condition: Condition, model: type[Any], thing: Thing | None) -> bool | None:
    """Whether the condition is true of the thing, or false, or unknown: None."""
    match condition:
        case ("is", path, operator, operand):
            return _along(model, thing, path, operator, operand)
        case ("not", inner):
            return _not(holds(inner, model, thing))
        case ("some", path, inner):
            target, children = _children(model, thing, path)
            return any(holds(inner, target, child) is True for child in children)
        case ("every", path, inner):
            target, children = _children(model, thing, path)
            return all(holds(inner, target, child) is True for child in children)
        case ("all", *inner):
            return _least([holds(item, model, thing) for item in inner])
        case ("any", *inner):
            return _not(_least([_not(holds(item, model, thing)) for item in inner]))
        case _:
            raise AssertionError(condition)


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _least(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _along(
    model: type[Any], thing: Any, path: Sequence[str], operator: str, operand: Any
) -> bool | None:
    """Behind a collection a lookup asks whether there is such a child: true or false."""
    name, *rest = path
    value = getattr(thing, name, None)
    relation = mapping_of(model).relations.get(name)
    if relation is None:
        return _compared(value, operator, operand)
    if not relation.many:
        return _along(relation.target, value, rest, operator, operand)
    return any(
        _along(relation.target, child, rest, operator, operand) is True for child in value or ()
    )


def _compared(value: Any, operator: str, operand: Any) -> bool | None:
    if operator == "isnull":
        return (value is None) is operand
    if operator in ("is", "is_not"):
        return (value is operand) is (operator == "is")
    if operand is None:
        return (value is None) is (operator == "eq")
    if operator in ("in", "not_in") and not len(operand):
        return operator == "not_in"
    return None if value is None else COMPARE[operator](value, operand)


def _children(model: type[Any], thing: Any, path: Sequence[str]) -> tuple[type[Any], list[Any]]:
    found = [thing]
    for name in path:
        relation = mapping_of(model).relations[name]
        values = [getattr(item, name, None) for item in found]
        if relation.many:
            values = [child for children in values for child in children or ()]
        model, found = relation.target, values
    return model, found


def _compare(one: Thing, two: Thing, terms: Iterable[str]) -> int:
    for term in terms:
        word, _, nulls = term.partition(" nulls ")
        path = word.lstrip("+-").replace("__", ".").split(".")
        a, b = _value(one, path), _value(two, path)
        if a == b:
            continue
        if a is None or b is None:
            first = nulls == "first" if nulls else word.startswith("-")
            return -1 if (a is None) is first else 1
        return (1 if a > b else -1) * (-1 if word.startswith("-") else 1)
    return 0


def _value(thing: Any, path: Sequence[str]) -> Any:
    for name in path:
        thing = getattr(thing, name, None)
    return thing.value if isinstance(thing, Enum) else thing


class Questions:
    """What to ask about a world; ``hidden`` are columns left alone.

    Drawn piece by piece: strategies for all that could be asked take minutes to build.
    """

    def __init__(self, world: World, hidden: Iterable[str] = ()) -> None:
        self.world = world
        self.hidden = set(hidden)
        self._paths: dict[type[Any], tuple[list[_Column], list[_Collection]]] = {}

    def condition(self, draw: st.DrawFn, model: type[Any], depth: int = 3) -> Condition:
        """A tree of lookups, at most ``depth`` deep."""
        columns, collections = self._about(model)
        kinds = ["is", "is"]
        if depth:
            kinds += ["all", "any", "not", *(["some", "every"] if collections else [])]
        kind = draw(st.sampled_from(kinds))
        if kind == "is":
            path, values = draw(st.sampled_from(columns))
            return _lookup(draw, path, values)
        if kind in ("some", "every"):
            path, target = draw(st.sampled_from(collections))
            return kind, path, self.condition(draw, target, depth - 1)
        count = 1 if kind == "not" else draw(st.integers(0, 3))
        return (kind, *(self.condition(draw, model, depth - 1) for _ in range(count)))

    def _about(self, model: type[Any]) -> tuple[list[_Column], list[_Collection]]:
        if model not in self._paths:
            columns = [(path, values) for path, values in self._columns(model, (), 2) if values]
            self._paths[model] = (columns, list(self._collections(model, (), 2)))
        return self._paths[model]

    def _columns(self, model: type[Any], above: Path, deeper: int) -> Iterator[_Column]:
        """The columns of the model and of what its relations lead to, and the values in each."""
        mapped = mapping_of(model)
        for name in mapped.columns:
            if name not in self.hidden:
                values = {getattr(thing, name) for thing in self.world.things[model]} - {None}
                yield (*above, name), sorted(values, key=str)
        for relation in mapped.relations.values() if deeper else ():
            if relation.target in self.world.things:
                yield from self._columns(relation.target, (*above, relation.name), deeper - 1)

    def _collections(self, model: type[Any], above: Path, deeper: int) -> Iterator[_Collection]:
        for relation in mapping_of(model).relations.values() if deeper else ():
            if relation.target in self.world.things:
                path = (*above, relation.name)
                if relation.many:
                    yield path, relation.target
                yield from self._collections(relation.target, path, deeper - 1)


def an_order(draw: st.DrawFn, paths: Sequence[str]) -> tuple[str, ...]:
    """Up to three of these paths, in any direction, with NULLs anywhere."""
    return tuple(
        draw(st.sampled_from(("", "-")))
        + path
        + draw(st.sampled_from(("", "", " nulls first", " nulls last")))
        for path in draw(st.lists(st.sampled_from(paths), max_size=3, unique=True))
    )


def _lookup(draw: st.DrawFn, path: Path, values: list[Any]) -> Condition:
    """A lookup on one column: with a value of it, one nearby, or none."""

    def value() -> Any:
        found = draw(st.sampled_from(values))
        return _nearby(found) if draw(st.integers(0, 3)) == 0 else found

    operator = draw(st.sampled_from(_operators(values[0])))
    operand: Any
    if operator == "isnull":
        operand = draw(st.booleans())
    elif operator in ("is", "is_not"):
        operand = draw(st.sampled_from((True, False, None)))
    elif operator in ("in", "not_in"):
        operand = [value() for _ in range(draw(st.integers(0, 3)))]
    elif operator == "between":
        operand = (value(), value())
    elif operator in TEXT:
        text = value()
        operand = text[1:3] if len(text) > 2 else text
    else:
        operand = None if operator in ("eq", "ne") and draw(st.integers(0, 5)) == 0 else value()
    return "is", path, operator, operand


def _operators(sample: Any) -> tuple[str, ...]:
    always = ("eq", "ne", "in", "not_in", "isnull")
    if isinstance(sample, bool):
        return (*always, "is", "is_not")
    if isinstance(sample, str):
        return (*always, *TEXT)
    return always if isinstance(sample, Enum | UUID) else (*always, *ORDERED)


def _nearby(value: Any) -> Any:
    if isinstance(value, bool | Enum | UUID):
        return value
    if isinstance(value, str):
        return value.swapcase()
    return value + timedelta(days=1) if isinstance(value, date) else value + 1
