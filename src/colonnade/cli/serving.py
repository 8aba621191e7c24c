"""Serve an application on a port of this machine, with uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn

from colonnade.cli.ending import CommandFailure

__all__ = ["open_listener", "serve_app"]

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

    Raise ``CommandFailure`` if the port is not free.
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

    Raise ``CommandFailure`` if it cannot start. At the end the server is stopped and waited for.
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
