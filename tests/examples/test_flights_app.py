from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests import skies

from colonnade.database import Database
from colonnade.testing import count_statements


@pytest.mark.parametrize("size", [1, 10, 80])
async def test_a_page_of_flights_with_all_that_is_nested_takes_two_statements(
    flights: Database, client: Any, size: int
) -> None:
    await client.get("/flights", params={"size": 1})
    with count_statements(flights) as statements:
        answer = await client.get("/flights", params={"size": size})
    statements.expect(2)  # the rows, and how many there are
    items = answer.json()["items"]
    assert len(items) == size
    assert all({"airline", "plane", "origin", "destination"} <= item.keys() for item in items)


async def test_a_flight_has_its_airline_plane_airports_and_weather(client: Any) -> None:
    found = await client.get("/flights", params={"number": 101, "day": "2013-01-02"})
    (item,) = found.json()["items"]
    answer = (await client.get(f"/flights/{item['id']}")).json()
    assert answer["airline"] == {"code": "HA", "name": "Hawaiian Airlines"}
    assert answer["plane"]["tail_number"] == "N1"
    assert answer["origin"]["name"] == "JFK Airport"
    assert answer["destination"]["code"] == "HNL"
    assert answer["weather"]["temperature"] == 39.02
    assert answer["departs"] == "06:10:00"


async def test_a_flight_without_a_known_plane_or_destination_has_none(client: Any) -> None:
    params = {"day": "2013-01-01", "size": skies.A_DAY}
    items = {
        item["number"]: item
        for item in (await client.get("/flights", params=params)).json()["items"]
    }
    assert items[109]["plane"] is None  # its tail number is in no register
    assert items[112]["plane"] is None  # it has none
    assert items[107]["destination"] is None


@pytest.mark.parametrize(
    ("params", "total"),
    [
        ({"airline_code": "AA"}, 28),
        ({"airline__name__icontains": "hawaiian"}, 26),
        ({"origin_code": "JFK", "destination_code": "HNL"}, 10),
        ({"day__gte": "2013-01-02"}, 40),
        ({"departure_delay__gte": 150}, 20),
        ({"departure_delay__isnull": "true"}, 4),
        ({"plane__manufacturer__icontains": "airbus"}, None),
        ({"destination__time_zone": "America/New_York", "airline_code": "UA"}, None),
    ],
)
async def test_flights_are_found_by(client: Any, params: dict[str, Any], total: int | None) -> None:
    every = (await client.get("/flights", params={"size": 80})).json()["items"]
    holds = {
        "airline_code": lambda item, value: item["airline"]["code"] == value,
        "airline__name__icontains": lambda item, value: value in item["airline"]["name"].lower(),
        "origin_code": lambda item, value: item["origin"]["code"] == value,
        "destination_code": lambda item, value: (item["destination"] or {}).get("code") == value,
        "day__gte": lambda item, value: item["day"] >= value,
        "departure_delay__gte": lambda item, value: (item["departure_delay"] or -1) >= value,
        "departure_delay__isnull": lambda item, value: item["departure_delay"] is None,
        "plane__manufacturer__icontains": lambda item, value: (
            value in (item["plane"] or {"manufacturer": ""})["manufacturer"].lower()
        ),
        "destination__time_zone": lambda item, value: (
            (item["destination"] or {}).get("time_zone") == value
        ),
    }
    wanted = [
        item["id"]
        for item in every
        if all(holds[name](item, value) for name, value in params.items())
    ]
    answer = (await client.get("/flights", params={**params, "size": 80})).json()
    assert [item["id"] for item in answer["items"]] == wanted
    assert 0 < answer["total"] == len(wanted) < len(every)
    assert total is None or answer["total"] == total


async def test_planes_are_found_by_where_they_have_flown_each_once(client: Any) -> None:
    answer = (await client.get("/planes", params={"flights__destination_code": "HNL"})).json()
    tails = [item["tail_number"] for item in answer["items"]]
    assert tails == sorted(set(tails))
    assert answer["total"] == len(tails) > 1


async def test_the_most_delayed_flight_of_an_airport_comes_with_its_weather(client: Any) -> None:
    answer = (await client.get("/airports/EWR/latest")).json()
    assert answer["departure_delay"] == 5 * 39
    assert "weather" in answer
    assert (await client.get("/airports/LAX/latest")).status_code == 404


async def test_a_flight_leaves_once_a_day_and_may_be_cancelled_and_removed(client: Any) -> None:
    flight = {
        "airline_code": "AA", "number": 7, "origin_code": "JFK", "destination_code": "LAX",
        "day": "2013-02-01", "departs": "10:00", "arrives": "13:00",
        "hour": "2013-02-01T15:00:00Z", "distance": 2475,
    }  # fmt: skip
    created = await client.post("/flights", json=flight)
    assert created.status_code == 201
    where = created.headers["location"]
    assert (await client.post("/flights", json=flight)).status_code == 409
    assert (
        await client.post("/flights", json={**flight, "origin_code": "XXX", "number": 8})
    ).status_code == 409
    patched = await client.patch(where, json={"tail_number": "N1", "departure_delay": 12})
    assert patched.json()["plane"]["tail_number"] == "N1"
    assert (await client.delete(where)).status_code == 204
    assert (await client.get(where)).status_code == 404


async def test_an_unknown_parameter_is_refused_by_name(client: Any) -> None:
    answer = await client.get("/flights", params={"airlin_code": "AA"})
    assert answer.status_code == 422
    assert answer.json()["fields"] == ["airlin_code"]


async def test_every_filter_of_a_list_is_a_lookup_that_the_model_has(flights: Database) -> None:
    from colonnade.filters.parse import parse_lookup
    from flights.schemas import FlightParams, Params, PlaneParams
    from flights.services import FlightService, PlaneService

    for service, params in ((FlightService, FlightParams), (PlaneService, PlaneParams)):
        names = set(params.model_fields) - set(Params.model_fields)
        assert names
        for name in names:
            parse_lookup(service.model, name, True)


async def test_every_check_of_the_demo_holds_and_a_wrong_answer_is_told(
    flights: Database, sky: Path
) -> None:
    from colonnade.cli.serving import open_listener, serve_app
    from flights.app import create_app
    from flights.check import run_checks
    from flights.data import Flights13

    seen: list[tuple[str, str | None]] = []
    data = Flights13(sky)
    with closing(open_listener(0)) as listener:
        async with serve_app(create_app(flights), listener) as url:
            assert await run_checks(flights, data, url, lambda *told: seen.append(told))
            assert len(seen) > 12
            assert {wrong for _, wrong in seen} == {None}
            async with flights.session() as session:
                await session.execute(text("DELETE FROM flight WHERE number = 101"))
            assert not await run_checks(flights, data, url, lambda *told: seen.append(told))
    wrong = [(question, told) for question, told in seen if told is not None]
    assert len(wrong) == 2
    assert all("expected" in told for _, told in wrong)
