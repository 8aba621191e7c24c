"""In charge of requests: an application in a process of its own, and clients that keep it busy."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from statistics import median
from time import perf_counter
from typing import Final

__all__ = ["PATHS", "compare"]

#: Requests at once, and seconds of one turn.
_CONNECTIONS: Final = 4
_TURN: Final = 2.5

PATHS: Final = {"http_flat": "heroes", "http_nested": "teams"}
WAYS: Final = {"plain FastAPI": "plain", "Colonnade, .json": "colonnade"}


async def compare(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """Requests a second by workload and way, each the median of its turns."""
    measured: dict[str, dict[str, float]] = {}
    async with _served(url) as port:
        for workload, path in PATHS.items():
            targets = {name: f"/{prefix}/{path}?number=3" for name, prefix in WAYS.items()}
            await _check(port, list(targets.values()))
            measured[workload] = await _interleaved(port, targets, rounds)
    return measured


async def _interleaved(port: int, targets: dict[str, str], rounds: int) -> dict[str, float]:
    spent: dict[str, list[float]] = {name: [] for name in targets}
    for target in targets.values():
        await _rate(port, target, 1)
    for _ in range(rounds):
        for name, target in targets.items():
            spent[name].append(await _rate(port, target, _TURN))
    return {name: median(rates) for name, rates in spent.items()}


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
