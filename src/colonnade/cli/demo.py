"""Run the demo: find the example application, fill its database, serve it and check it.

In a checkout the examples are in the folder ``examples`` beside ``src``. A wheel has a copy of them
in this package.
"""

from __future__ import annotations

import getpass
import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import URL

from colonnade.cli.ending import (
    CommandFailure,
    Interrupted,
    describe_error,
    run_until_signal,
    wait_for_signal,
)
from colonnade.database import Database
from colonnade.errors import ColonnadeError

__all__ = ["DemoOptions", "import_example", "run_demo"]

_HERE = Path(__file__).parent
_PLACES = (_HERE.parents[2] / "examples", _HERE / "examples")


def import_example(name: str, *modules: str) -> Any:
    """Import modules of an example and return them as attributes of one object.

    Raise ``Failure`` if the example is not there, or what it needs is not installed.
    """
    place = next((place for place in _PLACES if (place / name / "app.py").is_file()), None)
    if place is None:
        raise CommandFailure(f"the example {name!r} is not here; run scripts/demo in a checkout")
    for needed in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(needed) is None:
            raise CommandFailure(f'{needed} is not installed: pip install "colonnade[demo]"')
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    return SimpleNamespace(
        **{module: importlib.import_module(f"{name}.{module}") for module in modules}
    )


@dataclass(frozen=True)
class DemoOptions:
    """The options of one run of the demo.

    ``database`` is a URL, ``place`` a file for SQLite, ``data`` a folder with CSV files. Each has
    a default.
    """

    database: str | None = None
    place: Path | None = None
    data: Path | None = None
    port: int = 8000
    check: bool = False


def run_demo(order: DemoOptions) -> int:
    """Run the demo and return the exit status.

    It is 0 if all went well, 1 after an error or a wrong answer, and 128 plus the number of the
    signal that ended it while it was loading. An error is printed as one line to standard error.
    """
    console = Console(highlight=False, soft_wrap=True, markup=False)
    try:
        return run_until_signal(_serve_demo(order, console))
    except Interrupted as end:
        _print_error("interrupted; what was being loaded is undone, and the next start begins anew")
        return end.status
    except (CommandFailure, ColonnadeError, OSError) as error:
        _print_error(describe_error(error))
        return 1


def _print_error(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"colonnade: {line}")


async def _serve_demo(order: DemoOptions, console: Console) -> int:
    """Load the data unless it is there, then serve until a signal comes, or check and end."""
    flights = import_example("flights", "app", "check", "data", "load")
    # Not at the top: it needs uvicorn, and bring() has just checked that it is installed.
    from colonnade.cli.serving import open_listener, serve_app

    with (
        closing(open_listener(0 if order.check else order.port)) as listener,
        _choose_database(order) as address,
    ):
        async with Database(address, application_name="colonnade demo") as db:
            console.print(f"database: {db!r}")
            if await flights.load.is_loaded(db):
                console.print("the flights are there already")
            else:
                await _load_flights(db, flights, order, console)
            async with serve_app(flights.app.create_app(db), listener) as url:
                if order.check:
                    return await _check_answers(db, flights, order, url, console)
                console.print(f"serving {url}/flights\n  try {url}/docs\n  Ctrl-C ends it")
                await wait_for_signal()
    return 0


@contextmanager
def _choose_database(order: DemoOptions) -> Generator[str | URL]:
    """Yield the URL of the database. A check uses a temporary file unless a place is given."""
    if order.database is not None:
        if order.place is not None:
            raise CommandFailure("--database and --place are two places; give one of them")
        yield order.database
    elif order.check and order.place is None:
        with tempfile.TemporaryDirectory(prefix="colonnade-") as folder:
            yield _sqlite_url(Path(folder, "flights.db"))
    else:
        yield _sqlite_url(order.place or _default_path())


def _default_path() -> Path:
    return Path(tempfile.gettempdir(), f"colonnade-{getpass.getuser()}", "flights.db")


def _sqlite_url(path: Path) -> URL:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return URL.create("sqlite", database=str(path))


async def _load_flights(db: Database, flights: Any, order: DemoOptions, console: Console) -> None:
    """Load the data with a progress bar for each table, and print how fast it was."""
    data = _open_data(flights, order)
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


async def _check_answers(
    db: Database, flights: Any, order: DemoOptions, url: str, console: Console
) -> int:
    """Ask the served application, print each result, and return the exit status."""

    def report(question: str, wrong: str | None) -> None:
        console.print(f"{'ok   ' if wrong is None else 'WRONG'} {question}")
        if wrong is not None:
            console.print(f"      {wrong}")

    good = await flights.check.run_checks(db, _open_data(flights, order), url, report)
    console.print("every answer is right" if good else "not every answer is right")
    return 0 if good else 1


def _open_data(flights: Any, order: DemoOptions) -> Any:
    return flights.data.Flights13(order.data or flights.data.find_folder())
