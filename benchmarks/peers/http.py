"""Requests: an application in a process of its own, and clients that keep it busy."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final

from peers.clock import Measures, Turn, take_turns
from peers.contestant import key_of

__all__ = ["compare"]

#: Requests at once, and seconds of one turn.
_CONNECTIONS: Final = 4
_TURN: Final = 1.0

_PATHS: Final = {
    "http_get": f"heroes/{key_of(3)}",
    "http_flat": "heroes?number=3",
    "http_nested": "teams?number=3",
}
_WAYS: Final = {"plain FastAPI": "plain", "Colonnade, .json": "colonnade"}


async def compare(
    url: str, workloads: Sequence[str], rounds: int
) -> AsyncGenerator[tuple[str, Measures]]:
    """Yield requests a second by workload and way, turn by turn, once the answers are equal."""
    async with _served(url) as port:
        for workload in workloads:
            targets = {name: f"/{way}/{_PATHS[workload]}" for name, way in _WAYS.items()}
            await _check(port, list(targets.values()))
            for target in targets.values():
                await _rate(port, target, _TURN)
            turns = {name: _requesting(port, target) for name, target in targets.items()}
            yield workload, await take_turns(turns, rounds)


def _requesting(port: int, target: str) -> Turn:
    return lambda _number: _rate(port, target, _TURN)


@asynccontextmanager
async def _served(url: str) -> AsyncGenerator[int]:
    """Serve the application on a port until the block ends."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    command = ("-m", "uvicorn", "peers.web:app", "--port", str(port), "--no-access-log")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, "--log-level", "warning", env=os.environ | {"DATABASE_URL": url}
    )
    try:
        for _ in range(300):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _check(port: int, targets: list[str]) -> None:
    answers = [json.loads(await _once(port, target)) for target in targets]
    if any(answer != answers[0] for answer in answers) or not answers[0]:
        raise SystemExit(f"not the same answers from {' and '.join(targets)}")


async def _once(port: int, target: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await _request(reader, writer, target)
    writer.close()
    return body


async def _rate(port: int, target: str, seconds: float) -> float:
    """Requests a second; none is left to the next turn, as a client that hangs up would do."""
    started = perf_counter()
    answered = await asyncio.gather(
        *(_client(port, target, started + seconds) for _ in range(_CONNECTIONS))
    )
    return sum(answered) / (perf_counter() - started)


async def _client(port: int, target: str, end: float) -> int:
    """One connection, kept open, one request after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while perf_counter() < end:
        await _request(reader, writer, target)
        answered += 1
    writer.close()
    return answered


async def _request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str
) -> bytes:
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"{target} does not answer: {head.decode()}")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return await reader.readexactly(int(length[1]) if length else 0)
