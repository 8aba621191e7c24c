"""The command line ``colonnade``: ``commands`` parses it, a module for each command runs it.

It needs the extra ``cli``, so nothing else in the library imports this package.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; exit with a hint if Typer is not installed."""
    try:
        from colonnade.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit('colonnade: the command line needs more: pip install "colonnade[cli]"')
    app()
