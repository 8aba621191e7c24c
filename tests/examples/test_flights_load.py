from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from tests import skies

from colonnade.database import Database


async def _count(db: Database, table: str) -> int:
    async with db.reader() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_every_row_of_every_file_is_loaded(flights: Database, sky: Path) -> None:
    from flights.load import is_loaded

    assert await is_loaded(flights)
    wanted = {
        "airline": len(skies.AIRLINES),
        "airport": len(skies.AIRPORTS),
        "plane": skies.PLANES,
        "weather": 2 * 14 * 3,
        "flight": 2 * skies.A_DAY,
    }
    assert {table: await _count(flights, table) for table in wanted} == wanted


async def test_sqlite_knows_how_many_flights_share_a_plane_or_a_place(flights: Database) -> None:
    if flights.family != "sqlite":
        return  # servers count by themselves
    async with flights.reader() as db:
        found = await db.execute(text("SELECT idx FROM sqlite_stat1 WHERE tbl = 'flight'"))
        assert {"ix_flight_tail_number", "ix_flight_destination_code"} <= set(found.scalars())


async def test_a_load_that_breaks_in_the_last_file_leaves_every_table_empty(
    database: Database, tmp_path: Path
) -> None:
    from flights.data import BadData, Flights13
    from flights.load import is_loaded, load

    folder = skies.write(tmp_path / "sky", days=1)
    with (folder / "flights.csv").open("a") as file:
        file.write("2013,1,one\n")
    assert not await is_loaded(database)
    with pytest.raises(BadData, match=r"flights\.csv"):
        await load(database, Flights13(folder), lambda name, done: None)
    assert not await is_loaded(database)
    assert [await _count(database, table) for table in ("airline", "plane", "flight")] == [0] * 3


async def test_the_rows_and_the_time_are_told(database: Database, sky: Path) -> None:
    from flights.data import Flights13
    from flights.load import TABLES, is_loaded, load

    seen: dict[str, int] = {}
    await is_loaded(database)
    loaded = await load(database, Flights13(sky), seen.__setitem__)
    assert list(seen) == list(TABLES)
    assert loaded.rows == sum(seen.values()) == 3 + 5 + skies.PLANES + 84 + 80
    assert loaded.seconds > 0
