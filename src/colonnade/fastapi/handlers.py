"""Answer exceptions with problem details (RFC 9457), and log those that are not the client's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from fastapi import FastAPI
from fastapi.exception_handlers import (
    http_exception_handler,
    request_validation_exception_handler,
)
from fastapi.exceptions import RequestValidationError
from fastapi.utils import is_body_allowed_for_status_code
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from colonnade.errors import ColonnadeError, InvalidSetting
from colonnade.fastapi.problems import (
    answer_to,
    problem_of_error,
    problem_of_http,
    problem_of_validation,
    response_to,
)

__all__ = ["Problems", "install_handlers"]

#: Which errors become problems: all, only Colonnade's own, none.
Problems: TypeAlias = Literal["all", "database", "none"]

_log: Final = logging.getLogger("colonnade")


def install_handlers(app: FastAPI, problems: Problems) -> None:
    """Add exception handlers to the app for these errors; it keeps those that it has.

    Raises ``InvalidSetting`` if ``problems`` is none of the choices.
    """
    if problems not in ("all", "database", "none"):
        raise InvalidSetting(
            f"problems={problems!r} is none of the choices", hint="choices: all, database, none"
        )
    if problems != "none":
        _install_handler(app, ColonnadeError, _answer_error, None)
    if problems == "all":
        _install_handler(app, HTTPException, _answer_http, http_exception_handler)
        _install_handler(
            app,
            RequestValidationError,
            _answer_validation,
            request_validation_exception_handler,
        )


def _install_handler(
    app: FastAPI, kind: type[Exception], handler: Callable[..., Any], default: object
) -> None:
    """Add a handler if the app has none for this class but FastAPI's ``default``."""
    if app.exception_handlers.get(kind) is default:
        app.add_exception_handler(kind, handler)


async def _answer_error(connection: HTTPConnection, error: ColonnadeError) -> Response:
    if connection.scope["type"] != "http":
        raise error  # a WebSocket has no response; the server closes it and logs
    answer = answer_to(type(error))
    if answer.status == 500:
        _log.error("a request failed: %s", error, exc_info=error)
    elif answer.status > 500:
        _log.warning("a request failed: %s", error)
    retry = {} if answer.retry_after is None else {"Retry-After": str(answer.retry_after)}
    return response_to(problem_of_error(error), retry)


async def _answer_http(_: HTTPConnection, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if not is_body_allowed_for_status_code(error.status_code):
        return Response(status_code=error.status_code, headers=headers)
    return response_to(problem_of_http(error), headers)


async def _answer_validation(_: HTTPConnection, error: RequestValidationError) -> Response:
    return response_to(problem_of_validation(error))
