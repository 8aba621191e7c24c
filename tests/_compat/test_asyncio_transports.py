"""Closing sockets whose event loop is closed."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from colonnade._compat.asyncio_transports import close_transport


class Noting(asyncio.Protocol):
    """Notes that the connection is gone."""

    def __init__(self) -> None:
        self.lost = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost += 1


def left_open() -> tuple[Any, Noting, socket.socket]:
    """A transport of a closed loop, its protocol, and the other end."""
    near, far = socket.socketpair()
    loop = asyncio.new_event_loop()
    transport, protocol = loop.run_until_complete(loop.create_connection(Noting, sock=near))
    loop.close()
    far.settimeout(5)
    return transport, protocol, far


def test_the_other_end_sees_the_end_and_the_protocol_hears_of_it_once() -> None:
    transport, protocol, far = left_open()
    close_transport(transport)
    close_transport(transport)
    assert far.recv(1) == b""
    assert protocol.lost == 1
    assert transport.is_closing()
    far.close()


def test_what_was_not_sent_yet_is_not_waited_for() -> None:
    near, far = socket.socketpair()
    loop = asyncio.new_event_loop()

    async def send() -> Any:
        transport, _ = await loop.create_connection(Noting, sock=near)
        transport.write(b"x" * 10_000_000)
        return transport

    transport = loop.run_until_complete(send())
    assert transport.get_write_buffer_size()
    loop.close()
    close_transport(transport)
    assert near.fileno() == -1
    far.close()


def test_asyncio_still_has_the_last_step_that_closes_a_socket() -> None:
    """A canary: ``_call_connection_lost`` is private to asyncio's transports."""
    transport, _, far = left_open()
    assert callable(getattr(transport, "_call_connection_lost", None)), "_call_connection_lost"
    close_transport(transport)
    far.close()


def test_no_transport_is_no_trouble() -> None:
    close_transport(None)
