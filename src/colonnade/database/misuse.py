"""What a unit of work says to whoever uses it before it is opened, or hands it out unopened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from colonnade.errors import UsageError
from colonnade.mapping import with_article

__all__ = ["NO_DEPENDENCY", "Unopened", "check_session"]

_OPEN: Final = "open it: async with db.session() as session, or db.reader() to read"


class _NotOpened(UsageError, AttributeError):
    """An attribute of a session was asked of what has yet to be opened."""


class Unopened:
    """What opens a session in an ``async with`` block, and is none itself."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker knows better: there is no such attribute

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and hasattr(self._kind, name):
                raise _NotOpened(f"{name!r} was asked of a session that is not open", hint=_OPEN)
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
            )

        def __await__(self) -> NoReturn:
            raise UsageError("a session is not awaited, it is opened by a block", hint=_OPEN)

        def __enter__(self) -> NoReturn:
            raise UsageError("a session is opened by async with, not by with", hint=_OPEN)

        def __exit__(self, *_: object) -> None:
            """Python looks for it before it enters."""


class _NoDependency:
    """Refuse ``Depends(db.session)``: FastAPI asks for the schema of what it takes for parameters.

    It would call the method and hand out a session that nobody opens, commits or closes.
    """

    def __get_pydantic_core_schema__(self, *_: object) -> NoReturn:
        raise UsageError(
            "Depends(db.session) would hand out a session that is not open",
            hint="from colonnade.fastapi take provide(HeroService) for a service, or "
            "provide_session() and provide_session(read=True) for the session itself",
        )


#: Annotates a parameter of what opens sessions.
NO_DEPENDENCY: Final = _NoDependency()


def check_session(owner: str, session: Any, kind: type[Any]) -> None:
    """Raise ``UsageError`` if ``session`` is no open session of the class ``kind``."""
    if isinstance(session, kind):
        return
    if isinstance(session, Unopened):
        raise UsageError(f"{owner} was given a session that is not open", hint=_OPEN)
    called = type(session).__name__
    raise UsageError(
        f"{owner} takes a session of a Database, not {with_article(called)}",
        hint=f"async with db.session() as session: {owner}(session)",
    )
