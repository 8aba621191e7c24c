"""In charge of what a path operation can ask for: services, a session, the database.

All of it has function scope: FastAPI ends it when the path operation has returned and before the
response is sent, so that a commit that fails is what the client hears of.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Annotated, Any

from fastapi.params import Depends
from starlette.requests import HTTPConnection

from colonnade.database import Database, Session
from colonnade.errors import UsageError
from colonnade.fastapi.app import database_of
from colonnade.fastapi.declared import declare_writing, writes
from colonnade.fastapi.work import Work
from colonnade.mapping import memoized, with_article
from colonnade.service import ServiceBase

__all__ = ["provide", "provide_database", "provide_scope", "provide_session"]


def provide(service: type[ServiceBase[Any, Any, Any]], *, read: bool = False) -> Depends:
    """What makes a parameter a service, inside of ``Annotated``.

    Every service of a request shares one unit of work. It is committed before the response is
    sent, and rolled back when an exception, ``HTTPException`` too, leaves the path operation. With
    ``read`` the service reads without a transaction; in a request that has a unit of work it reads
    from that, and so sees what was written.
    """
    check_service(service, "provide")
    return _bound(service, read)


def check_service(service: Any, taker: str) -> None:
    """Raise ``UsageError`` if ``service`` is no class of services."""
    if isinstance(service, type) and issubclass(service, ServiceBase):
        if hasattr(service, "model"):
            return
        name = service.__name__
        told = f"{name} does not say which model it serves"
        hint = f"class {name}(ServiceBase[Hero, HeroCreate, HeroUpdate])"
    else:
        told = f"{taker} takes a class derived from ServiceBase, not {_name(service)}"
        hint = "provide_session() gives a session to what is no service"
        if isinstance(service, ServiceBase):
            hint = f"hand in the class: {type(service).__name__}"
        elif hasattr(service, "__table__"):
            name = (service if isinstance(service, type) else type(service)).__name__
            hint = f"serve the model: class {name}Service(ServiceBase[{name}, {name}Create, …])"
    raise UsageError(told, hint=hint)


def provide_session(*, read: bool = False) -> Depends:
    """What makes a parameter the request's session, inside of ``Annotated``.

    The services of the request share it. With ``read`` it is a reader, unless the request has a
    unit of work.
    """
    return _in_function(_reader if read else _unit)


def provide_database() -> Depends:
    """What makes a parameter the app's database, inside of ``Annotated``.

    For what outlives the path operation, as streams and background tasks do: they open sessions of
    their own.
    """
    return _in_function(_database)


def provide_scope(values: Callable[..., Any]) -> Depends:
    """What keeps the sessions of a request to scopes, in ``dependencies`` of an app or a router.

    ``values`` is a dependency of yours, such as one that knows the user, and answers with the
    values by the name of their scope. Every service and session of the request has them. Two
    dependencies that give one scope different values are a ``UsageError``.
    """

    async def bind(work: Work, scope: Mapping[str, Any]) -> None:
        await work.bind(scope)

    bind.__annotations__["work"] = Annotated[Work, Depends(_work, scope="function")]
    bind.__annotations__["scope"] = Annotated[Any, Depends(values)]
    return _in_function(bind)


async def _database(connection: HTTPConnection) -> Database:
    return database_of(connection.app)


async def _work(connection: HTTPConnection) -> AsyncGenerator[Work]:
    async with Work(database_of(connection.app), writes=writes(connection)) as work:
        yield work


# FastAPI calls a dependency once a request for each function and scope: sharing hangs on these
# being the same everywhere.
@declare_writing
async def _unit(work: Annotated[Work, Depends(_work, scope="function")]) -> Session:
    return await work.unit()


async def _reader(work: Annotated[Work, Depends(_work, scope="function")]) -> Session:
    return await work.reader()


@memoized
def _bound(service: Callable[[Session], object], read: bool) -> Depends:
    # The session is no dependency of its own here: FastAPI takes 9 µs to solve each, every time.
    async def make(work: Work) -> object:
        return service(await (work.reader() if read else work.unit()))

    make.__annotations__["work"] = Annotated[Work, Depends(_work, scope="function")]
    if not read:
        declare_writing(make)
    return _in_function(make)


def _in_function(dependency: Callable[..., Any]) -> Depends:
    return Depends(dependency, scope="function")


def _name(value: object) -> str:
    return getattr(value, "__name__", None) or with_article(type(value).__name__)
