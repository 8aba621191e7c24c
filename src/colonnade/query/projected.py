"""The base of ``Projection`` and of its JSON: a query whose result is described by a schema."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar

from pydantic import BaseModel

from colonnade import reading
from colonnade.aggregates import groups_of
from colonnade.filters import Condition
from colonnade.filters import parse_conditions as read_conditions
from colonnade.ordering import Order, SortKey
from colonnade.query.keys import group_of_key, missing_group_error
from colonnade.query.verbs import MAX_PAGE, BaseQuery
from colonnade.schemas import Plan
from colonnade.session import Session
from colonnade.spec import Spec, apply_having, figure_sort_keys

__all__ = ["SchemaQuery"]

R = TypeVar("R")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class SchemaQuery(BaseQuery[R]):
    """A query for a schema's objects; only the columns that the schema names are read."""

    __slots__ = ("_given", "_plan", "_schema", "_terms")

    def __init__(
        self,
        session: Session,
        spec: Spec,
        schema: type[BaseModel],
        plan: Plan,
        terms: reading.Terms,
        max_page: int = MAX_PAGE,
        given: Mapping[str, Any] = _NOTHING,
    ) -> None:
        super().__init__(session, spec, max_page)
        self._given = given
        self._schema = schema
        self._plan = plan
        self._terms = terms

    def _replace_spec(self, spec: Spec) -> Self:
        return type(self)(*self._init_arguments(spec, self._given))

    def _init_arguments(self, spec: Spec, given: Mapping[str, Any]) -> tuple[Any, ...]:
        fixed = self._schema, self._plan, self._terms, self._max_page
        return self._session, spec, *fixed, given

    @property
    def _bound_spec(self) -> Spec:
        """The spec with the values that the schema awaits.

        Raises ``UsageError`` for one that neither ``given`` nor the session has.
        """
        given = reading.find_given_values(self._plan, self._terms, self._given, self._session.scope)
        return self._spec._replace(given=given) if given else self._spec

    def given(self, /, **values: Any) -> Self:
        """Return the query with values for the schema's ``Given`` fields: ``given(viewer=7)``.

        They take precedence over those of the session's scope. If neither has a value, the verb
        raises ``UsageError`` before any statement. None is equal to nothing. Raises
        ``UnknownField`` for a name that the schema does not await, or ``InvalidOperand``.
        """
        reading.check_given_values(self._plan, self._terms, values)
        return type(self)(*self._init_arguments(self._spec, {**self._given, **values}))

    async def explain(self, *, analyze: bool = False) -> str:
        """Return the database's own plan as text, and the index that is missing.

        It is the plan of the first statement; for the others, see ``plan``. Only the plan is read;
        with ``analyze`` the SELECT runs too, and the plan shows how long it took. SQLite has no
        such plan, and a ``UsageError`` says so. Runs one statement.
        """
        return await reading.explain_rows(
            self._session, self._bound_spec, self._plan, self._terms, analyze
        )

    def _parse_order(self, names: tuple[Order, ...]) -> tuple[SortKey, ...]:
        if self._spec.of is not None:
            # The figures of groups are columns of the class that is mapped for the groups.
            return super()._parse_order(names)
        return figure_sort_keys(self._spec.shape.model, self._schema, names)

    def where(self, /, *conditions: Condition, **given: Any) -> Self:
        """Return the query with only the rows that meet these conditions, before they are grouped.

        Takes what ``where`` of a query takes.
        """
        rows = self._spec.of
        if rows is None:
            return super().where(*conditions, **given)
        rows = rows.where(read_conditions(rows.shape.model, conditions, given))
        return self._replace_spec(self._spec.grouped(rows))

    def having(self, /, *conditions: Condition, **given: Any) -> Self:
        """Return the query with only objects whose aggregates meet these conditions.

        An example is ``having(heroes__gte=3)``. Takes what ``where`` takes, by the schema's fields.
        Raises ``InvalidOperand`` for a schema without aggregates, and what ``where`` raises.
        """
        return self._replace_spec(apply_having(self._spec, self._schema, conditions, given))

    async def get(self, key: Any) -> R:
        """Return the object with this primary key, or the group with this value or tuple of values.

        The query's conditions must hold for it too. Raises ``NotFound`` or ``InvalidOperand``.
        """
        groups = groups_of(self._spec.shape.model)
        if groups is None:
            return await super().get(key)
        found = await self._fetch(group_of_key(self._bound_spec, groups, key))
        if not found:
            raise missing_group_error(groups, key)
        return found[0]
