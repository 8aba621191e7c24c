"""Reach the socket of aiomysql's and asyncmy's connections, and mend what they send.

Neither driver shows its transport. Without it a connection whose server is gone is noticed by the
statement that fails on it, ``close`` waits for a peer that takes nothing, and a connection of a
closed event loop stays open until the garbage collector finds it.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["asked_for_tls", "is_connected", "mark_closed", "mend_bytes", "transport_of"]


def transport_of(driver: Any) -> Any:
    """Return the transport of a connection; None if it has none any more."""
    writer = getattr(driver, "_writer", None)  # aiomysql's; a StreamWriter shows its transport
    return getattr(writer, "transport", None) or getattr(driver, "_transport", None)


def is_connected(driver: Any) -> bool:
    """Return whether a connection is open as far as the event loop has seen.

    The drivers notice a closed socket at their next write; the loop has seen the end of file.
    """
    if hasattr(driver, "connected"):  # asyncmy
        return bool(driver.connected) and not driver._transport.is_closing()
    return not driver.closed and not driver._reader.eof_received


def mark_closed(driver: Any) -> None:
    """Let aiomysql know that its socket was closed; its ``close`` would write to it."""
    if getattr(driver, "_writer", None) is not None:
        driver._writer = driver._reader = None


def asked_for_tls(driver: Any) -> bool:
    """Return whether aiomysql was told to speak TLS; it goes on without a word where it cannot."""
    return getattr(driver, "_ssl_context", None) is not None


def mend_bytes(driver: Any) -> None:
    """Let aiomysql write bytes again.

    It takes the function for that from PyMySQL, where, from 1.2, a word stands in its place. The
    module is the process's: a program that uses aiomysql beside us can write bytes too.
    """
    module = sys.modules[type(driver).__module__]
    if isinstance(getattr(module, "escape_bytes_prefixed", None), str):
        vars(module)["escape_bytes_prefixed"] = _bytes


def _bytes(value: bytes) -> str:
    return f"_binary X'{value.hex()}'"
