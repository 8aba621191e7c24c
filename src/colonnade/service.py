"""In charge of ``ServiceBase``: what every model can be asked and told, bound to one session.

::

    class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
        async def by_name(self, name: str) -> Hero:
            return await self.where(name=name).one()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel

from colonnade import reading, writing
from colonnade.database import Session
from colonnade.errors import InvalidMapping, InvalidOperand, NotFound, StaleVersion, UsageError
from colonnade.loading import loader_options
from colonnade.mapping import mapping_of
from colonnade.query import (
    MAX_PAGE,
    Condition,
    Projection,
    Query,
    key_of,
    load_paths,
    missing,
    spec_of_key,
)
from colonnade.spec import Shape, Spec

__all__ = ["ServiceBase"]

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=BaseModel)
U = TypeVar("U", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


class ServiceBase(Generic[M, C, U]):
    """The rows of one model, read and written through one session, which it never commits.

    Subclass it with the model, the schema that creates and the schema that updates it.
    """

    model: ClassVar[type[Any]]
    create_schema: ClassVar[type[Any]]
    update_schema: ClassVar[type[Any]]
    #: Items that a page may have.
    max_page_size: ClassVar[int] = MAX_PAGE
    # The model and the two schemas, or type variables for what a subclass has yet to say.
    _serves: ClassVar[tuple[Any, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, ServiceBase):
                variables: tuple[Any, ...] = getattr(origin, "__parameters__", ())
                given = dict(zip(variables, get_args(base), strict=True))
                cls._serves = tuple(given.get(item, item) for item in origin._serves or variables)
                if not any(isinstance(item, TypeVar) for item in cls._serves):
                    cls.model, cls.create_schema, cls.update_schema = cls._serves

    def __init__(self, session: Session) -> None:
        if not hasattr(type(self), "model"):
            raise InvalidMapping(
                f"{type(self).__name__} does not say which model it serves",
                hint=f"class {type(self).__name__}(ServiceBase[Hero, HeroCreate, HeroUpdate])",
            )
        self.session = session

    def where(self, /, *conditions: Condition, **lookups: Any) -> Query[M]:
        """The rows for which all of this holds; without arguments, every row."""
        query: Query[M] = Query(self.session, Spec(Shape(self.model)), self.max_page_size)
        return query.where(*conditions, **lookups) if conditions or lookups else query

    def into(self, schema: type[S]) -> Projection[S]:
        """The rows, answered with ``schema``."""
        return self.where().into(schema)

    async def get(self, key: Any, *, load: Sequence[Any] = ()) -> M:
        """The object with this primary key: a scalar, or a tuple for a composite key.

        At most one statement, one more for each collection loaded. Raises ``NotFound``.
        """
        found = await self.get_or_none(key, load=load)
        if found is None:
            raise missing(self.model, (key,))
        return found

    async def get_or_none(self, key: Any, *, load: Sequence[Any] = ()) -> M | None:
        """The same, or None."""
        values = key_of(self.model, key)
        if load:
            names = mapping_of(self.model).key
            lookups = dict(zip(names, values, strict=True))
            return await self.where(lookups).load(*load).one_or_none()
        identity = values[0] if len(values) == 1 else values
        return cast("M | None", await self.session.get(self.model, identity))

    async def get_many(self, keys: Iterable[Any], *, load: Sequence[Any] = ()) -> list[M]:
        """The objects with these keys, in the order of the keys.

        One statement for each 10,000 of them. Raises ``NotFound``, which lists the keys that no row
        has.
        """
        if isinstance(keys, str | bytes):
            raise InvalidOperand(
                f"get_many takes a collection of keys, not {type(keys).__name__}",
                hint="hand in a list, tuple or set",
            )
        asked = list(keys)
        wanted = [key_of(self.model, key) for key in asked]
        options = loader_options(self.model, load_paths(self.model, load))
        unique = list(dict.fromkeys(wanted))
        found = await reading.by_keys(self.session, self.model, unique, options)
        names = mapping_of(self.model).key
        by_key = {tuple(getattr(item, name) for name in names): item for item in found}
        lost = tuple(key[0] if len(key) == 1 else key for key in unique if key not in by_key)
        if lost:
            raise missing(self.model, lost)
        return [by_key[values] for values in wanted]

    async def create(self, payload: C | Mapping[str, Any]) -> M:
        """A new row, flushed, with every column filled.

        Raises ``InvalidChanges`` before any statement, or what the database refuses.
        """
        (created,) = await self.create_many([payload])
        return created

    async def create_many(self, payloads: Iterable[C | Mapping[str, Any]]) -> list[M]:
        """New rows in the order given; none, if one of them may not be written."""
        rows = [writing.values_of(self.model, self.create_schema, item) for item in payloads]
        return await writing.insert(self.session, self.model, rows)

    async def update(
        self, key: Any, payload: U | Mapping[str, Any], *, version: int | None = None
    ) -> M:
        """The row with the fields that the payload sets, and no others, changed.

        With ``version`` only if the row still has it, else ``StaleVersion``. An empty payload
        changes nothing. Raises ``NotFound`` or ``InvalidChanges``.
        """
        values = key_of(self.model, key)
        changes = writing.changes_of(self.model, self.update_schema, payload)
        if version is not None and mapping_of(self.model).version is None:
            raise UsageError(
                f"{self.model.__name__} has no version", hint="give it the mixin Versioned"
            )
        if not changes and version is None:
            return await self.get(key)
        updated = await writing.update(self.session, self.model, values, changes, version)
        if updated is None:
            raise await self._why_not(key, version)
        return cast("M", updated)

    async def delete(self, key: Any) -> None:
        """The row is gone. Raises ``NotFound``, or ``ForeignKeyViolation`` while it is needed."""
        if not await writing.delete(self.session, self.model, key_of(self.model, key)):
            raise missing(self.model, (key,))

    async def _why_not(self, key: Any, version: int | None) -> NotFound | StaleVersion:
        if version is None or not await reading.exists(self.session, spec_of_key(self.model, key)):
            return missing(self.model, (key,))
        return StaleVersion(
            f"the {self.model.__name__} was changed since version {version}",
            hint="read it again and apply the change to what it is now",
            model=self.model.__name__,
        )
