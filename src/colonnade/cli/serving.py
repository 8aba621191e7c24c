"""In charge of serving an application: its port, its start and its end."""

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
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """The command has handlers of its own."""
        yield


def listen(port: int) -> socket.socket:
    """A socket that holds the port from now on; 0 is any free one. Raises ``Failure``."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        # Listening is what keeps others off the port.
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
    """The application's URL, while it answers there. Raises ``Failure`` if it cannot start."""
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
    # What uvicorn raises, after it has told why, when the application does not start.
    with suppress(SystemExit):
        await server.serve(sockets=[listener])
