"""``Failure``, which ends a command, and the one line that is printed for any error."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import uvicorn

from colonnade.errors import ColonnadeError, DatabaseError, InvalidStatement

__all__ = [
    "CommandFailure",
    "Interrupted",
    "describe_error",
    "open_listener",
    "run_until_signal",
    "serve_app",
    "wait_for_signal",
]


class CommandFailure(Exception):
    """The error of a command that cannot go on; its text is printed for the user."""


def describe_error(error: Exception) -> str:
    """Return the message of an error, its cause and its hint, without a line break."""
    if not isinstance(error, ColonnadeError):
        return _join_lines(str(error) or type(error).__name__)
    parts = [error.message, _driver_message(error), error.hint]
    if isinstance(error, InvalidStatement):
        parts.append("if other tables have the same names, name an empty database")
    return _join_lines("; ".join(part for part in parts if part))


def _driver_message(error: ColonnadeError) -> str | None:
    """Return the first line of the driver's message, or None.

    It may show values or parts of the URL, so errors do not contain it; but the user of the
    command line has typed the URL and may see it.
    """
    cause = error.__cause__
    if not isinstance(error, DatabaseError) or cause is None:
        return None
    lines = str(getattr(cause, "orig", None) or cause).splitlines()
    return lines[0] if lines else None


def _join_lines(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal ended the command. ``status`` is the exit status for it, as shells expect it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.status = 128 + number


def run_until_signal(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in a new event loop and return its result.

    Raise ``Interrupted`` if a signal cancelled it.
    """
    return asyncio.run(_run_cancellable(work))


async def _run_cancellable(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` in a task that a signal cancels."""
    task = asyncio.create_task(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def wait_for_signal() -> None:
    """Wait for a signal, then return: for a server this is the normal way to end."""
    # The signal cancels the task that waits here. The cancellation goes no further.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


_HOST = "127.0.0.1"
_GRACE_SECONDS = 5  # seconds that an answer under way gets at the end


class _Server(uvicorn.Server):
    """A server that leaves signals alone, since the command has handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no handlers."""
        yield


def open_listener(port: int) -> socket.socket:
    """Return a socket that listens on the port; 0 is any free port.

    Raise ``Failure`` if the port is not free.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        # With SO_REUSEADDR another process could still bind the port until we listen on it.
        listener.listen()
    except OSError as error:
        listener.close()
        raise CommandFailure(
            f"port {port} cannot be had ({error.strerror}); choose another with --port, "
            "or --port 0 for a free one"
        ) from error
    return listener


@asynccontextmanager
async def serve_app(app: Callable[..., Any], listener: socket.socket) -> AsyncGenerator[str]:
    """Serve the application during the block and yield its URL.

    Raise ``Failure`` if it cannot start. At the end the server is stopped and waited for.
    """
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", timeout_graceful_shutdown=_GRACE_SECONDS
    )
    server = _Server(config)
    running = asyncio.create_task(_run_server(server, listener))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            if running.done():
                raise CommandFailure("the application did not start")
        yield f"http://{_HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def _run_server(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run the server until it is told to exit."""
    # uvicorn logs why an application cannot start, and then raises SystemExit.
    with suppress(SystemExit):
        await server.serve(sockets=[listener])
