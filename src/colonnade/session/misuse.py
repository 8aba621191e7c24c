"""Raise helpful errors where a session is used before it is opened, or handed out unopened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from colonnade.errors import UsageError
from colonnade.mapping import with_article

__all__ = ["NOT_A_DEPENDENCY", "UnopenedSession", "check_session"]

_HOW_TO_OPEN: Final = "open it: async with db.session() as session, or db.reader() to read"


class _NotOpened(UsageError, AttributeError):
    """An attribute of a session was read from a block that is not entered yet."""


class UnopenedSession:
    """Base of ``Transaction``, which opens a session by ``async with`` and is not a session itself.

    Reading a session's attribute from it raises ``UsageError`` with the right form as a hint.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker knows better: there is no such attribute

        def __getattr__(self, name: str) -> Any:
            if not name.startswith("_") and hasattr(self._kind, name):
                raise _NotOpened(
                    f"{name!r} was asked of a session that is not open", hint=_HOW_TO_OPEN
                )
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self
            )

        def __await__(self) -> NoReturn:
            raise UsageError("a session is not awaited, it is opened by a block", hint=_HOW_TO_OPEN)

        def __enter__(self) -> NoReturn:
            raise UsageError("a session is opened by async with, not by with", hint=_HOW_TO_OPEN)

        def __exit__(self, *_: object) -> None:
            """Be there for Python, which looks for it before it calls ``__enter__``."""


class _NotADependency:
    """An annotation that makes ``Depends(db.session)`` fail when the route is declared.

    FastAPI would call the method and hand out a session that nobody opens, commits or closes. It
    takes the method's parameters for those of a request, and asks Pydantic for their schema.
    """

    def __get_pydantic_core_schema__(self, *_: object) -> NoReturn:
        raise UsageError(
            "Depends(db.session) would hand out a session that is not open",
            hint="from colonnade.fastapi take provide(HeroService) for a service, or "
            "provide_session() and provide_session(read=True) for the session itself",
        )


#: Annotates a parameter of the methods that open sessions.
NOT_A_DEPENDENCY: Final = _NotADependency()


def check_session(owner: str, session: Any, kind: type[Any]) -> None:
    """Raise ``UsageError`` if ``session`` is not an open session of the class ``kind``."""
    if isinstance(session, kind):
        return
    if isinstance(session, UnopenedSession):
        raise UsageError(f"{owner} was given a session that is not open", hint=_HOW_TO_OPEN)
    called = type(session).__name__
    raise UsageError(
        f"{owner} takes a session of a Database, not {with_article(called)}",
        hint=f"async with db.session() as session: {owner}(session)",
    )
