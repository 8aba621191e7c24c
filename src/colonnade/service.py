"""Read and write the rows of one model through one session: ``ServiceBase``, to be subclassed.

::

    class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
        async def by_name(self, name: str) -> Hero:
            return await self.where(name=name).one()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    Never,
    cast,
    get_args,
    get_origin,
    overload,
)

from pydantic import BaseModel
from typing_extensions import TypeVar

from colonnade import reading, writing
from colonnade.errors import (
    InvalidMapping,
    InvalidOperand,
    NotFound,
    StaleVersion,
    UsageError,
)
from colonnade.filters import Condition
from colonnade.mapping import check_mapped, mapping_of, with_article
from colonnade.query import (
    MAX_PAGE,
    Projection,
    Query,
    Queryable,
    WriteAnswer,
    check_row,
    fixed_values,
    missing_row_error,
    parse_key,
    parse_possible_key,
    resolve_load_paths,
    scope_conditions,
    scope_criteria,
    spec_of_key,
    split_paths,
    with_key,
)
from colonnade.schemas import Rows
from colonnade.scope import Scope, register_scopes, scope_values_of
from colonnade.session import Session, check_session
from colonnade.spec import is_found_by_value, spec_of_all_rows

__all__ = ["ServiceBase"]

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=BaseModel, default=Never)
U = TypeVar("U", bound=BaseModel, default=Never)
S = TypeVar("S", bound=BaseModel)

# A write with ``into`` returns ``S | Any``. For its callers that is S, and a subclass may still
# override the method in the plain form, which a return type of S alone would forbid:
# ``async def create(self, payload: HeroCreate | Mapping[str, Any], **options: Any) -> Hero``.


class ServiceBase(Queryable[M], Generic[M, C, U]):
    """The rows of one model, read and written through one session, which it never commits.

    Subclass it with the model, the schema that creates and the schema that updates it:
    ``ServiceBase[Hero, HeroCreate, HeroUpdate]``. Without the last it does not update, and
    ``ServiceBase[Hero]`` does not create either: a ``UsageError`` says which schema is missing.
    """

    model: ClassVar[type[Any]]
    create_schema: ClassVar[type[Any]]
    update_schema: ClassVar[type[Any]]
    #: The most items of a page.
    max_page_size: ClassVar[int] = MAX_PAGE
    #: The service's own scopes, beside its model's. They hold for the rows that the service itself
    #: reads and writes, and not where the model occurs elsewhere.
    scopes: ClassVar[tuple[Scope, ...]] = ()
    # The model and the two schemas; type variables stand for those that a subclass has yet to name.
    _serves: ClassVar[tuple[Any, ...]] = ()
    #: The model that was checked to be mapped, so that it is checked once and not in each request.
    _seen: ClassVar[Any] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, ServiceBase):
                variables: tuple[Any, ...] = getattr(origin, "__parameters__", ())
                given = dict(zip(variables, get_args(base), strict=True))
                cls._serves = tuple(given.get(item, item) for item in origin._serves or variables)
                if not any(isinstance(item, TypeVar) for item in cls._serves):
                    cls._declare(*cls._serves)
        register_scopes(cls.scopes, getattr(cls, "model", None))

    def __init__(self, session: Session) -> None:
        if not hasattr(type(self), "model"):
            raise InvalidMapping(
                f"{type(self).__name__} does not say which model it serves",
                hint=f"class {type(self).__name__}(ServiceBase[Hero, HeroCreate, HeroUpdate])",
            )
        if self._seen is not self.model:
            check_mapped(self.model)
            type(self)._seen = self.model
        check_session(type(self).__name__, session, Session)
        self.session = session

    @classmethod
    def _declare(cls, model: Any, create: Any, update: Any) -> None:
        # A plain class may be mapped later, by a registry or by reflection, and is checked at its
        # first use. SQLModel maps a class when it is declared, so that can be checked now.
        own = isinstance(model, type) and model.__module__ != "builtins"
        if not own or issubclass(model, BaseModel):
            check_mapped(model)
        cls.model = model
        for name, schema in (("create_schema", create), ("update_schema", update)):
            if schema is not Never:
                setattr(cls, name, schema)

    @classmethod
    def schema_for(cls, verb: Literal["create", "update"]) -> type[Any]:
        """Return the schema that creates or updates a row. Raises ``UsageError`` without one."""
        schema: type[Any] | None = getattr(cls, f"{verb}_schema", None)
        if schema is None:
            names = ("Create",) if verb == "create" else ("Create", "Update")
            model = cls.model.__name__
            listed = ", ".join((model, *(model + name for name in names)))
            raise UsageError(
                f"{cls.__name__} has no schema to {verb} {with_article(model)} with",
                hint=f"name it: class {cls.__name__}(ServiceBase[{listed}])",
                model=model,
            )
        return schema

    def where(self, /, *conditions: Condition, **lookups: Any) -> Query[M]:
        """Return a query for the rows that match all conditions; without any, for every row."""
        bindings = self.session.scope
        own = fixed_values(self.model, self.scopes, bindings) if self.scopes else {}
        query: Query[M] = Query(self.session, spec_of_all_rows(self.model), self.max_page_size, own)
        if self.scopes:
            query = query.where(*scope_conditions(self.model, self.scopes, bindings))
        return query.where(*conditions, **lookups) if conditions or lookups else query

    def into(
        self, schema: type[S], /, *, depth: int | None = None, **collections: Rows
    ) -> Projection[S]:
        """Return a query for every row that fills ``schema``; see ``Query.into``."""
        return self.where().into(schema, depth=depth, **collections)

    async def get(self, key: Any, *, load: Sequence[Any] = ()) -> M:
        """Return the object with this primary key: a scalar, or a tuple for a composite key.

        At most one statement, one more for each collection loaded. Raises ``NotFound``.
        """
        found = await self.get_or_none(key, load=load)
        if found is None:
            parse_key(self.model, key)  # raises ``InvalidOperand`` for a value that can be no key
            raise missing_row_error(self.model, (key,))
        return found

    async def get_or_none(self, key: Any, *, load: Sequence[Any] = ()) -> M | None:
        """Return the object with this primary key, or None if there is none.

        A key that is None, or has a None in it, belongs to no row. At most one statement, one more
        for each collection loaded.
        """
        if key is None or (isinstance(key, tuple) and None in key):
            return None
        values = parse_possible_key(self.model, key)
        if values is None:
            return None
        paths = split_paths(load)
        # ``session.get`` looks among the objects of the session by Python's equality, which may
        # differ from the database's; and it knows neither paths nor the service's own scopes.
        if paths or self.scopes or not is_found_by_value(self.model, values):
            return await self._query_by_key(values).load(*paths).one_or_none()
        identity = values[0] if len(values) == 1 else values
        return cast("M | None", await self.session.get(self.model, identity))

    async def get_many(self, keys: Iterable[Any], *, load: Sequence[Any] = ()) -> list[M]:
        """Return the objects with these keys, in the order of the keys.

        One statement for each 10,000 keys. For types where the database takes keys for equal that
        Python does not (CITEXT, CHAR(n), collations, types of your own), one more for each 128 keys
        that are stored in another spelling. Raises ``NotFound``, which lists the missing keys.
        """
        if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
            raise InvalidOperand(
                f"get_many takes a collection of keys, not {type(keys).__name__}",
                hint="hand in a list, tuple or set",
            )
        asked = list(keys)
        wanted = [parse_possible_key(self.model, key) for key in asked]
        shape = spec_of_all_rows(self.model).shape.loading(resolve_load_paths(self.model, load))
        unique = [values for values in dict.fromkeys(wanted) if values is not None]
        criteria = scope_criteria(self.model, self.scopes, self.session.scope)
        found = await reading.read_by_keys(self.session, shape, unique, criteria)
        lost = [
            key if values is None else values[0] if len(values) == 1 else values
            for key, values in zip(asked, wanted, strict=True)
            if values is None or values not in found
        ]
        if lost:
            raise missing_row_error(self.model, tuple(dict.fromkeys(lost)))
        return [found[values] for values in wanted if values is not None]

    @overload
    async def create(self, payload: C | Mapping[str, Any]) -> M: ...
    @overload
    async def create(
        self,
        payload: C | Mapping[str, Any],
        *,
        into: type[S],
        given: Mapping[str, Any] | None = None,
    ) -> S | Any: ...
    async def create(
        self,
        payload: C | Mapping[str, Any],
        *,
        into: type[BaseModel] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        """Insert a row, and return its object with every column filled; or the schema ``into``.

        If the schema needs more than the row's own columns, that is read: one statement, one more
        for each collection. The values for its ``Given`` are in ``given``, or in the session's
        scope. Raises ``InvalidChanges`` or ``InvalidSchema`` before any statement, or the error for
        what the database refuses.
        """
        (created,) = await self._create_rows([payload], into, given)
        return created

    @overload
    async def create_many(
        self, payloads: Iterable[C | Mapping[str, Any]], *, returning: Literal[True] = True
    ) -> list[M]: ...
    @overload
    async def create_many(
        self,
        payloads: Iterable[C | Mapping[str, Any]],
        *,
        into: type[S],
        given: Mapping[str, Any] | None = None,
        returning: Literal[True] = True,
    ) -> list[S] | Any: ...
    @overload
    async def create_many(
        self, payloads: Iterable[C | Mapping[str, Any]], *, returning: Literal[False]
    ) -> int | Any: ...
    async def create_many(
        self,
        payloads: Iterable[C | Mapping[str, Any]],
        *,
        into: type[BaseModel] | None = None,
        given: Mapping[str, Any] | None = None,
        returning: bool = True,
    ) -> list[Any] | int:
        """Insert new rows, all or none, and return their objects in the order given.

        ``into`` and ``given`` are those of ``create``. With ``returning=False`` no object is made
        and the number of rows that were sent is returned; the checks are the same. Rows with
        values for the same columns share an INSERT for each thousand or so, and a single one with
        ``returning=False``.
        """
        if returning:
            return await self._create_rows(payloads, into, given)
        if into is not None or given:
            raise UsageError(
                "create_many(returning=False) has nothing to fill a schema from",
                hint="leave out into= and given=, or returning=False",
            )
        rows = self._build_rows(payloads)
        await writing.insert_unseen(self.session, self.model, rows)
        return len(rows)

    @overload
    async def update(
        self, key: Any, payload: U | Mapping[str, Any], *, version: int | None = None
    ) -> M: ...
    @overload
    async def update(
        self,
        key: Any,
        payload: U | Mapping[str, Any],
        *,
        into: type[S],
        given: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> S | Any: ...
    async def update(
        self,
        key: Any,
        payload: U | Mapping[str, Any],
        *,
        into: type[BaseModel] | None = None,
        given: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Any:
        """Change the fields of a row that the payload sets, and no others; return its object.

        With ``version`` the row must still have that version, or ``StaleVersion`` is raised.
        Without it, if the session holds the row, the row must have the version that was read. An
        empty payload changes nothing. ``into`` and ``given`` are those of ``create``. Raises
        ``NotFound`` or ``InvalidChanges``.
        """
        answer = WriteAnswer.of(self.session, self.model, into, given)
        values = parse_key(self.model, key)
        changes = writing.parse_update(self.model, self.schema_for("update"), payload)
        if version is not None and mapping_of(self.model).version is None:
            raise UsageError(
                f"{self.model.__name__} has no version", hint="give it the mixin Versioned"
            )
        check_row(self.model, fixed_values(self.model, self.scopes, self.session.scope), changes)
        if not changes and version is None:
            if into is None:
                return await self.get(key)
            return await self.into(into).given(**(given or {})).get(key)
        await self._check_own_scopes(values)
        expected = await self._held_version(values) if version is None else version
        updated = await writing.update(self.session, self.model, values, changes, expected)
        if updated is None:
            raise await self._missing_or_stale(key, expected)
        (told,) = await answer.told([updated])
        return told

    async def delete(self, key: Any) -> None:
        """Delete the row with this key.

        Raises ``NotFound``, ``ForeignKeyViolation`` if other rows refer to it, and ``StaleVersion``
        if the row has a later version than the one that the session holds.
        """
        values = parse_key(self.model, key)
        await self._check_own_scopes(values)
        expected = await self._held_version(values)
        if not await writing.delete(self.session, self.model, values, expected):
            raise await self._missing_or_stale(key, expected)

    async def _create_rows(
        self,
        payloads: Iterable[C | Mapping[str, Any]],
        into: type[BaseModel] | None,
        given: Mapping[str, Any] | None,
    ) -> list[Any]:
        answer = WriteAnswer.of(self.session, self.model, into, given)
        rows = self._build_rows(payloads)
        created = await writing.insert(self.session, self.model, rows)
        return await answer.told(created)

    def _build_rows(self, payloads: Iterable[C | Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows to insert. Raise ``InvalidChanges`` or ``OutOfScope``. No statement."""
        ours = fixed_values(self.model, self.scopes, self.session.scope)
        own = scope_values_of(self.model, self.session.scope)
        own |= {name: value for name, (_, value) in ours.items()}
        rows = writing.parse_inserts(self.model, self.schema_for("create"), payloads, own)
        if ours:
            for row in rows:
                check_row(self.model, ours, row)
        return rows

    def _query_by_key(self, values: tuple[Any, ...]) -> Query[M]:
        """Return a query for the row with this key, in the service's own scopes too."""
        return with_key(self.where(), values)

    async def _check_own_scopes(self, values: tuple[Any, ...]) -> None:
        """Raise ``NotFound`` for a row that the service's own scopes hide. One statement if any."""
        if self.scopes and not await self._query_by_key(values).exists():
            raise missing_row_error(self.model, (values[0] if len(values) == 1 else values,))

    async def _held_version(self, values: tuple[Any, ...]) -> int | None:
        """Return the version of the row that the session holds, after a flush, which may raise it.

        None if the session does not hold the row, or the model has no version.
        """
        if mapping_of(self.model).version is None:
            return None
        await self.session.flush()
        return await writing.find_held_version(self.session, self.model, values)

    async def _missing_or_stale(self, key: Any, version: int | None) -> NotFound | StaleVersion:
        """Return the error for a write that changed no row. One statement if it had a version."""
        if version is None or not await reading.has_rows(
            self.session, spec_of_key(self.model, key)
        ):
            return missing_row_error(self.model, (key,))
        return StaleVersion(
            f"the {self.model.__name__} was changed since version {version}",
            hint="refresh it, or begin a new unit of work, and apply the change to what it is now",
            model=self.model.__name__,
        )
