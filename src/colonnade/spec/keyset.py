"""Keyset pagination: the ORDER BY of a scroll, and the condition for the rows after a position.

A page that starts at a row is ``WHERE (a, b) > (x, y) ORDER BY a, b``, but with NULLs, mixed
directions and databases whose indexes serve only some spellings. ``split_ranges`` parts a page into
ranges that an index can serve each, ``after_position`` is the condition of one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, false, or_, true, tuple_

from colonnade.errors import InvalidOperand
from colonnade.filters import And, Comparison, Every, JoinTree, Node, Not, Or, Some
from colonnade.mapping import attribute_on
from colonnade.ordering import SortKey, flip_sort_key
from colonnade.spec.keys import parameter_names
from colonnade.spec.parameters import CONDITION_VALUE, name_position
from colonnade.sql import build_exact, build_order_term, build_sortable
from colonnade.sql.comparison import RowComparison

__all__ = [
    "Keyset",
    "after_position",
    "build_order_by",
    "build_rank_column",
    "key_columns",
    "scan_order",
    "split_ranges",
]

PagePart: TypeAlias = Literal["all", "values", "nulls", "ties", "past"]
_NULLS: Final[dict[bool, tuple[PagePart, PagePart]]] = {
    True: ("nulls", "values"),
    False: ("values", "nulls"),
}


@dataclass(frozen=True, slots=True)
class Keyset:
    """The start and the direction of a page; its values are bound as ``k0``, ``k1``, ….

    ``nulls`` says which of them are NULL; without any, the page begins where the list does. With
    ``inclusive`` the row itself may be the first. ``part`` limits the page to rows with a value in
    the first key, to rows with NULL there, to rows with the same value as the position (``ties``),
    or to those beyond that value (``past``). ``bounds_nulls`` is true for a part for
    which MySQL needs a spelling of its own.
    """

    backwards: bool = False
    nulls: tuple[bool, ...] = ()
    inclusive: bool = False
    part: PagePart = "all"
    bounds_nulls: bool = False


def split_ranges(
    terms: Sequence[SortKey], keyset: Keyset, *, nulls_greatest: bool | None, ties: bool = False
) -> tuple[Keyset, ...]:
    """Return the ranges from which a page is read, one after the other until it is full.

    ``nulls_greatest`` says whether NULL is the greatest value in the database's indexes; None if it
    does not matter. ``ties`` says whether many rows share the value of the first key.
    """
    found = _split_nulls(scan_order(terms, keyset)[0], keyset, nulls_greatest)
    if nulls_greatest is False:
        # MySQL finds the start in an index also among ties, and would not if they were apart.
        return tuple(replace(item, bounds_nulls=item.part == "nulls") for item in found)
    if not ties or not keyset.nulls or keyset.nulls[0] or len(terms) == 1:
        return found
    apart = (replace(keyset, part="ties"), replace(keyset, part="past"))
    return found if terms[0].computed else (*apart, *found[1:])


def scan_order(terms: Sequence[SortKey], keyset: Keyset | None) -> tuple[SortKey, ...]:
    """Return the sort keys in the direction in which the rows are read."""
    back = keyset is not None and keyset.backwards
    return tuple(flip_sort_key(item) if back else item for item in terms)


def build_order_by(
    terms: Sequence[SortKey],
    keyset: Keyset | None,
    sources: JoinTree,
    where: Sequence[Node] = (),
) -> list[Any]:
    """Return the terms of ORDER BY; ``where`` has the searches that rows are ranked by."""
    parted = keyset is not None and keyset.part != "all"
    order: list[Any] = []
    for number, item in enumerate(scan_order(terms, keyset)):
        if (
            number == 0
            and keyset is not None
            and keyset.bounds_nulls
            and keyset.nulls[:1] != (True,)
        ):
            # MySQL does not see that the first key is the same (NULL) in all rows, and would sort
            # them.
            continue
        # In a part of the rows the first key has no NULLs or nothing else: they need no place.
        placed = item.nullable and not (parted and number == 0)
        ranks = item.rank is not None
        order.append(
            build_order_term(
                build_rank_column(item, where, sources)
                if ranks
                else build_sortable(_sort_column(item, sources)),
                descending=item.descending,
                nulls_first=item.nulls_first if placed else None,
            )
        )
    return order


def key_columns(terms: Sequence[SortKey], sources: JoinTree) -> list[Any]:
    """Return the columns with the values of the sort keys, to be read beside each row."""
    return [
        build_exact(_sort_column(item, sources)).label(name_position(number))
        for number, item in enumerate(terms)
    ]


def after_position(
    terms: Sequence[SortKey], keyset: Keyset, sources: JoinTree
) -> ColumnElement[bool] | None:
    """Return the condition for rows on the page or after it; None if it is every row."""
    order = scan_order(terms, keyset)
    first = build_sortable(_sort_column(order[0], sources))
    if not keyset.nulls:
        return None if keyset.part == "all" else _build_null_part(first, keyset.part)
    keys = [
        _make_key(item, sources, number, keyset.nulls[number]) for number, item in enumerate(order)
    ]
    null = keyset.nulls[0]
    if keyset.part == "ties":
        return and_(_build_same_key(keys[0]), _build_after(keys[1:], keyset.inclusive))
    if keyset.part == "past":
        return _compare(keys[0], keys[0].column, keys[0].value, equal=False)
    if keyset.part == "all":
        return _build_after(keys, keyset.inclusive)
    if null is not (keyset.part == "nulls"):
        # The position is in one part, and this is the other part: all of it comes after.
        return _build_null_part(first, keyset.part)
    if null:
        among = and_(_build_null_part(first, "nulls"), _build_after(keys[1:], keyset.inclusive))
        return _add_empty_range(among, keys) if keyset.bounds_nulls and keys[-1].plain else among
    return _build_after([replace(keys[0], nullable=False), *keys[1:]], keyset.inclusive)


def build_rank_column(item: SortKey, where: Iterable[Node], sources: JoinTree) -> Any:
    """Return the number that a rank term sorts by, with the value that its search binds.

    Raises ``InvalidOperand`` if no such search has to hold for every row.
    """
    for name, leaf in _held_comparisons(where, parameter_names(CONDITION_VALUE), held=True):
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


def _sort_column(item: SortKey, sources: JoinTree) -> Any:
    return attribute_on(sources.join_path(item.steps), item.column)


def _make_key(item: SortKey, sources: JoinTree, number: int, null: bool) -> _Key:
    column = _sort_column(item, sources)
    # Bound with the type as which it was read, so that no conversion rounds the value.
    value = (
        None
        if null
        else build_sortable(bindparam(name_position(number), type_=build_exact(column).type))
    )
    return _Key(build_sortable(column), value, item.descending, item.nulls_first, item.nullable)


def _build_null_part(column: Any, part: PagePart) -> ColumnElement[bool]:
    result: ColumnElement[bool] = column.is_(None) if part == "nulls" else column.is_not(None)
    return result


def _build_after(keys: Sequence[_Key], inclusive: bool) -> ColumnElement[bool]:
    """Return the condition that a row comes after these keys, or has them if ``inclusive``."""
    if not keys:
        return true() if inclusive else false()
    spelled = _build_nested_or(keys, inclusive)
    # A row value compares all of its keys in one direction, and is NULL if one of them is.
    alike = all(key.plain and key.descending is keys[0].descending for key in keys)
    if not alike or len(keys) == 1:
        return spelled
    columns = tuple_(*(key.column for key in keys))
    values = tuple_(*(key.value for key in keys))
    return RowComparison(_compare(keys[0], columns, values, equal=inclusive), spelled)


def _build_nested_or(keys: Sequence[_Key], inclusive: bool) -> ColumnElement[bool]:
    """Return ``a > x OR (a = x AND (b > y OR …))``, without a row value."""
    after = _build_last_key(keys[-1], inclusive) if keys else None
    for key in reversed(keys[:-1]):
        later = [] if (strictly := _build_strictly_after(key)) is None else [strictly]
        alike = [] if after is None else [and_(_build_same_key(key), after)]
        after = or_(*later, *alike) if later or alike else None
    if after is None:
        return true() if inclusive and not keys else false()
    if len(keys) == 1 or not keys[0].plain:
        return after
    # Redundant, but from this every database finds the start of the page in an index.
    return and_(_compare(keys[0], keys[0].column, keys[0].value, equal=True), after)


def _build_last_key(last: _Key, inclusive: bool) -> ColumnElement[bool] | None:
    """Return the condition on the last key, or None if no row can meet it.

    The last key is of the primary key, or of groups, whose keys may be NULL.
    """
    if last.plain:
        return _compare(last, last.column, last.value, equal=inclusive)
    strictly = _build_strictly_after(last)
    if not inclusive:
        return strictly
    return _build_same_key(last) if strictly is None else or_(strictly, _build_same_key(last))


def _build_strictly_after(key: _Key) -> ColumnElement[bool] | None:
    """Return the condition that a row's key comes after this one; None where none does."""
    if key.value is None:
        # After NULL comes every value if NULLs are first, and nothing if they are last.
        return _build_null_part(key.column, "values") if key.nulls_first else None
    after = _compare(key, key.column, key.value, equal=False)
    comes_later = key.nullable and not key.nulls_first
    return or_(after, _build_null_part(key.column, "nulls")) if comes_later else after


def _build_same_key(key: _Key) -> ColumnElement[bool]:
    if key.value is None:
        return _build_null_part(key.column, "nulls")
    result: ColumnElement[bool] = key.column == key.value
    return result


def _compare(key: _Key, column: Any, value: Any, *, equal: bool) -> ColumnElement[bool]:
    result: ColumnElement[bool]
    if key.descending:
        result = column <= value if equal else column < value
    else:
        result = column >= value if equal else column > value
    return result


def _held_comparisons(
    nodes: Iterable[Node], slot: Iterator[str], *, held: bool
) -> Iterator[tuple[str, Comparison]]:
    """Yield the comparisons that hold for every row with the names of their bind parameters.

    The order is that of ``compile_node``, which numbers the parameters as it meets them.
    """
    for node in nodes:
        match node:
            case Comparison():
                if node.binds:
                    name = next(slot)
                    if held:
                        yield name, node
            case And(inner):
                yield from _held_comparisons(inner, slot, held=held)
            case Or(inner):
                yield from _held_comparisons(inner, slot, held=False)
            case Not(inner) | Some(_, inner) | Every(_, inner):
                yield from _held_comparisons((inner,), slot, held=False)
            case _:  # an SQL expression of the caller's has its own bind parameters
                pass


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of the order in the page's direction: a column and the value to compare with."""

    column: Any
    value: Any  # a bind parameter, or None where NULL is meant
    descending: bool
    nulls_first: bool
    nullable: bool

    @property
    def plain(self) -> bool:
        """True if both sides are never NULL."""
        return self.value is not None and not self.nullable


def _split_nulls(first: SortKey, keyset: Keyset, nulls_greatest: bool | None) -> tuple[Keyset, ...]:
    """Return one range, or one for the values and one for the NULLs of the first key."""
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


def _add_empty_range(among: ColumnElement[bool], keys: Sequence[_Key]) -> ColumnElement[bool]:
    """Return the condition with an alternative that holds for no row.

    It keeps MySQL from reading all the NULLs.
    """
    last = keys[-1]
    none = and_(
        _build_null_part(keys[0].column, "values"),
        last.column < last.value,
        last.column > last.value,
    )
    return or_(among, none)
