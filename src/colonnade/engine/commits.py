"""Send each COMMIT once, see it through a cancellation, and record what became of it.

There are many ways to commit: a session's ``commit()``, the end of a unit, ``session.begin()``
blocks, ``run_sync`` and the connection's own ``commit()``. All of them end in the ``do_commit`` of
SQLAlchemy's dialect, which is wrapped here. Statements that end a transaction as text are watched
too. The session reads the result in its ``Outcome``.
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

from colonnade.dialects.dialect import FINISHING_SECONDS, GRACE_SECONDS, Dialect, watchdog_of
from colonnade.driver_errors.translate import ErrorContext, aborted_error, translate_error
from colonnade.engine.callbacks import Callbacks
from colonnade.engine.failed_transaction import notes_of, refuse_failed_commit
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

__all__ = ["Commits", "Outcome", "report_commits_to"]

_log: Final = logging.getLogger("colonnade")

#: Errors after which a COMMIT has surely not happened. After any other error nobody knows.
_SURELY_NOT_STORED: Final = (
    ConstraintViolation,
    InvalidStatement,
    InvalidValue,
    PermissionDenied,
    Retryable,
    StaleVersion,
    TransactionAborted,
)

#: The keys of a connection's ``record_info`` for the ``Outcome`` of the session that uses it, and
#: for whether the server had a transaction open at the end of the last statement.
_OUTCOME: Final = "colonnade_outcome"
_OPEN: Final = "colonnade_open"

_COMMIT: Final = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
_ROLLBACK: Final = re.compile(r"\s*(ROLLBACK|ABORT)\b(?!.*\bTO\b)", re.IGNORECASE | re.DOTALL)

_FINISHED: Final = "COMMIT was finished although the task was cancelled: the work is stored"
_STORED: Final = "a COMMIT of this unit of work had succeeded before: what it stored stays stored"
_DOUBTFUL: Final = "a COMMIT of this unit of work was not answered before: the work may be stored"


class Outcome:
    """The results of the COMMITs of one session, and the callbacks that wait for them."""

    __slots__ = (
        "_callbacks",
        "ended_past_orm",
        "ending",
        "held",
        "partly_stored",
        "stored",
        "unknown",
    )

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        #: True once a COMMIT has succeeded.
        self.stored = False
        #: True once a COMMIT was sent and not answered.
        self.unknown = False
        #: True once a part of the unit is stored for good, by a COMMIT or by autocommit.
        self.partly_stored = False
        #: The number of the ORM's transactions that are on their way to COMMIT or RELEASE. The ORM
        #: has work to do after it, so a cancellation is held back until that is done.
        self.ending = 0
        #: True if the connection's own ``commit()`` ended the transaction, without the ORM.
        self.ended_past_orm = False
        #: A cancellation that arrived during COMMIT; raised when the ORM has finished.
        self.held: asyncio.CancelledError | None = None

    def record_commit(self) -> None:
        """Record that a COMMIT succeeded; its callbacks become due."""
        self.stored = self.partly_stored = True
        self._callbacks.make_due()

    def record_unanswered(self) -> None:
        """Record that a COMMIT was not answered; its callbacks wait until that is settled."""
        self.unknown = True
        self._callbacks.set_in_doubt()

    def record_rollback(self) -> None:
        """Drop the callbacks that wait, since everything after the last COMMIT was rolled back."""
        self._callbacks.drop_rolled_back(None)

    def finish(self) -> None:
        """Raise the cancellation that was held back, now that the ORM's transaction has ended."""
        self.ending = 0
        held, self.held = self.held, None
        if held is not None:
            raise held

    def annotate(self, error: BaseException) -> None:
        """Add notes to an error that ends the unit: what is, or may be, stored in spite of it."""
        known = getattr(error, "__notes__", ())
        if self.stored and not {_STORED, _FINISHED}.intersection(known):
            error.add_note(_STORED)
        if self.unknown and not isinstance(error, CommitUnknown) and _DOUBTFUL not in known:
            error.add_note(_DOUBTFUL)


def report_commits_to(connection: Connection, outcome: Outcome) -> None:
    """Report every COMMIT on ``connection`` to ``outcome``, until the connection's check-in."""
    notes = notes_of(connection)
    notes[_OUTCOME] = outcome
    outcome.ended_past_orm = False
    notes.pop(_OPEN, None)


class Commits:
    """The COMMITs of one engine: sends each, waits for its end and judges its error."""

    def __init__(self, engine: Engine, dialect: Dialect, where: ErrorContext) -> None:
        self._engine = engine
        self._dialect = dialect
        self._where = where
        self._watchdog = watchdog_of(engine)
        #: The errors of failed COMMITs, by ``id``, from when they are raised until SQLAlchemy's
        #: error event hands them to ``judge_error``.
        self._failed: dict[int, Outcome | None] = {}

    def wrap_do_commit(self) -> None:
        """Wrap the dialect's ``do_commit``, so that every COMMIT passes ``_commit``."""
        dialect: Any = self._engine.dialect
        # SQLAlchemy has an event before COMMIT, and none after it.
        dialect.do_commit = partial(self._send_commit, dialect.do_commit)

    def forget_session(self, record: Any) -> None:
        """Forget the session of a connection that goes back into the pool."""
        notes = record.record_info or {}
        notes.pop(_OUTCOME, None)
        notes.pop(_OPEN, None)

    def _send_commit(self, send: Callable[[Any], None], pooled: Any) -> None:
        """Send COMMIT by ``send``, wait for its end, and report to the session's outcome.

        Raises ``TransactionAborted`` if a statement of the transaction has failed or the server
        answered with ROLLBACK, and ``CommitUnknown`` if the transaction had been ended by other
        means. A cancellation that arrived meanwhile is raised after the COMMIT, or left to
        ``Outcome.finish`` if the ORM still has work to do.
        """
        dialect, driver = self._dialect, pooled.driver_connection
        notes: dict[Any, Any] = pooled.record_info or {}
        outcome: Outcome | None = notes.get(_OUTCOME)
        if not dialect.reading:
            refuse_failed_commit(notes)
            if dialect.has_failed_transaction(driver):
                raise aborted_error()
            if notes.pop(_OPEN, False) and dialect.is_open(driver):
                self._check_transaction_open(driver, outcome)
        cancelled = self._send_to_the_end(lambda: send(pooled), pooled, outcome)
        if not dialect.reading and dialect.answered_with_rollback(driver):
            raise aborted_error()
        if outcome is not None:
            outcome.record_commit()
            outcome.ended_past_orm = not outcome.ending
        if cancelled is None:
            return
        _log.warning(_FINISHED)
        cancelled.add_note(_FINISHED)
        if outcome is None or not outcome.ending:
            raise cancelled
        outcome.held = cancelled

    def _check_transaction_open(self, driver: Any, outcome: Outcome | None) -> None:
        """Raise ``CommitUnknown`` if the transaction is no longer open on the server."""
        if self._dialect.in_transaction(driver):
            return
        if outcome is not None:
            outcome.record_unanswered()
        raise CommitUnknown(
            "the transaction was ended past the session: the work may be stored or not",
            hint="leave COMMIT and ROLLBACK to the session; on MySQL and MariaDB, statements that "
            "define tables commit too",
        )

    def _send_to_the_end(
        self, send: Callable[[], None], pooled: Any, outcome: Outcome | None
    ) -> asyncio.CancelledError | None:
        """Run ``send`` to its end; return the cancellation that arrived meanwhile, or None."""
        dialect, driver = self._dialect, pooled.driver_connection
        patience = dialect.commit_limit
        outer: float | None = None
        if patience is not None:
            outer = self._watchdog.start(driver, patience - GRACE_SECONDS)
        try:
            return await_only(self._run_uncancelled(send, driver, outcome))
        except BaseException as error:
            if isinstance(error, Exception):
                self._failed[id(error)] = outcome
            raise
        finally:
            if patience is not None:
                self._watchdog.stop(driver, outer)

    async def _run_uncancelled(
        self, send: Callable[[], None], driver: Any, outcome: Outcome | None
    ) -> asyncio.CancelledError | None:
        """Run ``send`` in a task of its own, which a cancellation of this one does not reach.

        Returns the cancellation that arrived meanwhile, or None. Raises the error of ``send``; if
        this task was cancelled too, the cancellation, with the library's error as its cause.
        """
        task = asyncio.ensure_future(greenlet_spawn(send))
        cancelled: asyncio.CancelledError | None = None
        try:
            await asyncio.wait((task,), timeout=self._dialect.commit_limit)
        except asyncio.CancelledError as error:
            cancelled = await _wait_through_cancellation(task, error)
        if not task.done():
            # The peer is frozen: cut the connection. The callback takes the task's late error,
            # which asyncio would log as never retrieved.
            self._dialect.abort(driver)
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
        failure = _task_error(task)
        if failure is None:
            return cancelled
        if cancelled is None and isinstance(failure, Exception):
            raise failure
        # Not this task but that of ``send`` was cancelled, as at the end of the event loop.
        if cancelled is None:
            cancelled = asyncio.CancelledError()
        raise cancelled from self._judge_cancelled(failure, outcome)

    def _judge_cancelled(self, failure: BaseException, outcome: Outcome | None) -> BaseException:
        """Return the library's error for a COMMIT that failed while its task was cancelled."""
        answer: BaseException | None = failure
        if isinstance(failure, Exception):
            errors = self._engine.dialect.loaded_dbapi.Error
            wrapped = exc.DBAPIError.instance(
                None, None, failure, errors, dialect=self._engine.dialect, hide_parameters=True
            )
            answer = translate_error(wrapped, self._where)
        verdict = _judge_commit(answer, outcome)
        verdict.__cause__ = failure
        return verdict

    def judge_error(
        self, error: BaseException, answer: ColonnadeError | None
    ) -> ColonnadeError | None:
        """Return the judged ``answer`` if ``error`` is that of a COMMIT, else ``answer`` itself."""
        if id(error) not in self._failed:
            return answer
        return _judge_commit(answer, self._failed.pop(id(error)))

    def run_statement(
        self, connection: Connection, statement: str, autocommit: bool, call: Callable[[], None]
    ) -> None:
        """Run a statement by ``call``; report if it ended the transaction or ran outside of one.

        A COMMIT that is sent as text is waited for and judged like any other.
        """
        pooled: Any = connection.connection
        notes: dict[Any, Any] = pooled.record_info or {}
        outcome: Outcome | None = notes.get(_OUTCOME)
        driver = pooled.driver_connection
        before = self._dialect.in_transaction(driver)
        if outcome is not None and (autocommit or (notes.get(_OPEN) and not before)):
            # It is stored by itself, or follows a COMMIT that was not seen here.
            outcome.partly_stored = True
        if _COMMIT.match(statement) is None:
            call()
            after = notes[_OPEN] = self._dialect.in_transaction(driver)
            if outcome is not None and not after:
                self._report_ended(outcome, statement, ended=before)
            return
        cancelled = self._send_to_the_end(call, pooled, outcome)
        notes[_OPEN] = self._dialect.in_transaction(driver)
        if outcome is not None:
            outcome.record_commit()
        if cancelled is not None:
            cancelled.add_note(_FINISHED)
            raise cancelled

    def _report_ended(self, outcome: Outcome, statement: str, *, ended: bool) -> None:
        """Report a statement after which no transaction is open; ``ended`` if one was before it."""
        if ended and _ROLLBACK.match(statement) is not None:
            outcome.record_rollback()
        elif ended:
            # MySQL and MariaDB commit what came before a statement that defines a table.
            outcome.record_commit()
        elif self._dialect.begins_with_any_statement:
            # The transaction had been ended as text, so this statement was stored by itself, unless
            # it has no table and so began none.
            outcome.partly_stored = True


async def _wait_through_cancellation(
    task: asyncio.Future[None], cancelled: asyncio.CancelledError
) -> asyncio.CancelledError:
    """Wait for the task for ``FINISHING_SECONDS`` at most; return the last cancellation.

    Further cancellations of this task do not end the wait.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FINISHING_SECONDS
    while not task.done() and (left := deadline - loop.time()) > 0:
        try:
            await asyncio.wait((task,), timeout=left)
        except asyncio.CancelledError as again:
            cancelled = again
    return cancelled


def _task_error(task: asyncio.Future[None]) -> BaseException | None:
    """Return the task's error or cancellation, a ``TimeoutError`` if it has not ended, or None."""
    if not task.done():
        return TimeoutError("COMMIT was not answered in time")
    if task.cancelled():
        return asyncio.CancelledError("COMMIT was cancelled")
    return task.exception()


def _judge_commit(answer: BaseException | None, outcome: Outcome | None) -> ColonnadeError:
    """Return ``answer`` if it means that COMMIT was refused, else ``CommitUnknown``."""
    if isinstance(answer, _SURELY_NOT_STORED):
        return answer
    if outcome is not None:
        outcome.record_unanswered()
    return CommitUnknown(
        "COMMIT was sent and no answer came: the work may be stored or not",
        hint="look whether it is there before doing it again; db.run takes verify= for that",
    )
