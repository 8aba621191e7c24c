"""Break connections to a real server: refuse, freeze, slow down, or cut at a chosen message.

``commits`` matches the client's COMMIT, so that a test can make both kinds of unknown outcome: a
cut before the server gets COMMIT, or after it has committed and before the client gets the answer.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import make_url

__all__ = ["Proxy", "commits", "sends"]

Predicate = Callable[[bytes], bool]

# PostgreSQL asks for TLS with this message; N declines, so that messages can be read here.
_TLS_REQUEST: Final = struct.pack("!ii", 8, 80877103)
_CHUNK: Final = 65536


def sends(text: str) -> Predicate:
    """Return a predicate for client messages: plain queries that begin with ``text``, in any case.

    It knows PostgreSQL's simple query and MySQL's COM_QUERY, unencrypted.
    """
    start = re.escape(text.encode())
    pattern = re.compile(rb"\A(?:Q.{4}|.{4}\x03)\s*" + start + rb"\b", re.DOTALL | re.IGNORECASE)
    return lambda data: pattern.match(data) is not None


commits: Final = sends("COMMIT")


@dataclass(frozen=True)
class _Cut:
    """A cut to be made: at which message of a client, and before or after its answer."""

    at: Predicate
    after: bool


class _Link:
    """One client's connection, and the proxy's connection to the server for it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.cut_at_answer = False

    def cut(self) -> None:
        """Break both connections with a reset."""
        for writer in (self.client, self.server):
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                # Closing without lingering sends RST in place of FIN.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """A TCP proxy in front of ``host:port``, listening inside its ``async with`` block.

    Its faults hold for every connection that goes through it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self._cut: _Cut | None = None
        self._happened = asyncio.Event()
        self.port = 0

    @classmethod
    def to(cls, url: str) -> Self:
        """Return a proxy in front of the server of a database URL."""
        address = make_url(url)
        default = 5432 if address.get_backend_name() == "postgresql" else 3306
        return cls(address.host or "127.0.0.1", address.port or default)

    def url(self, url: str) -> str:
        """Return the URL of the same database through the proxy."""
        through = make_url(url).set(host="127.0.0.1", port=self.port)
        return through.render_as_string(hide_password=False)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.refuse()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """The number of connections that go through now."""
        return len(self._links)

    async def listen(self) -> None:
        """Accept connections, again on the same port after ``refuse``."""
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def freeze(self) -> None:
        """Pass nothing on in either direction, and keep all connections open."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on what was held back and all that follows."""
        self._flowing.set()

    def delay(self, seconds: float) -> None:
        """Hold each piece of data for so long, in each direction."""
        self._delay = seconds

    def cut(self) -> None:
        """Reset every open connection; new ones are accepted."""
        for link in list(self._links):
            link.cut()

    def cut_before(self, predicate: Predicate) -> None:
        """Reset the connection whose client next sends such a message; the server never gets it."""
        self._arm(_Cut(predicate, after=False))

    def cut_after(self, predicate: Predicate) -> None:
        """Pass such a message on, wait for the server's answer, and reset instead of answering."""
        self._arm(_Cut(predicate, after=True))

    async def happened(self) -> None:
        """Wait until the cut that was asked for has been made."""
        await self._happened.wait()

    def _arm(self, cut: _Cut) -> None:
        self._cut = cut
        self._happened.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._requests(link, reader))
                directions.create_task(self._answers(link, answers))
        finally:
            link.cut()
            self._links.discard(link)

    async def _requests(self, link: _Link, source: asyncio.StreamReader) -> None:
        while data := await self._read(source):
            if data == _TLS_REQUEST:
                link.client.write(b"N")
                continue
            cut = self._cut
            if cut is not None and cut.at(data):
                self._cut = None
                if not cut.after:
                    self._break(link)
                    return
                link.cut_at_answer = True
            link.server.write(data)
        link.server.close()

    async def _answers(self, link: _Link, source: asyncio.StreamReader) -> None:
        while data := await self._read(source):
            if link.cut_at_answer:
                self._break(link)
                return
            link.client.write(data)
        link.client.close()

    def _break(self, link: _Link) -> None:
        link.cut()
        self._happened.set()

    async def _read(self, source: asyncio.StreamReader) -> bytes:
        """Return the next piece of data, once it may pass; empty when the connection is closed."""
        try:
            data = await source.read(_CHUNK)
        except OSError:
            return b""
        await asyncio.sleep(self._delay)
        await self._flowing.wait()
        return data
