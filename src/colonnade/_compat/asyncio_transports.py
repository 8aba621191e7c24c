"""Close sockets whose event loop is closed, which asyncio itself cannot do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

__all__ = ["close_transport"]


def close_transport(transport: Any) -> None:
    """Close a transport of a closed event loop, and notify its protocol.

    The last step of ``abort`` is to have the loop call ``_call_connection_lost``, which a closed
    loop refuses. There is no public way to that step, so it is called here. Without it the socket
    stays open until the garbage collector finds it, and so does the server's process for it.
    """
    # Under TLS there are two transports, of which the inner one has the socket.
    tls = getattr(transport, "_ssl_protocol", None)
    socket_owner = transport if tls is None else tls._transport
    if socket_owner is None or socket_owner.get_protocol() is None:
        return  # it is closed
    protocol = transport.get_protocol()
    with suppress(RuntimeError):
        transport.abort()
    with suppress(RuntimeError):
        socket_owner._call_connection_lost(None)
    if socket_owner is not transport and protocol is not None:
        # The TLS layer would notify it through the loop.
        with suppress(RuntimeError):
            protocol.connection_lost(None)
