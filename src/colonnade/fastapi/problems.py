"""Turn errors into problem details (RFC 9457): status, ``Problem``, response.

A client reads the message of an error only if it can mend the request. For errors with status 500
and above it reads a general sentence, and the message goes to the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from colonnade.errors import (
    CheckViolation,
    ColonnadeError,
    CommitUnknown,
    Conflict,
    ConstraintViolation,
    InvalidChanges,
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

__all__ = [
    "MEDIA_TYPE",
    "ErrorAnswer",
    "FieldProblem",
    "Problem",
    "answer_to",
    "problem_of_error",
    "problem_of_http",
    "problem_of_validation",
    "problem_schema",
    "response_to",
    "status_of",
]


MEDIA_TYPE: Final = "application/problem+json"


class FieldProblem(BaseModel):
    """One invalid field; ``location`` is the part of the request that had it, such as ``query``."""

    field: str
    detail: str
    location: str | None = None


class Problem(BaseModel):
    """An error as a client reads it.

    ``code`` is stable and meant for programs, ``detail`` and ``hint`` for people; ``fields`` names
    what the problem is about, ``problems`` has every reason by field where there are several.
    """

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    code: str
    hint: str | None = None
    fields: list[str] = Field(default_factory=list)
    problems: list[FieldProblem] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An HTTP status; with ``detail`` the client reads that in place of the error's message."""

    status: int
    detail: str | None = None
    retry_after: int | None = None  # seconds


#: The first class of an error's MRO that is listed decides. A payload that no state of the database
#: could take is 422; one that its present state does not take is 409. A mistake of the calling code
#: is 500, since a client cannot mend it. An unknown commit is 500 and not 503, because clients and
#: proxies repeat a request after 503 by themselves.
_ANSWERS: Final[Mapping[type[BaseException], ErrorAnswer]] = MappingProxyType(
    {
        ColonnadeError: ErrorAnswer(500, "The server could not answer; its log says why."),
        InvalidRequest: ErrorAnswer(422),
        InvalidSchema: ErrorAnswer(500, "The server could not answer; its log says why."),
        NotFound: ErrorAnswer(404),
        OutOfScope: ErrorAnswer(409),
        Conflict: ErrorAnswer(409),
        ConstraintViolation: ErrorAnswer(409),
        NotNullViolation: ErrorAnswer(422),
        CheckViolation: ErrorAnswer(422),
        InvalidValue: ErrorAnswer(422),
        Retryable: ErrorAnswer(
            503, "Another request was in the way; nothing was stored. Try again."
        ),
        Unavailable: ErrorAnswer(
            503, "The database cannot serve now; nothing was stored. Try again later.", 2
        ),
        StatementCancelled: ErrorAnswer(503, "The database ended the request; nothing was stored."),
        StatementTimeout: ErrorAnswer(504, "The database took too long; nothing was stored."),
        CommitUnknown: ErrorAnswer(
            500,
            "It is not known whether the request was stored. Look before sending it again.",
        ),
    }
)


def answer_to(kind: type[ColonnadeError]) -> ErrorAnswer:
    """Return the answer for an error of this class, or of its nearest listed base."""
    return next(_ANSWERS[base] for base in kind.__mro__ if base in _ANSWERS)


def status_of(kind: type[ColonnadeError]) -> int:
    """Return the HTTP status for an error class."""
    return answer_to(kind).status


def problem_of_error(error: ColonnadeError) -> Problem:
    """Return the problem for one of our errors; with a general text for some (``_ANSWERS``)."""
    answer = answer_to(type(error))
    title, kind = _phrase_of(answer.status), f"urn:colonnade:{error.code}"
    if answer.detail is not None:
        return Problem(
            type=kind, title=title, status=answer.status, code=error.code, detail=answer.detail
        )
    found = error.problems if isinstance(error, InvalidChanges) else ()
    return Problem(
        type=kind,
        title=title,
        status=answer.status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        fields=list(error.fields),
        problems=[FieldProblem(field=field, detail=reason) for field, reason in found],
    )


def problem_of_validation(error: RequestValidationError) -> Problem:
    """Return the problem for a request that FastAPI refused, without the values that were sent."""
    found = [_build_field_problem(item["loc"], item["msg"]) for item in error.errors()]
    return Problem(
        type="urn:colonnade:invalid_request",
        title=_phrase_of(422),
        status=422,
        code="invalid_request",
        detail="; ".join(f"{item.field}: {item.detail}" for item in found),
        fields=_remove_duplicates(item.field for item in found),
        problems=found,
    )


def problem_of_http(error: HTTPException) -> Problem:
    """Return the problem for an ``HTTPException``; a detail that is no text becomes ``data``."""
    title = _phrase_of(error.status_code)
    code = title.lower().replace(" ", "_").replace("-", "_").replace("'", "")
    detail: object = error.detail
    if isinstance(detail, str):
        return Problem(title=title, status=error.status_code, code=code, detail=detail)
    data: dict[str, Any] = {"data": detail}
    return Problem(title=title, status=error.status_code, code=code, **data)


def response_to(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return the response for a problem, as ``application/problem+json``."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def problem_schema() -> dict[str, Any]:
    """Return the JSON schema of a problem, without references to definitions.

    FastAPI lists a response model under ``application/json`` only. So the schema is written into
    each response under ``application/problem+json``, where no reference would resolve.
    """
    found = Problem.model_json_schema(mode="serialization")
    found["properties"]["problems"]["items"] = found.pop("$defs")["FieldProblem"]
    return found


def _build_field_problem(where: tuple[Any, ...], detail: str) -> FieldProblem:
    """Return the problem of one field; ``where`` is Pydantic's ``loc``, its first part the place.

    If there is nothing behind the first part (the whole body is missing) it names the field too.
    """
    location, *path = (str(part) for part in where)
    return FieldProblem(field=".".join(path) or location, detail=detail, location=location)


def _remove_duplicates(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _phrase_of(status: int) -> str:
    """Return the reason phrase of a status, such as ``Not Found``."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
