from __future__ import annotations

import asyncio
import json
import re
import resource
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest
from sqlalchemy import text
from tests import skies

from colonnade.cli.demo import import_example
from colonnade.database import Database
from colonnade.errors import InvalidStatement

if TYPE_CHECKING:
    from tests.cli.conftest import Command, Start


def complaint(answer: subprocess.CompletedProcess[str]) -> str:
    """The only line on the standard error."""
    assert answer.returncode == 1, answer.stdout + answer.stderr
    (line,) = answer.stderr.splitlines()
    assert line.startswith("colonnade: ")
    return line


def serving(process: subprocess.Popen[str]) -> str:
    """The URL at which a started demo serves."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found.group()
    raise AssertionError(f"it never served: {process.communicate()}")


def total(url: str) -> object:
    """How many flights are served."""
    with urlopen(f"{url}/flights?size=1", timeout=10) as answer:
        return json.load(answer)["total"]


async def load(url: str, sky: Path) -> None:
    """Do what a start with an empty database does, in this process."""
    flights = import_example("flights", "data", "load")
    async with Database(url) as db:
        assert not await flights.load.is_loaded(db)
        await flights.load.load(db, flights.data.Flights13(sky), lambda name, done: None)


async def rows(url: str) -> list[int]:
    async with Database(url) as db, db.reader() as session:
        return [
            int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)
            for table in ("airline", "airport", "plane", "weather", "flight")
        ]


async def test_a_check_loads_serves_and_finds_every_answer_right(
    colonnade: Command, database_url: str, sky: Path
) -> None:
    answer = colonnade("demo", "--check", "--database", database_url, "--data", sky)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stderr == ""
    lines = answer.stdout.splitlines()
    assert sum(line.startswith("ok ") for line in lines) > 12
    assert lines[-1] == "every answer is right"
    assert re.search(r"^179 rows in [\d.]+ s: [\d,]+ rows/s$", answer.stdout, re.MULTILINE)
    assert "10 flights name one of 1 airports" in answer.stdout
    assert await rows(database_url) == [3, 5, 7, 84, 80]


async def test_a_second_start_finds_the_data_and_needs_no_files(
    start: Start, database_url: str, sky: Path, tmp_path: Path
) -> None:
    await load(database_url, sky)
    second = start("demo", "--port", "0", "--database", database_url, "--data", tmp_path / "none")
    assert total(serving(second)) == 80


def test_a_check_without_a_place_leaves_no_file(
    colonnade: Command, sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert colonnade("demo", "--check", "--data", sky).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_demo_without_a_place_keeps_its_file_for_the_next_start(
    start: Start, sky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    serving(start("demo", "--port", "0", "--data", sky))
    assert len(list(tmp_path.glob("colonnade-*/flights.db"))) == 1
    serving(start("demo", "--port", "0", "--data", tmp_path / "none"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_serving_in_order(
    start: Start, sky: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("demo", "--port", "0", "--place", tmp_path / "f.db", "--data", sky)
    url = serving(process)
    with urlopen(f"{url}/docs", timeout=10) as answer:
        assert answer.status == 200
    process.send_signal(number)
    assert process.wait(10) == 0
    assert process.communicate()[1] == ""
    # The last connection folds the log into the file: everything was closed.
    assert [path.name for path in tmp_path.iterdir()] == ["f.db"]


async def tables_there(url: str) -> None:
    """Wait until the schema stands, which is when the load begins."""
    async with asyncio.timeout(20):
        while True:
            try:
                await rows(url)
            except InvalidStatement:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_load_leaves_empty_tables_that_can_be_loaded(
    start: Start,
    database_url: str,
    sky: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    long = skies.write(tmp_path / "long", days=1500)
    process = start("demo", "--port", "0", "--database", database_url, "--data", long)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("database: ")
    await tables_there(database_url)
    process.send_signal(number)
    told, complained = process.communicate(timeout=20)
    assert process.returncode == 128 + number, told + complained
    assert "serving" not in told
    (line,) = complained.splitlines()
    assert "interrupted" in line
    assert await rows(database_url) == [0] * 5
    await load(database_url, sky)


def test_a_port_in_use_is_told_before_anything_is_loaded(
    colonnade: Command, sky: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place = tmp_path / "f.db"
        answer = colonnade("demo", "--port", str(port), "--place", place, "--data", sky)
    assert f"port {port} cannot be had" in complaint(answer)
    assert "--port 0" in answer.stderr
    assert not place.exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nosql://x", "unknown scheme 'nosql'"),
        ("postgresql://x@127.0.0.1:1/x", "cannot be reached"),
        ("mariadb://x:secret@127.0.0.1:1/x", "cannot be reached"),
        ("postgresql://x:secret@nowhere.invalid/x", "cannot be reached"),
        ("mysql://root@127.0.0.1", "names no database"),
    ],
)
def test_a_wrong_url_is_one_line_that_shows_no_password(
    colonnade: Command, sky: Path, url: str, told: str
) -> None:
    answer = colonnade("demo", "--database", url, "--data", sky, "--port", "0")
    assert told in complaint(answer)
    assert "secret" not in answer.stdout + answer.stderr


def test_two_places_are_one_too_many(colonnade: Command, tmp_path: Path) -> None:
    answer = colonnade(
        "demo", "--port", "0", "--database", "sqlite:///f.db", "--place", tmp_path / "f.db"
    )
    assert "--database and --place" in complaint(answer)


def test_a_place_that_is_no_database_is_left_as_it_is(
    colonnade: Command, sky: Path, tmp_path: Path
) -> None:
    place = tmp_path / "letter.txt"
    place.write_text("Dear database, " * 100)
    answer = colonnade("demo", "--port", "0", "--place", place, "--data", sky)
    assert "file is not a database" in complaint(answer)
    assert place.read_text() == "Dear database, " * 100


def test_a_place_where_nothing_can_be_written_is_named(
    colonnade: Command, sky: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = colonnade("demo", "--port", "0", "--place", tmp_path / "file" / "f.db", "--data", sky)
    assert str(tmp_path / "file") in complaint(answer)


async def test_no_space_ends_in_one_line_and_empty_tables_that_can_be_loaded(
    colonnade: Command, sky: Path, tmp_path: Path
) -> None:
    long = skies.write(tmp_path / "long", days=300)
    place = tmp_path / "f.db"
    # A limit on the size of files is the nearest to a full disk that needs no privileges.
    answer = colonnade(
        "demo",
        *("--port", "0", "--place", place, "--data", long),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
    )
    complaint(answer)
    assert await rows(f"sqlite:///{place}") == [0] * 5
    await load(f"sqlite:///{place}", sky)


async def test_other_tables_of_the_same_names_are_kept_and_told(
    colonnade: Command, database_url: str, sky: Path
) -> None:
    async with Database(database_url) as db, db.session() as session:
        await session.execute(text("CREATE TABLE airline (code VARCHAR(2), hub VARCHAR(3))"))
        await session.execute(text("INSERT INTO airline VALUES ('ZZ', 'JFK')"))
    answer = colonnade("demo", "--port", "0", "--database", database_url, "--data", sky)
    complaint(answer)
    async with Database(database_url) as db, db.reader() as session:
        assert (await session.execute(text("SELECT * FROM airline"))).all() == [("ZZ", "JFK")]


def test_missing_files_are_named_by_their_folder(colonnade: Command, tmp_path: Path) -> None:
    answer = colonnade("demo", "--port", "0", "--place", tmp_path / "f.db", "--data", tmp_path)
    assert f"no airlines.csv in {tmp_path}" in complaint(answer)


async def test_a_wrong_answer_makes_the_check_fail(
    colonnade: Command, sky: Path, tmp_path: Path
) -> None:
    place = tmp_path / "f.db"
    colonnade("demo", "--check", "--place", place, "--data", sky)
    more = skies.write(tmp_path / "more", days=3)
    answer = colonnade("demo", "--check", "--place", place, "--data", more)
    assert answer.returncode == 1
    assert "WRONG 200 GET    /flights?size=1" in answer.stdout
    assert "expected 120, got 80" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "not every answer is right"
