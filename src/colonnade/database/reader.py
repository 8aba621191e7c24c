"""In charge of the reader: a session that cannot write, without a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from sqlalchemy import Connection
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session as SyncSession

from colonnade.database.session import Orm, Session
from colonnade.errors import ReadOnlySession

__all__ = ["Reader"]


class Reader(Session):
    """A session that cannot write, opened by ``Database.reader``.

    Each statement is its own: there is no BEGIN and no ROLLBACK, and no lock is held between
    statements. Reading again refreshes the objects that were read before. Every way to write is
    refused with ``ReadOnlySession``, by the database too.
    """

    sync_session_class: type[SyncSession] = Orm
    _writes: ClassVar[bool] = False

    @property
    def _at_work(self) -> bool:
        return self._unit.snapshot and super()._at_work

    async def _finish(self) -> None:
        """A reader has nothing to commit."""

    def _about_to_execute(self, state: ORMExecuteState) -> None:
        super()._about_to_execute(state)
        if state.is_insert or state.is_update or state.is_delete:
            raise _refusal("write")
        # Where nothing is held, nothing is stale; and populating anew would undo, on an object that
        # a query meets along two paths, what it has loaded along the first.
        if state.is_orm_statement and not state.is_relationship_load and self.identity_map:
            state.update_execution_options(populate_existing=True)

    def _begun(self, connection: Connection) -> None:
        # Without a transaction there is nothing that a unit's wishes could hold for.
        if self._unit.snapshot:
            super()._begun(connection)
        else:
            self._connection = connection


def _refusal(operation: str) -> ReadOnlySession:
    return ReadOnlySession(
        f"a reader has no {operation}(): it cannot write",
        hint="open a unit of work: async with db.session()",
    )


def _refusing(name: str) -> Callable[..., NoReturn]:
    def call(self: Reader, /, *args: Any, **options: Any) -> NoReturn:
        raise _refusal(name)

    call.__name__ = name
    call.__qualname__ = f"Reader.{name}"
    call.__doc__ = "Refused: a reader cannot write."
    return call


_WRITES: Final = ("add", "add_all", "commit", "delete", "delete_all", "flush", "merge", "merge_all")
for _name in _WRITES:
    setattr(Reader, _name, _refusing(_name))
