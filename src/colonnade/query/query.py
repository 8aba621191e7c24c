"""``Query``, the query for a model's objects, with the bulk ``update_all`` and ``delete_all``.

It adds to ``BaseQuery`` what only objects have: relations to load, row locks, ``into`` a schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import Select, inspect

from colonnade import reading, writing
from colonnade.errors import InvalidOperand, ReadOnlySession, Unfiltered, UsageError
from colonnade.filters import matches_every_row
from colonnade.mapping import Relation, with_article
from colonnade.mapping.paths import relation_path
from colonnade.ordering import SortKey, sort_key_of
from colonnade.query.keys import filter_by_key
from colonnade.query.projection import Projection
from colonnade.query.service_scopes import check_row
from colonnade.query.streaming import BatchSource
from colonnade.query.verbs import MAX_PAGE, BaseQuery
from colonnade.schemas import Rows
from colonnade.session import Reader, Session
from colonnade.spec import Lock, Spec, project_spec, select_entities

__all__ = ["Query", "check_bulk_write", "resolve_load_paths", "split_paths", "with_key"]

M = TypeVar("M")
S = TypeVar("S", bound=BaseModel)


class Query(BaseQuery[M]):
    """A query for objects of the model. No statement runs until a verb is awaited."""

    __slots__ = ("_fixed_values",)

    def __init__(
        self,
        session: Session,
        spec: Spec,
        max_page: int = MAX_PAGE,
        own: Mapping[str, tuple[str, Any]] = MappingProxyType({}),
    ) -> None:
        super().__init__(session, spec, max_page)
        #: The values that the service's scopes fix, by attribute: (scope's name, value).
        self._fixed_values = own

    def _replace_spec(self, spec: Spec) -> Self:
        return type(self)(self._session, spec, self._max_page, self._fixed_values)

    async def _fetch(self, spec: Spec) -> list[M]:
        return await reading.read_entities(self._session, spec)

    async def _fetch_with_keys(self, spec: Spec) -> tuple[list[M], list[tuple[Any, ...]]]:
        return await reading.read_entities_with_keys(self._session, spec)

    def _open_cursor(self, size: int) -> BatchSource[M] | None:
        return reading.open_entity_cursor(self._session, self._spec, size)

    async def explain(self, *, analyze: bool = False) -> str:
        """Return the database's own plan as text, and the index that is missing.

        Only the plan is read; with ``analyze`` the SELECT runs too, and the plan shows how long it
        took. SQLite has no such plan, and a ``UsageError`` says so. Runs one statement.
        """
        return await reading.explain_entities(self._session, self._spec, analyze)

    def load(self, /, *paths: Any, **collections: Rows) -> Self:
        """Return the query with these relations loaded: ``"missions.place"``, or mapped attributes.

        A single object is joined. A collection takes one more statement, and so does an object that
        no unique key keeps from being one of several: the first is read. A collection may have an
        order: ``load(missions=Rows("-year"))``, but neither limit nor filter. The session takes a
        loaded collection for the whole one, so that ``UsageError`` says where a part can be read.
        """
        shape = self._spec.shape
        given = [(relation_path(shape.model, name), rows) for name, rows in collections.items()]
        ordered = {path: _collection_order(shape.model, path, rows) for path, rows in given}
        # SQLAlchemy's options load no path that leads through a collection with an order of its
        # own, so that the way to it is loaded as a path of its own.
        paths = (
            *resolve_load_paths(shape.model, paths),
            *ordered,
            *(path[:-1] for path in ordered),
        )
        load = tuple(dict.fromkeys((*shape.load, *filter(None, paths))))
        loaded = shape.loading(load, ordered)
        return self._replace_spec(self._spec._replace(shape=loaded))

    def lock(self, *, skip_locked: bool = False, nowait: bool = False) -> Self:
        """Return the query with its rows locked until the unit of work ends: SELECT … FOR UPDATE.

        It waits for rows that another unit has locked, for ``lock_timeout`` at most; with
        ``skip_locked`` they are left out, with ``nowait`` they raise ``LockTimeout`` at once. Only
        the model's own rows are locked; MariaDB also locks the rows joined to them. On SQLite a
        unit of work is the only writer anyway, and nothing is locked or left out. Raises
        ``ReadOnlySession`` in a reader.
        """
        if isinstance(self._session, Reader):
            raise ReadOnlySession(
                "a reader has no lock(): between its statements it holds nothing",
                hint="open a unit of work: async with db.session()",
            )
        if skip_locked and nowait:
            raise UsageError("lock() takes skip_locked or nowait, not both")
        shape = self._spec.shape._replace(lock=Lock(skip_locked, nowait))
        return self._replace_spec(self._spec._replace(shape=shape))

    def into(
        self, schema: type[S], /, *, depth: int | None = None, **collections: Rows
    ) -> Projection[S]:
        """Return the same query for objects of ``schema``; only what the schema names is read.

        ``depth`` is how many levels of a schema that is nested in itself are read. A collection may
        have terms: ``into(HeroRead, missions=Rows("-year", limit=3))``. A schema with an aggregate
        of rows asks for groups of them. Raises ``InvalidSchema`` when the model cannot fill it.
        """
        if self._spec.shape.lock is not None:
            raise UsageError(
                "lock() is for objects, which can be changed; a schema's cannot",
                hint="leave out lock(), or into()",
            )
        spec = self._spec
        # Relations to load are those of objects: a schema names its own.
        if spec.shape.load or spec.shape.sorted:
            spec = spec._replace(shape=spec.shape._replace(load=(), sorted=()))
        spec, plan = project_spec(spec, schema, depth)
        terms = reading.terms_of(plan, collections)
        return Projection(self._session, spec, schema, plan, terms, self._max_page)

    async def update_all(
        self, changes: Mapping[str, Any] | BaseModel, *, everything: bool = False
    ) -> int:
        """Set these columns in every row of the query; return how many rows there were.

        ``changes`` is a mapping, or a schema's object of which the fields that were set count; a
        value may be an SQL expression on the model's own columns. Runs one UPDATE, which also
        increments the version and sets what changes with every write; the model's objects in the
        session are read again. Validators and listeners of the model do not run, since no object is
        made; ``update`` runs them.

        Raises ``Unfiltered`` without a filter, unless ``everything`` is true, ``InvalidChanges``
        before any statement, ``OutOfScope`` for a value that would take the rows out of the
        service's own scopes, or the error of a write that the database refuses.
        """
        check_bulk_write(self._spec, "update_all", everything)
        values = writing.parse_bulk_update(self._spec.shape.model, changes)
        check_row(self._spec.shape.model, self._fixed_values, values)
        return await writing.update_all(self._session, self._spec, values)

    async def delete_all(self, *, everything: bool = False) -> int:
        """Delete every row of the query; return how many rows there were.

        Runs one DELETE. Where a relation of the model cascades through the ORM, or empties the
        foreign keys of its children, 1,000 rows at a time are read with those children and deleted.

        Raises ``Unfiltered`` without a filter, unless ``everything`` is true, or the error of a
        write that the database refuses.
        """
        check_bulk_write(self._spec, "delete_all", everything)
        return await writing.delete_all(self._session, self._spec)

    def statement(self) -> Select[Any]:
        """Return SQLAlchemy's SELECT with its values bound, to look at or to build on."""
        statement: Select[Any] = select_entities(self._spec).params(self._spec.parameters)
        return statement


def check_bulk_write(spec: Spec, verb: str, everything: bool) -> None:
    """Raise ``Unfiltered`` or ``UsageError`` unless ``verb`` may write the rows of ``spec``.

    A bulk write ignores a limit, an order, a lock and relations to load, so that they are refused.
    """
    shape = spec.shape
    name = shape.model.__name__
    given = {
        "limit() or offset()": spec.is_cut,
        "order_by()": bool(shape.order),
        "load()": bool(shape.load),
        "lock()": shape.lock is not None,
    }
    for method, there in given.items():
        if there:
            raise UsageError(
                f"{verb}() meets every {name} that answers: {method} has no meaning for it",
                hint="to write the first few, read their keys, then ask for those: id__in=keys",
                model=name,
            )
    if not everything and matches_every_row(shape.where, spec.values):
        raise Unfiltered(
            f"{verb}() without a filter would meet every {name}",
            hint=f"add where(...), or say that it is meant: {verb}(…, everything=True)"
            if verb == "update_all"
            else f"add where(...), or say that it is meant: {verb}(everything=True)",
            model=name,
        )


def resolve_load_paths(model: type[Any], paths: Any) -> tuple[tuple[Relation, ...], ...]:
    """Return the relations that names such as ``"missions.place"`` or mapped attributes name."""
    found = tuple(relation_path(model, _path_name(path)) for path in split_paths(paths))
    for path in found:
        _check_loadable(model, path)
    return found


def with_key(query: Query[M], values: tuple[Any, ...]) -> Query[M]:
    """Return the query for one of its rows: the one whose key has these values, from ``key_of``."""
    return query._replace_spec(filter_by_key(query._spec, values))


def split_paths(given: Any) -> tuple[Any, ...]:
    """Return the paths that ``load`` is given as a tuple, also where one path stands alone."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return (given,)
    return tuple(given)


def _check_loadable(model: type[Any], path: tuple[Relation, ...]) -> None:
    """Raise ``InvalidOperand`` for a relation that holds a query in place of its objects."""
    owner = model
    for step in path:
        lazy = inspect(owner).relationships[step.name].lazy
        if lazy in ("dynamic", "write_only"):
            raise InvalidOperand(
                f"{step.name} cannot be loaded: its relation is lazy={lazy!r}",
                hint=f"read it into a schema, or ask for {step.target.__name__} itself",
                model=model.__name__,
                fields=(step.name,),
            )
        owner = step.target


def _collection_order(
    model: type[Any], path: tuple[Relation, ...], rows: Rows
) -> tuple[SortKey, ...]:
    """Return the sort keys for a collection that is loaded; refuse what ``load`` cannot honour."""
    name = ".".join(step.name for step in path)
    if not isinstance(rows, Rows):
        raise InvalidOperand(
            f"{name} takes Rows, not {type(rows).__name__}", hint=f"{name}=Rows(order_by='-id')"
        )
    if not path[-1].many:
        raise InvalidOperand(f"{name} is one object, which has no order", model=model.__name__)
    if rows.limit is not None or rows.where is not None:
        raise UsageError(
            f"{name}: objects take an order only; a part of a collection would lie to the session, "
            "which takes it for the whole",
            hint="read a part into a schema: into(Schema, …=Rows(…)), or ask for the children",
            model=model.__name__,
            fields=(name,),
        )
    return tuple(sort_key_of(path[-1].target, name) for name in rows.order_by)


def _path_name(path: Any) -> str:
    """Return the name of a path that is a string or a mapped attribute."""
    name = path if isinstance(path, str) else getattr(path, "key", None)
    if not isinstance(name, str):
        raise InvalidOperand(
            "a relation is named by a string or a mapped attribute, "
            f"not {with_article(type(path).__name__)}",
            hint='each is an argument of its own: load("team", "missions.place")',
        )
    return name
