"""In charge of which status an error has, and what a client is told where it is not to blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from colonnade.errors import (
    CheckViolation,
    ColonnadeError,
    CommitUnknown,
    Conflict,
    ConstraintViolation,
    InvalidRequest,
    InvalidSchema,
    InvalidValue,
    NotFound,
    NotNullViolation,
    OutOfScope,
    Retryable,
    StatementCancelled,
    StatementTimeout,
    Unavailable,
)

__all__ = ["Answer", "answer_to", "status_of"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status; ``detail`` stands in for the error's own words, which are for the log."""

    status: int
    detail: str | None = None
    retry_after: int | None = None  # seconds


#: The nearest class in the error's ancestry decides. A payload that no state of the database could
#: take is 422, one that this state cannot take 409. What the calling code did wrong is 500, however
#: it came about: a client cannot mend it. An unknown commit is 500 and not 503, which clients and
#: proxies repeat by themselves.
_ANSWERS: Final[Mapping[type[BaseException], Answer]] = MappingProxyType(
    {
        ColonnadeError: Answer(500, "The server could not answer; its log says why."),
        InvalidRequest: Answer(422),
        InvalidSchema: Answer(500, "The server could not answer; its log says why."),
        NotFound: Answer(404),
        OutOfScope: Answer(409),
        Conflict: Answer(409),
        ConstraintViolation: Answer(409),
        NotNullViolation: Answer(422),
        CheckViolation: Answer(422),
        InvalidValue: Answer(422),
        Retryable: Answer(503, "Another request was in the way; nothing was stored. Try again."),
        Unavailable: Answer(
            503, "The database cannot serve now; nothing was stored. Try again later.", 2
        ),
        StatementCancelled: Answer(503, "The database ended the request; nothing was stored."),
        StatementTimeout: Answer(504, "The database took too long; nothing was stored."),
        CommitUnknown: Answer(
            500,
            "It is not known whether the request was stored. Look before sending it again.",
        ),
    }
)


def answer_to(kind: type[ColonnadeError]) -> Answer:
    """What an error of this class is answered with."""
    return next(_ANSWERS[base] for base in kind.__mro__ if base in _ANSWERS)


def status_of(kind: type[ColonnadeError]) -> int:
    """The HTTP status of an error class."""
    return answer_to(kind).status
