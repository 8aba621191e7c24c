"""Questions put to the running application, each answer compared with plain SQL.

What the SQL says, the database says without Colonnade's queries; how many flights there must be,
the file says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from sqlalchemy import text

from colonnade import Database
from flights.data import Flights13

Picked = Callable[[Any], object]


@dataclass(frozen=True)
class Check:
    """``pick`` of the answer's JSON must be what ``sql`` finds, or ``value`` where there is no SQL.

    Without ``pick`` the status alone counts.
    """

    says: str
    method: str
    path: str
    status: int = 200
    body: Any = None
    pick: Picked | None = None
    sql: str | None = None
    value: object = None


def _total(answer: Any) -> object:
    return answer["total"]


def _fields(*paths: str) -> Picked:
    """What stands at these paths, such as ``airline.name``."""

    def pick(answer: Any) -> tuple[object, ...]:
        return tuple(_at(answer, path.split(".")) for path in paths)

    return pick


def _at(answer: Any, path: list[str]) -> object:
    for name in path:
        if answer is None:
            return None
        answer = answer[int(name) if name.isdigit() else name]
    return answer


_NESTED = """
    SELECT airline.name, plane.manufacturer, origin.name, destination.name, weather.temperature
    FROM flight
    JOIN airline ON airline.code = flight.airline_code
    JOIN plane ON plane.tail_number = flight.tail_number
    JOIN airport AS origin ON origin.code = flight.origin_code
    JOIN airport AS destination ON destination.code = flight.destination_code
    LEFT JOIN weather
        ON weather.airport_code = flight.origin_code AND weather.hour = flight.hour
    WHERE flight.id = {id}"""
_FLIGHTS = "SELECT count(*) FROM flight WHERE "
_SCRATCH = {"code": "ZZ", "name": "Zephyr"}


def checks(flights: int, whole: int) -> Iterator[Check]:
    """The questions; there are ``flights`` of them, and that with the key ``whole`` has it all."""
    yield Check("every flight of the file is there", "GET", "/flights?size=1", 200,
                pick=_total, value=flights)  # fmt: skip
    yield Check("so is every airline", "GET", "/airlines?size=1", 200,
                pick=_total, sql="SELECT count(*) FROM airline")  # fmt: skip
    yield Check("a flight has its airline, plane, airports and weather", "GET", f"/flights/{whole}",
                pick=_fields("airline.name", "plane.manufacturer", "origin.name",
                             "destination.name", "weather.temperature"),
                sql=_NESTED.format(id=whole))  # fmt: skip
    yield Check("flights are found by airline and origin", "GET",
                "/flights?airline_code=AA&origin_code=JFK", pick=_total,
                sql=_FLIGHTS + "airline_code = 'AA' AND origin_code = 'JFK'")  # fmt: skip
    yield Check("by day", "GET", "/flights?day=2013-01-01", pick=_total,
                sql=_FLIGHTS + "day = '2013-01-01'")  # fmt: skip
    yield Check("by delay and destination", "GET",
                "/flights?departure_delay__gte=60&destination_code=LAX", pick=_total,
                sql=_FLIGHTS + "departure_delay >= 60 AND destination_code = 'LAX'")  # fmt: skip
    yield Check("by whether they never left", "GET", "/flights?departure_delay__isnull=true",
                pick=_total, sql=_FLIGHTS + "departure_delay IS NULL")  # fmt: skip
    yield Check("by the plane's manufacturer, in any case", "GET",
                "/flights?plane__manufacturer__icontains=airbus", pick=_total,
                sql=_FLIGHTS + "tail_number IN (SELECT tail_number FROM plane"
                " WHERE upper(manufacturer) LIKE '%AIRBUS%')")  # fmt: skip
    yield Check("planes are found by where they have flown", "GET",
                "/planes?flights__destination_code=LAX", pick=_total,
                sql="SELECT count(DISTINCT tail_number) FROM flight"
                " WHERE destination_code = 'LAX'")  # fmt: skip
    yield Check("the longest delay comes first", "GET",
                "/flights?departure_delay__gte=0&order=-departure_delay&size=3",
                pick=_fields("items.0.departure_delay"),
                sql="SELECT max(departure_delay) FROM flight")  # fmt: skip
    yield Check("a page past the end is empty and knows the total", "GET", "/flights?page=999999",
                pick=_fields("items", "total"), value=([], flights))  # fmt: skip
    yield Check("a flight that is not there", "GET", "/flights/0", 404)
    yield Check("an unknown parameter", "GET", "/flights?airlin=AA", 422)
    yield Check("a day that is none", "GET", "/flights?day=tomorrow", 422)
    yield Check("an airline is created", "POST", "/airlines", 201, _SCRATCH,
                pick=_fields("name"), value=("Zephyr",))  # fmt: skip
    yield Check("but not twice", "POST", "/airlines", 409, _SCRATCH)
    yield Check("it is renamed", "PATCH", "/airlines/ZZ", 200, {"name": "Zenith"},
                pick=_fields("name"), sql="SELECT name FROM airline WHERE code = 'ZZ'")  # fmt: skip
    yield Check("an unknown key in a body", "PATCH", "/airlines/ZZ", 422, {"nmae": "Zulu"})
    yield Check("it is deleted", "DELETE", "/airlines/ZZ", 204)
    yield Check("and gone", "GET", "/airlines/ZZ", 404)
    yield Check("an airline with flights stays", "DELETE", "/airlines/AA", 409)


async def run_checks(
    db: Database, data: Flights13, url: str, report: Callable[[str, str | None], object]
) -> bool:
    """Ask everything of the application at ``url``; whether every answer was right.

    ``report`` gets each question with None, or with what was wrong about the answer.
    """
    whole = await _first(
        db,
        "SELECT min(id) FROM flight WHERE tail_number IS NOT NULL AND destination_code IS NOT NULL",
    )
    # An earlier run that was cut off may have left it.
    await asyncio.to_thread(_ask, url, Check("", "DELETE", "/airlines/ZZ"))
    good = True
    for check in checks(data.count("flights"), whole[0]):
        status, answer = await asyncio.to_thread(_ask, url, check)
        wrong = await _wrong(db, check, status, answer)
        report(f"{status} {check.method:6} {check.path}  {check.says}", wrong)
        good = good and wrong is None
    return good


async def _wrong(db: Database, check: Check, status: int, answer: Any) -> str | None:
    if status != check.status:
        return f"expected {check.status}: {answer}"
    if check.pick is None:
        return None
    found, wanted = check.pick(answer), check.value
    if check.sql is not None:
        row = await _first(db, check.sql)
        wanted = row if isinstance(found, tuple) else row[0]
    return None if found == wanted else f"expected {wanted}, got {found}"


async def _first(db: Database, statement: str) -> tuple[Any, ...]:
    async with db.reader() as session:
        row = (await session.execute(text(statement))).one()
        return tuple(row)


def _ask(url: str, check: Check) -> tuple[int, Any]:
    body = None if check.body is None else json.dumps(check.body).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(url + check.path, body, headers, method=check.method)
    try:
        with urlopen(request, timeout=60) as response:
            return response.status, _parsed(response.read())
    except HTTPError as error:
        with error:
            return error.code, _parsed(error.read())


def _parsed(body: bytes) -> Any:
    return json.loads(body) if body else None
