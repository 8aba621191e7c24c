"""Run ``colonnade demo``: fill the database of flights, serve it and, if asked, check the answers.

The example ``flights`` loads, serves and checks. This module chooses the database, shows the
progress, and ends everything in order.
"""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import URL

from colonnade.cli.example import bring
from colonnade.cli.failure import Failure, one_line
from colonnade.cli.interruption import Interrupted, run, stopped
from colonnade.database import Database
from colonnade.errors import ColonnadeError

__all__ = ["Order", "demo"]


@dataclass(frozen=True)
class Order:
    """The options of one run of the demo.

    ``database`` is a URL, ``place`` a file for SQLite, ``data`` a folder with CSV files. Each has
    a default.
    """

    database: str | None = None
    place: Path | None = None
    data: Path | None = None
    port: int = 8000
    check: bool = False


def demo(order: Order) -> int:
    """Run the demo and return the exit status.

    It is 0 if all went well, 1 after an error or a wrong answer, and 128 plus the number of the
    signal that ended it while it was loading. An error is printed as one line to standard error.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        return run(_demo(order, console))
    except Interrupted as end:
        _complain("interrupted; what was being loaded is undone, and the next start begins anew")
        return end.status
    except (Failure, ColonnadeError, OSError) as error:
        _complain(one_line(error))
        return 1


def _complain(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"colonnade: {line}")


async def _demo(order: Order, console: Console) -> int:
    """Load the data unless it is there, then serve until a signal comes, or check and end."""
    flights = bring("flights", "app", "check", "data", "load")
    # Not at the top: it needs uvicorn, and bring() has just checked that it is installed.
    from colonnade.cli.serving import listen, serving

    with (
        closing(listen(0 if order.check else order.port)) as listener,
        _address(order) as address,
    ):
        async with Database(address, application_name="colonnade demo") as db:
            console.print(f"database: {db!r}")
            if await flights.load.is_loaded(db):
                console.print("the flights are there already")
            else:
                await _load(db, flights, order, console)
            async with serving(flights.app.create_app(db), listener) as url:
                if order.check:
                    return await _check(db, flights, order, url, console)
                console.print(f"serving {url}/flights\n  try {url}/docs\n  Ctrl-C ends it")
                await stopped()
    return 0


@contextmanager
def _address(order: Order) -> Generator[str | URL]:
    """Yield the URL of the database. A check uses a temporary file unless a place is given."""
    if order.database is not None:
        if order.place is not None:
            raise Failure("--database and --place are two places; give one of them")
        yield order.database
    elif order.check and order.place is None:
        with tempfile.TemporaryDirectory(prefix="colonnade-") as folder:
            yield _file(Path(folder, "flights.db"))
    else:
        yield _file(order.place or _usual_place())


def _usual_place() -> Path:
    return Path(tempfile.gettempdir(), f"colonnade-{getpass.getuser()}", "flights.db")


def _file(path: Path) -> URL:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return URL.create("sqlite", database=str(path))


async def _load(db: Database, flights: Any, order: Order, console: Console) -> None:
    """Load the data with a progress bar for each table, and print how fast it was."""
    data = _data(flights, order)
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    totals = {name: data.count(name) for name in flights.load.TABLES}
    with Progress(*columns, console=console) as progress:
        bars = {
            name: progress.add_task(name, total=total, start=False)
            for name, total in totals.items()
        }

        def advance(name: str, done: int) -> None:
            progress.start_task(bars[name])
            progress.update(bars[name], completed=done)

        loaded = await flights.load.load(db, data, advance)
    console.print(
        f"{loaded.rows:,} rows in {loaded.seconds:.1f} s: "
        f"{loaded.rows / loaded.seconds:,.0f} rows/s"
    )
    for line in data.notes():
        console.print(line)


async def _check(db: Database, flights: Any, order: Order, url: str, console: Console) -> int:
    """Ask the served application, print each result, and return the exit status."""

    def report(question: str, wrong: str | None) -> None:
        console.print(f"{'ok   ' if wrong is None else 'WRONG'} {question}")
        if wrong is not None:
            console.print(f"      {wrong}")

    good = await flights.check.run_checks(db, _data(flights, order), url, report)
    console.print("every answer is right" if good else "not every answer is right")
    return 0 if good else 1


def _data(flights: Any, order: Order) -> Any:
    return flights.data.Flights13(order.data or flights.data.find_folder())
