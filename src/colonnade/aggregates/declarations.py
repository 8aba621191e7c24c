"""Declare aggregates in the fields of a schema: ``Annotated[int, Count("heroes")]``.

An aggregate is a frozen value that knows no model; ``resolve`` finds its meaning for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, Self

from colonnade.errors import InvalidSchema

__all__ = ["Aggregate", "Avg", "Count", "Exists", "Group", "Max", "Min", "Sum"]

Function = Literal["count", "exists", "sum", "avg", "min", "max"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Aggregate:
    """A figure about many rows, as a schema's field declares it.

    ``path`` names a column of the model, or one at the end of relations: ``"age"``,
    ``"team.budget"``, ``"heroes.age"``. A path over a collection makes a figure about the children
    of each row; any other one about the rows of each group.
    """

    __slots__ = ("conditions", "distinct", "lookups", "path")

    function: ClassVar[Function]

    def __init__(
        self,
        path: str | None,
        *,
        distinct: bool = False,
        conditions: tuple[Any, ...] = (),
        lookups: Mapping[str, Any] = _NOTHING,
    ) -> None:
        if path is not None and not isinstance(path, str):
            raise InvalidSchema(
                f"{type(self).__name__} takes the name of a column or relation, "
                f"not {type(path).__name__}"
            )
        self.path = path
        self.distinct = distinct
        self.conditions = conditions
        self.lookups = lookups

    def where(self, /, *conditions: Any, **lookups: Any) -> Self:
        """Return the aggregate of only those rows that meet all of these conditions.

        Takes what ``where`` of a query takes: about the children, where the path leads over a
        collection, else about the rows of the model.
        """
        made = type(self).__new__(type(self))
        Aggregate.__init__(
            made,
            self.path,
            distinct=self.distinct,
            conditions=(*self.conditions, *conditions, *([self.lookups] if self.lookups else ())),
            lookups=MappingProxyType(lookups),
        )
        return made

    def __repr__(self) -> str:
        given = [repr(self.path)] if self.path is not None else []
        given += ["distinct=True"] if self.distinct else []
        filtered = ".where(…)" if self.conditions or self.lookups else ""
        return f"{type(self).__name__}({', '.join(given)}){filtered}"


class Count(Aggregate):
    """A number: ``Count()`` of rows, ``Count("heroes")`` of children, ``Count("age")`` of values.

    A NULL is no value. With ``distinct`` equal values, or a child that several paths lead to, count
    once.
    """

    __slots__ = ()
    function = "count"

    def __init__(self, path: str | None = None, *, distinct: bool = False) -> None:
        super().__init__(path, distinct=distinct)


class Exists(Aggregate):
    """True if there is any: ``Exists("fans")``, ``Exists("fans").where(id=7)``.

    ``path`` leads over a collection. Use a ``Given`` as a value that depends on the caller.
    """

    __slots__ = ()
    function = "exists"

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Sum(Aggregate):
    """The sum of numbers. Without any it is None, or 0 where the field does not take None."""

    __slots__ = ()
    function = "sum"

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Avg(Aggregate):
    """The mean of numbers, a float on every database; None if there are none."""

    __slots__ = ()
    function = "avg"

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Min(Aggregate):
    """The least of numbers, dates, times or texts; None if there are none."""

    __slots__ = ()
    function = "min"

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Max(Aggregate):
    """The greatest of numbers, dates, times or texts; None if there are none."""

    __slots__ = ()
    function = "max"

    def __init__(self, path: str) -> None:
        super().__init__(path)


class Group:
    """A group under another name: ``team: Annotated[str | None, Group("team.name")]``.

    ``path`` names a column of the model, or one behind relations to one object; without it, the
    column is the one named like the field. A schema with a ``Group`` is grouped even if it has no
    aggregate: each combination of its fields comes once.
    """

    __slots__ = ("path",)

    def __init__(self, path: str | None = None) -> None:
        if path is not None and not isinstance(path, str):
            raise InvalidSchema(f"Group takes the name of a column, not {type(path).__name__}")
        self.path = path

    def __repr__(self) -> str:
        return "Group()" if self.path is None else f"Group({self.path!r})"
