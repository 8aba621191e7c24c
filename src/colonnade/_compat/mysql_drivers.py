"""Reach the socket of aiomysql's and asyncmy's connections, and repair what aiomysql sends.

Neither driver has a public name for its transport. Without it, a lost server would be noticed only
by a statement that fails, ``close`` would wait for a server that does not read, and a connection of
a closed event loop would stay open until the garbage collector finds it.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["asked_for_tls", "is_connected", "mark_closed", "mend_bytes", "mysql_transport_of"]


def mysql_transport_of(driver: Any) -> Any:
    """Return the transport of a connection; None after it was closed."""
    writer = getattr(driver, "_writer", None)  # aiomysql's; a StreamWriter shows its transport
    return getattr(writer, "transport", None) or getattr(driver, "_transport", None)


def is_connected(driver: Any) -> bool:
    """Return whether a connection is open, as far as the event loop knows.

    The drivers notice a closed socket at their next write; the loop has read the end of file.
    """
    if hasattr(driver, "connected"):  # asyncmy
        return bool(driver.connected) and not driver._transport.is_closing()
    return not driver.closed and not driver._reader.eof_received


def mark_closed(driver: Any) -> None:
    """Mark aiomysql's connection as closed, so that its ``close`` does not write to the socket."""
    if getattr(driver, "_writer", None) is not None:
        driver._writer = driver._reader = None


def asked_for_tls(driver: Any) -> bool:
    """Return whether aiomysql was told to use TLS; it silently goes on without if it cannot."""
    return getattr(driver, "_ssl_context", None) is not None


def mend_bytes(driver: Any) -> None:
    """Repair the function by which aiomysql writes bytes, for the whole process.

    aiomysql imports it from PyMySQL, which from 1.2 on has a string under that name. Other code in
    the process that uses aiomysql can then write bytes too.
    """
    module = sys.modules[type(driver).__module__]
    if isinstance(getattr(module, "escape_bytes_prefixed", None), str):
        vars(module)["escape_bytes_prefixed"] = _write_bytes


def _write_bytes(value: bytes) -> str:
    return f"_binary X'{value.hex()}'"
