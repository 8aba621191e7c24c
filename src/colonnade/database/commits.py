"""In charge of COMMIT: sent once, finished, and judged, whoever sends it.

A session's ``commit()``, the end of a unit, ``session.begin()`` blocks, ``run_sync`` and the
connection's own ``commit()`` meet in one call of SQLAlchemy's dialect. That call is watched here,
and so are statements that end a transaction as text. What became of it is told to the session.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.util import await_only, greenlet_spawn

from colonnade.database.callbacks import Callbacks
from colonnade.database.dialect import FINISHING, GRACE, Dialect
from colonnade.database.doom import notes_of, refuse_commit
from colonnade.database.translate import Circumstances, aborted, translate
from colonnade.database.watchdog import Watchdog
from colonnade.errors import (
    ColonnadeError,
    CommitUnknown,
    ConstraintViolation,
    InvalidStatement,
    InvalidValue,
    PermissionDenied,
    Retryable,
    StaleVersion,
    TransactionAborted,
)

__all__ = ["Commits", "Outcome", "note_outcome"]

_log: Final = logging.getLogger("colonnade")

#: What a COMMIT can fail with and surely not have happened; after anything else, nobody knows.
_REFUSED: Final = (
    ConstraintViolation,
    InvalidStatement,
    InvalidValue,
    PermissionDenied,
    Retryable,
    StaleVersion,
    TransactionAborted,
)

#: Where in the notes of a connection stand the outcome of the session that uses it, and whether
#: the server had a transaction open when the last statement was over.
_OUTCOME: Final = "colonnade_outcome"
_OPEN: Final = "colonnade_open"

_COMMIT: Final = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
_ROLLBACK: Final = re.compile(r"\s*(ROLLBACK|ABORT)\b(?!.*\bTO\b)", re.IGNORECASE | re.DOTALL)

_FINISHED: Final = "COMMIT was finished although the task was cancelled: the work is stored"
_STORED: Final = "a COMMIT of this unit of work had succeeded before: what it stored stays stored"
_DOUBTFUL: Final = "a COMMIT of this unit of work was not answered before: the work may be stored"


class Outcome:
    """What became of the COMMITs of one session."""

    __slots__ = ("_callbacks", "ending", "held", "lasting", "past", "stored", "unknown")

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        #: Whether a COMMIT succeeded.
        self.stored = False
        #: Whether a COMMIT was sent and not answered.
        self.unknown = False
        #: Whether a part of the unit is stored for good, by that or by any other means.
        self.lasting = False
        #: How many of the ORM's transactions are on their way to COMMIT or RELEASE. It has steps
        #: to take after them, which a cancellation waits for.
        self.ending = 0
        #: Whether the connection's own ``commit()`` ended the transaction, past the ORM.
        self.past = False
        #: A cancellation that came during COMMIT and is to be raised when the ORM is done with it.
        self.held: asyncio.CancelledError | None = None

    def succeed(self) -> None:
        """Note that a COMMIT succeeded: its callbacks are due."""
        self.stored = self.lasting = True
        self._callbacks.owe()

    def doubt(self) -> None:
        """Note that a COMMIT was not answered: its callbacks are due if it happened after all."""
        self.unknown = True
        self._callbacks.doubt()

    def undo(self) -> None:
        """Note that everything since the last COMMIT was rolled back."""
        self._callbacks.undo(None)

    def finish(self) -> None:
        """Raise the cancellation that was held back, now that the ORM's transaction has ended."""
        self.ending = 0
        held, self.held = self.held, None
        if held is not None:
            raise held

    def annotate(self, error: BaseException) -> None:
        """Say on an error that ends the unit what is stored in spite of it."""
        known = getattr(error, "__notes__", ())
        if self.stored and not {_STORED, _FINISHED}.intersection(known):
            error.add_note(_STORED)
        if self.unknown and not isinstance(error, CommitUnknown) and _DOUBTFUL not in known:
            error.add_note(_DOUBTFUL)


def note_outcome(connection: Connection, outcome: Outcome) -> None:
    """Let ``outcome`` be told of every COMMIT that goes over ``connection``, until its check-in."""
    notes = notes_of(connection)
    notes[_OUTCOME] = outcome
    outcome.past = False
    notes.pop(_OPEN, None)


class Commits:
    """The COMMITs of one engine."""

    def __init__(self, engine: Engine, dialect: Dialect, where: Circumstances) -> None:
        self._engine = engine
        self._dialect = dialect
        self._where = where
        self._watchdog = Watchdog(dialect.abort)
        #: The errors that COMMITs failed with, which SQLAlchemy is about to hand to ``judge``.
        self._failed: dict[int, Outcome | None] = {}

    def watch(self) -> None:
        """Put this class between SQLAlchemy and the dialect's COMMIT."""
        dialect: Any = self._engine.dialect
        # There is an event for COMMIT, but none that says when it is over.
        dialect.do_commit = partial(self._commit, dialect.do_commit)

    def forget(self, record: Any) -> None:
        """Forget the session: its connection goes back into the pool."""
        notes = record.record_info or {}
        notes.pop(_OUTCOME, None)
        notes.pop(_OPEN, None)

    def _commit(self, send: Callable[[Any], None], pooled: Any) -> None:
        """Send COMMIT, see it through, and tell the session; raise what must not be called done."""
        dialect, driver = self._dialect, pooled.driver_connection
        notes: dict[Any, Any] = pooled.record_info or {}
        outcome: Outcome | None = notes.get(_OUTCOME)
        if not dialect.reading:
            refuse_commit(notes)
            if dialect.failed(driver):
                raise aborted()
            if notes.pop(_OPEN, False) and dialect.alive(driver):
                self._demand_open(driver, outcome)
        cancelled = self._send(lambda: send(pooled), pooled, outcome)
        if not dialect.reading and dialect.undone(driver):
            raise aborted()
        if outcome is not None:
            outcome.succeed()
            outcome.past = not outcome.ending
        if cancelled is None:
            return
        _log.warning(_FINISHED)
        cancelled.add_note(_FINISHED)
        if outcome is None or not outcome.ending:
            raise cancelled
        outcome.held = cancelled

    def _demand_open(self, driver: Any, outcome: Outcome | None) -> None:
        """Raise ``CommitUnknown`` if the transaction was ended by the driver's own means."""
        if self._dialect.in_transaction(driver):
            return
        if outcome is not None:
            outcome.doubt()
        raise CommitUnknown(
            "the transaction was ended past the session: the work may be stored or not",
            hint="leave COMMIT and ROLLBACK to the session; on MySQL and MariaDB, statements that "
            "define tables commit too",
        )

    def _send(
        self, send: Callable[[], None], pooled: Any, outcome: Outcome | None
    ) -> asyncio.CancelledError | None:
        """Run ``send`` to its end; the cancellation that came meanwhile, if one did."""
        dialect, driver = self._dialect, pooled.driver_connection
        patience = dialect.patience
        if patience is not None:
            self._watchdog.start(driver, patience - GRACE)
        try:
            return await_only(self._finish(send, driver, outcome))
        except BaseException as error:
            if isinstance(error, Exception):
                self._failed[id(error)] = outcome
            raise
        finally:
            self._watchdog.stop(driver)

    async def _finish(
        self, send: Callable[[], None], driver: Any, outcome: Outcome | None
    ) -> asyncio.CancelledError | None:
        """Run ``send`` in a task of its own, which a cancellation of this one does not reach."""
        task = asyncio.ensure_future(greenlet_spawn(send))
        cancelled: asyncio.CancelledError | None = None
        try:
            await asyncio.wait((task,), timeout=self._dialect.patience)
        except asyncio.CancelledError as error:
            cancelled = await _wait(task, error)
        if not task.done():
            # Its connection is beyond help; whoever waits for it has waited long enough.
            self._dialect.abort(driver)
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
        failure = _failure(task)
        if failure is None:
            return cancelled
        if cancelled is None and isinstance(failure, Exception):
            raise failure
        # At the end of its loop that task can be cancelled too.
        if cancelled is None:
            cancelled = asyncio.CancelledError()
        raise cancelled from self._verdict(failure, outcome)

    def _verdict(self, failure: BaseException, outcome: Outcome | None) -> BaseException:
        """What a COMMIT that failed while its task was cancelled means."""
        answer: BaseException | None = failure
        if isinstance(failure, Exception):
            errors = self._engine.dialect.loaded_dbapi.Error
            wrapped = exc.DBAPIError.instance(
                None, None, failure, errors, dialect=self._engine.dialect, hide_parameters=True
            )
            answer = translate(wrapped, self._where)
        verdict = _judged(answer, outcome)
        verdict.__cause__ = failure
        return verdict

    def judge(self, error: BaseException, answer: ColonnadeError | None) -> ColonnadeError | None:
        """Return what ``answer`` means if ``error`` is that of a COMMIT, else ``answer``."""
        if id(error) not in self._failed:
            return answer
        return _judged(answer, self._failed.pop(id(error)))

    def statement(
        self, connection: Connection, statement: str, autocommit: bool, call: Callable[[], None]
    ) -> None:
        """Run a statement, and tell the session if it ended the transaction or was no part of one.

        A COMMIT that is sent as text is seen through and judged as any other is.
        """
        pooled: Any = connection.connection
        notes: dict[Any, Any] = pooled.record_info or {}
        outcome: Outcome | None = notes.get(_OUTCOME)
        driver = pooled.driver_connection
        before = self._dialect.in_transaction(driver)
        if outcome is not None and (autocommit or (notes.get(_OPEN) and not before)):
            # Committed by itself, or after a COMMIT that nobody here saw.
            outcome.lasting = True
        if _COMMIT.match(statement) is None:
            call()
            after = notes[_OPEN] = self._dialect.in_transaction(driver)
            if outcome is not None and not after:
                self._tell(outcome, statement, ended=before)
            return
        cancelled = self._send(call, pooled, outcome)
        notes[_OPEN] = self._dialect.in_transaction(driver)
        if outcome is not None:
            outcome.succeed()
        if cancelled is not None:
            cancelled.add_note(_FINISHED)
            raise cancelled

    def _tell(self, outcome: Outcome, statement: str, *, ended: bool) -> None:
        """Tell the session of a statement after which no transaction is open."""
        if ended and _ROLLBACK.match(statement) is not None:
            outcome.undo()
        elif ended:
            # MySQL and MariaDB commit what came before a statement that defines a table.
            outcome.succeed()
        elif self._dialect.address.family != "mysql":
            # The transaction had been ended as text, so the statement was one by itself. On MySQL
            # and MariaDB those that touch no table begin none.
            outcome.lasting = True


async def _wait(
    task: asyncio.Future[None], cancelled: asyncio.CancelledError
) -> asyncio.CancelledError:
    """Wait for what was sent, also when cancelled again, for a bounded time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FINISHING
    while not task.done() and (left := deadline - loop.time()) > 0:
        try:
            await asyncio.wait((task,), timeout=left)
        except asyncio.CancelledError as again:
            cancelled = again
    return cancelled


def _failure(task: asyncio.Future[None]) -> BaseException | None:
    """What the task failed with: an error, its own cancellation, or that it does not end."""
    if not task.done():
        return TimeoutError("COMMIT was not answered in time")
    if task.cancelled():
        return asyncio.CancelledError("COMMIT was cancelled")
    return task.exception()


def _judged(answer: BaseException | None, outcome: Outcome | None) -> ColonnadeError:
    """What a failed COMMIT means: refused, or nobody knows."""
    if isinstance(answer, _REFUSED):
        return answer
    if outcome is not None:
        outcome.doubt()
    return CommitUnknown(
        "COMMIT was sent and no answer came: the work may be stored or not",
        hint="look whether it is there before doing it again; db.run takes verify= for that",
    )
