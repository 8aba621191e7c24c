"""A real database that others made: answers beside those of plain SQL."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from tests.chinook.models import (
    Albums,
    Artists,
    Base,
    Customers,
    Employees,
    Invoices,
    Playlists,
    PlaylistTracks,
    Tracks,
)

from colonnade import Database
from colonnade.errors import ForeignKeyViolation
from colonnade.testing import count_statements

SOURCE = Path(__file__).parents[2].parent / "shared" / "data" / "chinook.sqlite"

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    if not SOURCE.exists():
        pytest.skip("no ../shared/data/chinook.sqlite beside the checkout")
    return Path(shutil.copy(SOURCE, tmp_path / "chinook.sqlite"))


@pytest.fixture
async def chinook(path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{path}", metadata=Base.metadata) as database:
        yield database


@pytest.fixture
def sql(path: Path) -> Ask:
    def ask(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(path) as connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    return ask


async def test_every_table_is_mapped_and_counted(chinook: Database, sql: Ask) -> None:
    names = {name for (name,) in sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert names == set(Base.metadata.tables)
    async with chinook.reader() as session:
        for service in (Artists, Albums, Tracks, Playlists, Employees, Customers, Invoices):
            table = service.model.__tablename__
            assert (
                await service(session).where().count()
                == sql(f'SELECT count(*) FROM "{table}"')[0][0]
            )


async def test_three_relations_deep_is_one_statement(chinook: Database, sql: Ask) -> None:
    expected = sql(
        "SELECT t.TrackId FROM Track t JOIN Album b USING (AlbumId) JOIN Artist a USING (ArtistId) "
        "WHERE a.Name = 'AC/DC' AND t.Milliseconds > 250000 "
        "ORDER BY t.Milliseconds DESC, t.TrackId DESC"
    )
    async with chinook.reader() as session:
        query = Tracks(session).where(album__artist__name="AC/DC", milliseconds__gt=250_000)
        with count_statements(chinook) as statements:
            found = await query.order_by("-milliseconds").load("album.artist").all()
        statements.expect(1)
        assert [(track.id,) for track in found] == expected
        assert {track.album.artist.name for track in found if track.album} == {"AC/DC"}


async def test_a_parent_comes_once_however_many_tracks_match(chinook: Database, sql: Ask) -> None:
    expected = sql(
        "SELECT DISTINCT b.AlbumId FROM Album b JOIN Track t USING (AlbumId) JOIN Genre g "
        "USING (GenreId) WHERE g.Name = 'Jazz' ORDER BY 1"
    )
    async with chinook.reader() as session:
        query = Albums(session).where(tracks__genre__name="Jazz")
        assert [(album.id,) for album in await query.all()] == expected
        assert await query.count() == len(expected)


async def test_many_to_many_both_ways(chinook: Database, sql: Ask) -> None:
    expected = sql(
        "SELECT DISTINCT p.PlaylistId FROM Playlist p JOIN PlaylistTrack USING (PlaylistId) "
        "JOIN Track t USING (TrackId) WHERE instr(t.Composer, 'Mozart') ORDER BY 1"
    )
    sizes = dict(sql("SELECT PlaylistId, count(*) FROM PlaylistTrack GROUP BY 1"))
    async with chinook.reader() as session:
        found = await Playlists(session).where(tracks__composer__contains="Mozart").all()
        assert [(playlist.id,) for playlist in found] == expected
        with count_statements(chinook) as statements:
            playlists = await Playlists(session).where().load("tracks").all()
        statements.expect(2)
        assert {item.id: len(item.tracks) for item in playlists if item.tracks} == sizes
        on_both = await Tracks(session).where(playlists__id=1).where(playlists__id=5).count()
        assert [(on_both,)] == sql(
            "SELECT count(*) FROM PlaylistTrack a JOIN PlaylistTrack b USING (TrackId) "
            "WHERE a.PlaylistId = 1 AND b.PlaylistId = 5"
        )


async def test_a_link_has_a_composite_key(chinook: Database, sql: Ask) -> None:
    pairs = sql(
        "SELECT PlaylistId, TrackId FROM PlaylistTrack ORDER BY TrackId, PlaylistId LIMIT 9"
    )
    async with chinook.reader() as session:
        found = await PlaylistTracks(session).get_many(pairs[::-1])
        assert [(item.playlist_id, item.track_id) for item in found] == pairs[::-1]


async def test_who_reports_to_whom(chinook: Database, sql: Ask) -> None:
    class Person(BaseModel):
        last_name: str

    class Boss(BaseModel):
        last_name: str
        team: list[Person]
        boss: Person | None

    expected = sql(
        "SELECT e.LastName, b.LastName FROM Employee e LEFT JOIN Employee b "
        "ON b.EmployeeId = e.ReportsTo ORDER BY e.EmployeeId"
    )
    async with chinook.reader() as session:
        employees = Employees(session)
        found = await employees.into(Boss).all()
        assert [(item.last_name, item.boss.last_name if item.boss else None) for item in found] == (
            expected
        )
        assert sum(len(item.team) for item in found) == sum(1 for _, boss in expected if boss)
        top = await employees.where(boss__boss__last_name="Adams").order_by("last_name").all()
        assert [(item.last_name,) for item in top] == sql(
            "SELECT e.LastName FROM Employee e JOIN Employee b ON b.EmployeeId = e.ReportsTo JOIN "
            "Employee t ON t.EmployeeId = b.ReportsTo WHERE t.LastName = 'Adams' ORDER BY 1"
        )


async def test_an_invoice_with_all_there_is_to_it(chinook: Database, sql: Ask) -> None:
    class Song(BaseModel):
        name: str
        unit_price: Decimal

    class Line(BaseModel):
        quantity: int
        track: Song

    class Rep(BaseModel):
        last_name: str

    class Buyer(BaseModel):
        email: str
        support_rep: Rep | None

    class Bill(BaseModel):
        id: int = Field(serialization_alias="invoiceId")
        total: Decimal
        customer: Buyer
        lines: list[Line]

    async with chinook.reader() as session:
        query = Invoices(session).where(customer__country="Norway").into(Bill)
        with count_statements(chinook) as statements:
            bills = await query.all()
        statements.expect(2)
        text = await query.json.all()
    assert [(bill.id, float(bill.total), len(bill.lines)) for bill in bills] == sql(
        "SELECT i.InvoiceId, i.Total, count(*) FROM Invoice i JOIN Customer c USING (CustomerId) "
        "JOIN InvoiceLine USING (InvoiceId) WHERE c.Country = 'Norway' GROUP BY 1 ORDER BY 1"
    )
    assert all(
        bill.total == sum(line.quantity * line.track.unit_price for line in bill.lines)
        for bill in bills
    )
    assert text.startswith(f'[{{"invoiceId":{bills[0].id},'.encode())


async def test_pages_together_are_every_track_once(chinook: Database, sql: Ask) -> None:
    """Sorted by a genre that has hundreds of each."""
    async with chinook.reader() as session:
        query = Tracks(session).where().order_by("genre.name", "-unit_price")
        found: list[int | None] = []
        for number in range(1, 6):
            page = await query.page(number, size=800)
            found += [track.id for track in page.items]
        assert (page.total, page.pages, page.has_more) == (len(found), 5, False)
    assert sorted(found) == [number for (number,) in sql("SELECT TrackId FROM Track ORDER BY 1")]  # type: ignore[type-var] # no key is None


async def test_writes_reach_the_renamed_columns(chinook: Database, sql: Ask) -> None:
    async with chinook.session() as session:
        artist = await Artists(session).create({"name": "Colonnade"})
        album = await Albums(session).create({"title": "Rows", "artist_id": artist.id})
        await Albums(session).update(album.id, {"title": "Columns"})
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await Artists(session).delete(artist.id)
    assert sql("SELECT Title, ArtistId FROM Album WHERE AlbumId = ?", album.id) == [
        ("Columns", artist.id)
    ]
