"""In charge of rank: how well a row answers the search that stands among the conditions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, false, or_, true, tuple_

from colonnade.errors import InvalidOperand
from colonnade.filters import And, Comparison, Every, JoinTree, Node, Not, Or, Some
from colonnade.mapping import attribute_on
from colonnade.ordering import SortKey, flipped
from colonnade.spec.keys import names
from colonnade.spec.parameters import CONDITION_VALUE, name_position
from colonnade.sql import exact, sortable, sorted_by
from colonnade.sql.comparison import RowComparison

__all__ = [
    "Keyset",
    "after_position",
    "key_columns",
    "order_of",
    "ranked",
    "scan_order",
    "split_ranges",
]


def ranked(item: SortKey, where: Iterable[Node], sources: JoinTree) -> Any:
    """The number that a rank term sorts by, with the value that its search binds.

    Raises ``InvalidOperand`` if no such search has to hold for every row.
    """
    for name, leaf in _leaves(where, names(CONDITION_VALUE), held=True):
        rank = leaf.operator.rank
        same = leaf.steps == item.steps and leaf.column.name == item.column.name
        if same and rank is not None and leaf.operator.name == item.rank:
            column = getattr(sources.join_path(item.steps), item.column.name)
            return rank(column, leaf.operator.make_parameter(name, item.column.type))
    path = "__".join([*(step.name for step in item.steps), item.column.name, str(item.rank)])
    raise InvalidOperand(
        f"rows cannot be sorted by {path}: nothing is searched for",
        hint=f"add where({path}=…), which must hold for every row",
        fields=(item.column.name,),
    )


def _leaves(
    nodes: Iterable[Node], slot: Iterator[str], *, held: bool
) -> Iterator[tuple[str, Comparison]]:
    """The leaves that hold for every row, and the names of their values, as they are compiled."""
    for node in nodes:
        match node:
            case Comparison():
                if node.binds:
                    name = next(slot)
                    if held:
                        yield name, node
            case And(inner):
                yield from _leaves(inner, slot, held=held)
            case Or(inner):
                yield from _leaves(inner, slot, held=False)
            case Not(inner) | Some(_, inner) | Every(_, inner):
                yield from _leaves((inner,), slot, held=False)
            case _:  # an expression binds for itself
                pass


Part: TypeAlias = Literal["all", "values", "nulls", "ties", "past"]

_NULLS: Final[dict[bool, tuple[Part, Part]]] = {
    True: ("nulls", "values"),
    False: ("values", "nulls"),
}


@dataclass(frozen=True, slots=True)
class Keyset:
    """Where a page begins, and which way it goes; the values themselves are bound as ``k0``, ….

    ``nulls`` says which of them are NULL; without any, the page begins where the list does.
    ``inclusive`` lets the row itself be the first. ``part`` are the rows with, or without, a value
    in the first key, or those that have the same value, or come after all that do. ``bounds_nulls``
    adds a condition that keeps MySQL from reading all the NULLs.
    """

    backwards: bool = False
    nulls: tuple[bool, ...] = ()
    inclusive: bool = False
    part: Part = "all"
    bounds_nulls: bool = False


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of the order in the direction of the page: what to compare with what."""

    column: Any
    value: Any  # a bind parameter, or None where NULL is meant
    descending: bool
    nulls_first: bool
    nullable: bool

    @property
    def plain(self) -> bool:
        return self.value is not None and not self.nullable


def split_ranges(
    terms: Sequence[SortKey], keyset: Keyset, *, nulls_greatest: bool | None, ties: bool = False
) -> tuple[Keyset, ...]:
    """The ranges that a page is read from, one after the other until it is full.

    ``nulls_greatest`` is whether the database's indexes have them so; None if it does not matter.
    ``ties`` is whether many rows share the value of the first key.
    """
    found = _parts(scan_order(terms, keyset)[0], keyset, nulls_greatest)
    if nulls_greatest is False:
        # MySQL finds its place in an index among equals too, and loses it where they are apart.
        return tuple(replace(item, bounds_nulls=item.part == "nulls") for item in found)
    if not ties or not keyset.nulls or keyset.nulls[0] or len(terms) == 1:
        return found
    apart = (replace(keyset, part="ties"), replace(keyset, part="past"))
    return found if terms[0].computed else (*apart, *found[1:])


def _parts(first: SortKey, keyset: Keyset, nulls_greatest: bool | None) -> tuple[Keyset, ...]:
    if not first.nullable or first.computed:
        return (keyset,)
    both = _NULLS[first.nulls_first]
    if not keyset.nulls:
        natural = nulls_greatest is None or (
            first.nulls_first is (first.descending is nulls_greatest)
        )
        return (keyset,) if natural else tuple(replace(keyset, part=part) for part in both)
    begun = both.index("nulls" if keyset.nulls[0] else "values")
    return tuple(replace(keyset, part=part) for part in both[begun:])


def scan_order(terms: Sequence[SortKey], keyset: Keyset | None) -> tuple[SortKey, ...]:
    """The terms in the direction in which the rows are read."""
    back = keyset is not None and keyset.backwards
    return tuple(flipped(item) if back else item for item in terms)


def order_of(
    terms: Sequence[SortKey],
    keyset: Keyset | None,
    sources: JoinTree,
    where: Sequence[Node] = (),
) -> list[Any]:
    """The ORDER BY; ``where`` has the searches that rows are ranked by."""
    parted = keyset is not None and keyset.part != "all"
    order: list[Any] = []
    for number, item in enumerate(scan_order(terms, keyset)):
        if (
            number == 0
            and keyset is not None
            and keyset.bounds_nulls
            and keyset.nulls[:1] != (True,)
        ):
            # It does not see that they are all the same, and would sort them.
            continue
        placed = item.nullable and not (parted and number == 0)
        ranks = item.rank is not None
        order.append(
            sorted_by(
                ranked(item, where, sources) if ranks else sortable(_attribute(item, sources)),
                descending=item.descending,
                nulls_first=item.nulls_first if placed else None,
            )
        )
    return order


def key_columns(terms: Sequence[SortKey], sources: JoinTree) -> list[Any]:
    """The values that say where a row stands, to be read beside it."""
    return [
        exact(_attribute(item, sources)).label(name_position(number))
        for number, item in enumerate(terms)
    ]


def after_position(
    terms: Sequence[SortKey], keyset: Keyset, sources: JoinTree
) -> ColumnElement[bool] | None:
    """The condition that a row belongs to the page or comes after it; None for every row."""
    order = scan_order(terms, keyset)
    first = sortable(_attribute(order[0], sources))
    if not keyset.nulls:
        return None if keyset.part == "all" else _is_part(first, keyset.part)
    keys = [_key(item, sources, number, keyset.nulls[number]) for number, item in enumerate(order)]
    null = keyset.nulls[0]
    if keyset.part == "ties":
        return and_(_same(keys[0]), _after(keys[1:], keyset.inclusive))
    if keyset.part == "past":
        return _compare(keys[0], keys[0].column, keys[0].value, equal=False)
    if keyset.part == "all":
        return _after(keys, keyset.inclusive)
    if null is not (keyset.part == "nulls"):
        # The page goes on from one part into all of the other.
        return _is_part(first, keyset.part)
    if null:
        among = and_(_is_part(first, "nulls"), _after(keys[1:], keyset.inclusive))
        return _as_a_range(among, keys) if keyset.bounds_nulls and keys[-1].plain else among
    return _after([replace(keys[0], nullable=False), *keys[1:]], keyset.inclusive)


def _as_a_range(among: ColumnElement[bool], keys: Sequence[_Key]) -> ColumnElement[bool]:
    """The same rows: what is added holds for none, and keeps MySQL from reading all the NULLs."""
    last = keys[-1]
    none = and_(
        _is_part(keys[0].column, "values"), last.column < last.value, last.column > last.value
    )
    return or_(among, none)


def _attribute(item: SortKey, sources: JoinTree) -> Any:
    return attribute_on(sources.join_path(item.steps), item.column)


def _key(item: SortKey, sources: JoinTree, number: int, null: bool) -> _Key:
    column = _attribute(item, sources)
    # As the value was read: it is compared with what the column holds, and never with more.
    value = None if null else sortable(bindparam(name_position(number), type_=exact(column).type))
    return _Key(sortable(column), value, item.descending, item.nulls_first, item.nullable)


def _is_part(column: Any, part: Part) -> ColumnElement[bool]:
    result: ColumnElement[bool] = column.is_(None) if part == "nulls" else column.is_not(None)
    return result


def _after(keys: Sequence[_Key], inclusive: bool) -> ColumnElement[bool]:
    """Whether a row comes after the one with these keys, or is it where that counts too."""
    if not keys:
        return true() if inclusive else false()
    spelled = _spelled_out(keys, inclusive)
    alike = all(key.plain and key.descending is keys[0].descending for key in keys)
    if not alike or len(keys) == 1:
        return spelled
    columns = tuple_(*(key.column for key in keys))
    values = tuple_(*(key.value for key in keys))
    return RowComparison(_compare(keys[0], columns, values, equal=inclusive), spelled)


def _spelled_out(keys: Sequence[_Key], inclusive: bool) -> ColumnElement[bool]:
    after = _ending(keys[-1], inclusive) if keys else None
    for key in reversed(keys[:-1]):
        later = [] if (strictly := _strictly(key)) is None else [strictly]
        alike = [] if after is None else [and_(_same(key), after)]
        after = or_(*later, *alike) if later or alike else None
    if after is None:
        return true() if inclusive and not keys else false()
    if len(keys) == 1 or not keys[0].plain:
        return after
    # Where the page begins, said so that every database finds it in an index.
    return and_(_compare(keys[0], keys[0].column, keys[0].value, equal=True), after)


def _ending(last: _Key, inclusive: bool) -> ColumnElement[bool] | None:
    """What the last key decides. It is of the primary key, or of groups, and those may be NULL."""
    if last.plain:
        return _compare(last, last.column, last.value, equal=inclusive)
    strictly = _strictly(last)
    if not inclusive:
        return strictly
    return _same(last) if strictly is None else or_(strictly, _same(last))


def _strictly(key: _Key) -> ColumnElement[bool] | None:
    """Whether a row's key comes after this one; None where none does."""
    if key.value is None:
        return _is_part(key.column, "values") if key.nulls_first else None
    after = _compare(key, key.column, key.value, equal=False)
    comes_later = key.nullable and not key.nulls_first
    return or_(after, _is_part(key.column, "nulls")) if comes_later else after


def _same(key: _Key) -> ColumnElement[bool]:
    if key.value is None:
        return _is_part(key.column, "nulls")
    result: ColumnElement[bool] = key.column == key.value
    return result


def _compare(key: _Key, column: Any, value: Any, *, equal: bool) -> ColumnElement[bool]:
    result: ColumnElement[bool]
    if key.descending:
        result = column <= value if equal else column < value
    else:
        result = column >= value if equal else column > value
    return result
