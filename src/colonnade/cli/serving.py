"""Serve an ASGI application with uvicorn while a block of code runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn

from colonnade.cli.failure import Failure

__all__ = ["listen", "serving"]

_HOST = "127.0.0.1"
_PATIENCE = 5  # seconds that an answer under way gets at the end


class _Server(uvicorn.Server):
    """A server that leaves signals alone, since the command has handlers of its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no handlers."""
        yield


def listen(port: int) -> socket.socket:
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
        raise Failure(
            f"port {port} cannot be had ({error.strerror}); choose another with --port, "
            "or --port 0 for a free one"
        ) from error
    return listener


@asynccontextmanager
async def serving(app: Callable[..., Any], listener: socket.socket) -> AsyncGenerator[str]:
    """Serve the application during the block and yield its URL.

    Raise ``Failure`` if it cannot start. At the end the server is stopped and waited for.
    """
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", timeout_graceful_shutdown=_PATIENCE
    )
    server = _Server(config)
    running = asyncio.create_task(_serve(server, listener))
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            if running.done():
                raise Failure("the application did not start")
        yield f"http://{_HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run the server until it is told to exit."""
    # uvicorn logs why an application cannot start, and then raises SystemExit.
    with suppress(SystemExit):
        await server.serve(sockets=[listener])
