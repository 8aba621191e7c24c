"""Provide services, sessions and the database to path operations, as FastAPI dependencies.

All services of a request share one unit of work, or one reader if the route has no dependency that
writes. In a route that writes, reads come from the unit too, so that a request sees what it wrote.
A request that only reads holds no transaction.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Annotated, Any, Self

from fastapi.params import Depends
from starlette.requests import HTTPConnection

from colonnade.caches import memoized
from colonnade.database import Database
from colonnade.errors import UsageError
from colonnade.fastapi.app import database_of
from colonnade.fastapi.inputs import declare_writing, route_writes
from colonnade.mapping import with_article
from colonnade.scope import Bindings
from colonnade.service import ServiceBase
from colonnade.session import Session

__all__ = ["RequestSessions", "provide", "provide_database", "provide_scope", "provide_session"]


class RequestSessions:
    """The sessions of one request: opened when they are first asked for, and ended together.

    At the end of the block the unit of work commits, or rolls back if the block raised.
    """

    __slots__ = ("_db", "_open", "_reader", "_scope", "_stack", "_unit", "_writes")

    def __init__(self, db: Database, *, writes: bool) -> None:
        self._db = db
        self._writes = writes
        self._stack = AsyncExitStack()
        self._unit: Session | None = None
        self._reader: Session | None = None
        self._open: list[Session] = []
        self._scope: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def unit(self) -> Session:
        """Return the request's unit of work; open it if that was not done yet."""
        if self._unit is None:
            session = await self._stack.enter_async_context(self._db.session(scope=self._scope))
            self._open.append(session)
            self._unit = session
        return self._unit

    async def reader(self) -> Session:
        """Return a reader; or the unit of work if the request has one, or its route writes."""
        if self._reader is not None:
            return self._reader
        if self._writes or self._unit is not None:
            return await self.unit()
        reader = await self._stack.enter_async_context(self._db.reader(scope=self._scope))
        self._open.append(reader)
        self._reader = reader
        return reader

    async def bind(self, scope: Mapping[str, Any]) -> None:
        """Bind values for scopes in every session of the request, open ones included.

        Raises ``UsageError`` if the request has another value for one of the scopes, or there is no
        such scope, and ``InvalidOperand`` for a value that does not fit the scope's column.
        """
        Bindings().binding(scope)
        for name, value in scope.items():
            if self._scope.get(name, value) != value:
                raise UsageError(
                    f"two dependencies of a request give the scope {name!r} different values"
                )
        self._scope |= scope
        for session in self._open:
            await self._stack.enter_async_context(session.scoped(**self._scope))


def provide(service: type[ServiceBase[Any, Any, Any]], *, read: bool = False) -> Depends:
    """Return a dependency for ``Annotated`` that makes a parameter a service.

    All services of a request share one unit of work. It is committed before the response is sent,
    and rolled back if the path operation raises, an ``HTTPException`` too. With ``read`` the
    service reads without a transaction; in a request that has a unit of work it reads from that,
    and so sees what was written. Raises ``UsageError`` if ``service`` is no class of services.
    """
    check_service(service, "provide")
    return _build_service_dependency(service, read)


def check_service(service: Any, taker: str) -> None:
    """Raise ``UsageError`` if ``service`` is no subclass of ``ServiceBase`` with a model.

    ``taker`` is the name of the function that was given it, for the message.
    """
    if isinstance(service, type) and issubclass(service, ServiceBase):
        if hasattr(service, "model"):
            return
        name = service.__name__
        told = f"{name} does not say which model it serves"
        hint = f"class {name}(ServiceBase[Hero, HeroCreate, HeroUpdate])"
    else:
        told = f"{taker} takes a class derived from ServiceBase, not {_name_of(service)}"
        hint = "provide_session() gives a session to what is no service"
        if isinstance(service, ServiceBase):
            hint = f"hand in the class: {type(service).__name__}"
        elif hasattr(service, "__table__"):
            name = (service if isinstance(service, type) else type(service)).__name__
            hint = f"serve the model: class {name}Service(ServiceBase[{name}, {name}Create, …])"
    raise UsageError(told, hint=hint)


def provide_session(*, read: bool = False) -> Depends:
    """Return a dependency for ``Annotated`` that makes a parameter the request's session.

    It is the session of the request's services. With ``read`` it is a reader, unless the request
    has a unit of work.
    """
    return _depend_in_function(_open_reader if read else _open_unit)


def provide_database() -> Depends:
    """Return a dependency for ``Annotated`` that makes a parameter the app's database.

    Streaming responses and background tasks need it: they run after the path operation, and open
    sessions of their own.
    """
    return _depend_in_function(_find_database)


def provide_scope(values: Callable[..., Any]) -> Depends:
    """Return a dependency that binds scopes, for ``dependencies=[…]`` of an app or a router.

    ``values`` is a dependency of yours, such as one that knows the user. It returns the values by
    the names of their scopes, and all services and sessions of the request get them. If two
    dependencies return different values for one scope, ``UsageError`` is raised.
    """

    async def bind(work: RequestSessions, scope: Mapping[str, Any]) -> None:
        await work.bind(scope)

    # Not in the signature: annotations there are texts, which FastAPI resolves without ``values``.
    bind.__annotations__["work"] = Annotated[
        RequestSessions, Depends(_open_sessions, scope="function")
    ]
    bind.__annotations__["scope"] = Annotated[Any, Depends(values)]
    return _depend_in_function(bind)


async def _find_database(connection: HTTPConnection) -> Database:
    return database_of(connection.app)


async def _open_sessions(connection: HTTPConnection) -> AsyncGenerator[RequestSessions]:
    async with RequestSessions(
        database_of(connection.app), writes=route_writes(connection)
    ) as work:
        yield work


# FastAPI calls a dependency once in a request for each pair of function and scope. The services of
# a request share its sessions because all of them depend on these same functions.
@declare_writing
async def _open_unit(
    work: Annotated[RequestSessions, Depends(_open_sessions, scope="function")],
) -> Session:
    return await work.unit()


async def _open_reader(
    work: Annotated[RequestSessions, Depends(_open_sessions, scope="function")],
) -> Session:
    return await work.reader()


@memoized
def _build_service_dependency(service: Callable[[Session], object], read: bool) -> Depends:
    """Return the dependency that makes a service; the same for each pair of arguments."""

    # It takes the session from ``Work`` and not from ``_unit``: FastAPI takes 9 µs for each
    # dependency of each request.
    async def make(work: RequestSessions) -> object:
        return service(await (work.reader() if read else work.unit()))

    make.__annotations__["work"] = Annotated[
        RequestSessions, Depends(_open_sessions, scope="function")
    ]
    if not read:
        declare_writing(make)
    return _depend_in_function(make)


def _depend_in_function(dependency: Callable[..., Any]) -> Depends:
    """Return a dependency that FastAPI ends before it sends the response, so COMMIT comes first."""
    return Depends(dependency, scope="function")


def _name_of(value: object) -> str:
    return getattr(value, "__name__", None) or with_article(type(value).__name__)
