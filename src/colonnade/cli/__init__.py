"""The command line: ``commands`` parses, a file for each command does and says what it did."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """What the command ``colonnade`` runs."""
    try:
        from colonnade.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name != "typer":
            raise
        sys.exit('colonnade: the command line needs more: pip install "colonnade[cli]"')
    app()
