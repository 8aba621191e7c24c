"""Resolve an aggregate against a model: its path, its type, and whether they fit the field.

All mistakes in an aggregate are found here, before any statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NoReturn, TypeAlias, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo
from sqlalchemy import BigInteger, Boolean, Double, String
from sqlalchemy import Enum as SQLEnum
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from colonnade.aggregates.declarations import Aggregate, Group
from colonnade.caches import memoized
from colonnade.errors import AmbiguousLookup, InvalidSchema, UnknownField
from colonnade.mapping import Attribute, Column, Expression, Relation, mapping_of, with_article
from colonnade.mapping.paths import column_path, relation_path
from colonnade.models import EnumValue, ExactDecimal
from colonnade.values import plain_type
from colonnade.values.rules import is_user_type

__all__ = [
    "ResolvedAggregate",
    "WholeNumber",
    "aggregate_key",
    "declared_aggregate",
    "declared_fields",
    "is_grouped",
    "is_text",
    "resolve_aggregate",
    "resolve_aggregates",
]

_NUMBERS: Final = (int, float, Decimal)
_SORTED: Final = (*_NUMBERS, str, date, datetime, time, timedelta)
#: For a result of this type, the other types with which the field may be annotated.
_WIDER: Final[Mapping[Any, tuple[Any, ...]]] = {int: (float, Decimal), Decimal: (float,)}
_SCALARS: Final = (*_SORTED, bool, bytes, UUID)


class WholeNumber(TypeDecorator[int]):
    """An integer, also where the database sums integers into a decimal."""

    impl = BigInteger
    cache_ok = True

    @property
    @override
    def python_type(self) -> type[Any]:
        return int

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


#: What an aggregate is of, if it is not of whole objects.
_Valued: TypeAlias = Column | Expression


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedAggregate:
    """An aggregate resolved for ``model``: the relations to follow and the column at their end.

    Without a column the objects themselves are counted. ``kind`` is the type of the result in
    Python, ``result`` that in SQL; with ``zero`` the sum of nothing is 0. Made once for a model and
    a schema, and compared by identity.
    """

    field: str
    model: type[Any]
    aggregate: Aggregate
    steps: tuple[Relation, ...]
    column: _Valued | None
    kind: Any
    result: TypeEngine[Any]
    zero: bool

    @property
    def many(self) -> bool:
        """True if it is about the children of each row, not about the rows of each group."""
        return any(step.many for step in self.steps)

    @property
    def nullable(self) -> bool:
        """True if the result may be NULL."""
        return not (self.zero or self.aggregate.function in ("count", "exists"))

    @property
    def counted(self) -> type[Any]:
        """The model that its conditions are about: that of the last collection on the path."""
        owners = [step.target for step in self.steps if step.many]
        return owners[-1] if owners else self.model


def declared_fields(schema: Any) -> Mapping[str, FieldInfo]:
    """Return the fields of a schema; none for a class that is no schema, or not complete yet."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return {}
    try:
        schema.model_rebuild()
    except PydanticUndefinedAnnotation:
        return {}
    return schema.model_fields


def declared_aggregate(schema: type[BaseModel], name: str) -> Aggregate | Group | None:
    """Return the aggregate or group that a field is annotated with, or None.

    Raises ``InvalidSchema`` for more than one, and for one inside a union.
    """
    field = declared_fields(schema)[name]
    found = [item for item in field.metadata if isinstance(item, Aggregate | Group)]
    hidden = next(_iterate_hidden(field.annotation), None)
    if len(found) > 1:
        raise InvalidSchema(f"{schema.__name__}.{name} has more than one aggregate", fields=(name,))
    if hidden is not None:
        raise InvalidSchema(
            f"{schema.__name__}.{name}: {hidden!r} stands inside a union",
            hint=f"write Annotated[… | None, {hidden!r}]",
            fields=(name,),
        )
    return found[0] if found else None


def aggregate_key(field: str, *, objects: bool) -> str:
    """Return the key of a figure in a plan; no attribute of a model is spelled like it."""
    return f"{field} (figure)" if objects else field


@memoized
def resolve_aggregate(
    model: type[Any], schema: type[BaseModel], name: str
) -> ResolvedAggregate | None:
    """Return the resolved aggregate of a field, or None. Raises ``InvalidSchema`` if it misfits."""
    given = declared_aggregate(schema, name)
    if not isinstance(given, Aggregate):
        return None
    others = (declared_aggregate(schema, other) for other in declared_fields(schema))
    grouping = not all(isinstance(other, Aggregate) for other in others)
    return _AggregateResolver(model, schema, name).measure(given, grouping)


def resolve_aggregates(model: type[Any], schema: type[BaseModel]) -> tuple[ResolvedAggregate, ...]:
    """Return the resolved aggregates of a schema. Raises ``InvalidSchema`` if one does not fit."""
    found = (resolve_aggregate(model, schema, name) for name in declared_fields(schema))
    return tuple(measure for measure in found if measure is not None)


@memoized
def is_grouped(model: type[Any], schema: type[BaseModel]) -> bool:
    """Return whether a schema's objects are groups of the model's rows, not the rows.

    Raises ``InvalidSchema`` for figures about children alone, which could be either.
    """
    if any(isinstance(declared_aggregate(schema, name), Group) for name in declared_fields(schema)):
        return True
    measures = resolve_aggregates(model, schema)
    if measures and len(measures) == len(declared_fields(schema)) and all(m.many for m in measures):
        raise InvalidSchema(
            f"{schema.__name__} has figures about children, and nothing else: "
            f"of each {model.__name__}, or of all of them?",
            hint="a field such as id makes it one object for each row, a Count() one for all",
            model=model.__name__,
        )
    return any(not measure.many for measure in measures)


class _AggregateResolver:
    """One field whose aggregate is resolved against the model."""

    def __init__(self, model: type[Any], schema: type[BaseModel], name: str) -> None:
        self.model = model
        self.schema = schema
        self.name = name
        self.annotation = declared_fields(schema)[name].annotation

    def measure(self, aggregate: Aggregate, grouping: bool) -> ResolvedAggregate:
        """Return the resolved aggregate. Raises ``InvalidSchema`` if it does not fit."""
        steps, column = self._resolve_path(aggregate)
        kind, result = self._result_types(aggregate, steps, column)
        allowed = _members(self.annotation)
        plain = [item for item in allowed if item is not NoneType]
        if not any(_annotation_accepts(item, kind) for item in plain):
            self._refuse(
                f"{aggregate!r} is {_format_type(kind)}", hint=f"annotate it as {kind.__name__}"
            )
        empty = _may_be_empty(aggregate, steps, column, grouping)
        without = NoneType not in allowed and Any not in allowed
        if aggregate.function in ("avg", "min", "max") and empty and without:
            self._refuse(
                f"{aggregate!r} is None where there is nothing",
                hint=f"annotate it as {kind.__name__} | None",
            )
        zero = aggregate.function == "sum" and without
        return ResolvedAggregate(
            self.name, self.model, aggregate, steps, column, kind, result, zero
        )

    def _resolve_path(self, aggregate: Aggregate) -> tuple[tuple[Relation, ...], _Valued | None]:
        """Return the path's relations and its column, which is None for whole objects."""
        if aggregate.path is None:
            if aggregate.distinct:
                self._refuse("rows are distinct already", hint="name what is to be counted once")
            return (), None
        if aggregate.function == "exists":
            return self._resolve_collection(aggregate), None
        if aggregate.function == "count":
            # A relation, whose objects are counted; else a column, whose values are.
            try:
                steps = relation_path(self.model, aggregate.path)
            except UnknownField:
                pass
            else:
                self._check_distinct(aggregate, steps)
                return steps, None
        try:
            path = column_path(self.model, aggregate.path)
        except (UnknownField, AmbiguousLookup) as error:
            self._refuse(f"{aggregate!r}: {error.message}", hint=error.hint)
        return path.steps, path.column

    def _resolve_collection(self, aggregate: Aggregate) -> tuple[Relation, ...]:
        """Return the relations of an ``Exists``, which lead over a collection."""
        assert aggregate.path is not None
        try:
            steps = relation_path(self.model, aggregate.path)
        except UnknownField as error:
            self._refuse(f"{aggregate!r}: {error.message}", hint=error.hint)
        if not any(step.many for step in steps):
            self._refuse(
                f"{aggregate!r}: {steps[-1].name} is one object, and Exists is about many",
                hint="Count().where(…) counts rows for which a condition holds",
            )
        return steps

    def _check_distinct(self, aggregate: Aggregate, steps: tuple[Relation, ...]) -> None:
        """Raise ``InvalidSchema`` for a distinct count of objects with a composite key."""
        if aggregate.distinct and len(mapping_of(steps[-1].target).key) > 1:
            self._refuse(
                f"{aggregate!r}: not every database counts keys of several columns once",
                hint="name one column of it",
            )

    def _result_types(
        self, aggregate: Aggregate, steps: tuple[Relation, ...], column: _Valued | None
    ) -> tuple[type[Any], TypeEngine[Any]]:
        """Return the type of the result, in Python and in SQL."""
        if aggregate.function == "count":
            return int, BigInteger()
        if aggregate.function == "exists":
            return bool, Boolean()
        assert column is not None
        kind = kind_of(self.model, steps, column)
        if aggregate.function in ("min", "max"):
            if kind not in _SORTED:
                self._refuse(f"{aggregate!r}: {_format_type(kind)} has no order on every database")
            return kind, column.type
        if kind not in _NUMBERS:
            hint = "Count().where(…) counts those that are true" if kind is bool else None
            self._refuse(f"{aggregate!r} is for numbers, and {column.name} is none", hint=hint)
        if aggregate.function == "avg":
            return float, Double()
        if kind is int:
            return int, WholeNumber()
        exact = column.type
        if isinstance(exact, ExactDecimal):
            # A sum has more digits than any one value.
            exact = ExactDecimal(18, exact.scale)
        return kind, exact

    def _refuse(self, message: str, hint: str | None = None) -> NoReturn:
        raise InvalidSchema(
            f"{self.schema.__name__}.{self.name}: {message}",
            hint=hint,
            model=self.model.__name__,
            fields=(self.name,),
        )


def kind_of(model: type[Any], steps: tuple[Relation, ...], column: Attribute) -> Any:
    """Return the Python type of a column's values; ``object`` if neither SQL nor the model says."""
    # For an expression only the SQL type counts: unwrap a type of ours, such as one around text.
    bare = isinstance(column, Expression) and not is_user_type(column.type)
    try:
        kind = (plain_type(column.type) if bare else column.type).python_type
    except NotImplementedError:
        kind = object
    owner = steps[-1].target if steps else model
    field = getattr(owner, "model_fields", {}).get(column.name)
    if kind is not object or field is None:
        return kind
    plain = [item for item in _members(field.annotation) if item is not NoneType]
    return plain[0] if len(plain) == 1 else kind


def is_text(kind: TypeEngine[Any]) -> bool:
    """Return whether a type is text, of which a collation may take two for equal.

    An enum is not, also where it is stored as text.
    """
    plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    if not isinstance(plain, String) or isinstance(plain, SQLEnum):
        return False
    return not isinstance(kind, EnumValue)


def _may_be_empty(
    aggregate: Aggregate, steps: tuple[Relation, ...], column: _Valued | None, grouping: bool
) -> bool:
    """Return whether there may be no value; a group always has a row."""
    filtered = bool(aggregate.conditions or aggregate.lookups)
    optional = any(step.many or step.optional for step in steps)
    return filtered or optional or not grouping or (column is not None and column.nullable)


def _annotation_accepts(annotation: Any, kind: type[Any]) -> bool:
    """Return whether a field of this annotation takes the type; Pydantic decides unknown ones."""
    known = isinstance(annotation, type) and (
        annotation in _SCALARS or issubclass(annotation, Enum | BaseModel)
    )
    return not known or annotation is kind or annotation in _WIDER.get(kind, ())


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation alone."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [part for item in get_args(annotation) for part in _members(item)]
    return [annotation]


def _iterate_hidden(annotation: Any) -> Iterator[Aggregate | Group]:
    """Yield aggregates deeper in an annotation, where no field sees them."""
    if get_origin(annotation) is Annotated:
        yield from (
            item for item in get_args(annotation)[1:] if isinstance(item, Aggregate | Group)
        )
    for item in get_args(annotation):
        yield from _iterate_hidden(item)


def _format_type(kind: Any) -> str:
    return with_article(getattr(kind, "__name__", str(kind)))
