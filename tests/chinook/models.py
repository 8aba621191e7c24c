"""Chinook, a record shop: its eleven tables under attributes of our own spelling."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Optional

from pydantic import BaseModel
from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Numeric, String
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import ServiceBase


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


def key(name: str, refers: str | None = None) -> Any:
    foreign = [] if refers is None else [ForeignKey(refers)]
    return Field(default=None, sa_column=Column(name, Integer, *foreign, primary_key=True))


def refers(name: str, target: str, *, nullable: bool = False) -> Any:
    column = Column(name, Integer, ForeignKey(target), nullable=nullable)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def text(name: str, *, nullable: bool = True) -> Any:
    column = Column(name, String, nullable=nullable)
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


class Artist(Base, table=True):
    __tablename__ = "Artist"
    id: int | None = key("ArtistId")
    name: str | None = text("Name")
    albums: list["Album"] = Relationship(back_populates="artist")


class Album(Base, table=True):
    __tablename__ = "Album"
    id: int | None = key("AlbumId")
    title: str = text("Title", nullable=False)
    artist_id: int = refers("ArtistId", "Artist.ArtistId")
    artist: Artist = Relationship(back_populates="albums")
    tracks: list["Track"] = Relationship(back_populates="album")


class Genre(Base, table=True):
    __tablename__ = "Genre"
    id: int | None = key("GenreId")
    name: str | None = text("Name")


class MediaType(Base, table=True):
    __tablename__ = "MediaType"
    id: int | None = key("MediaTypeId")
    name: str | None = text("Name")


class PlaylistTrack(Base, table=True):
    __tablename__ = "PlaylistTrack"
    playlist_id: int = key("PlaylistId", "Playlist.PlaylistId")
    track_id: int = key("TrackId", "Track.TrackId")


class Playlist(Base, table=True):
    __tablename__ = "Playlist"
    id: int | None = key("PlaylistId")
    name: str | None = text("Name")
    tracks: list["Track"] = Relationship(back_populates="playlists", link_model=PlaylistTrack)


class Track(Base, table=True):
    __tablename__ = "Track"
    id: int | None = key("TrackId")
    name: str = text("Name", nullable=False)
    album_id: int | None = refers("AlbumId", "Album.AlbumId", nullable=True)
    media_type_id: int = refers("MediaTypeId", "MediaType.MediaTypeId")
    genre_id: int | None = refers("GenreId", "Genre.GenreId", nullable=True)
    composer: str | None = text("Composer")
    milliseconds: int = Field(sa_column=Column("Milliseconds", Integer, nullable=False))
    bytes_: int | None = Field(default=None, sa_column=Column("Bytes", Integer))
    unit_price: Decimal = Field(sa_column=Column("UnitPrice", Numeric(10, 2), nullable=False))
    album: Optional[Album] = Relationship(back_populates="tracks")  # noqa: UP045 # SQLModel's way
    genre: Optional[Genre] = Relationship()  # noqa: UP045 # SQLModel's way
    media_type: MediaType = Relationship()
    playlists: list[Playlist] = Relationship(back_populates="tracks", link_model=PlaylistTrack)
    lines: list["InvoiceLine"] = Relationship(back_populates="track")


class Employee(Base, table=True):
    __tablename__ = "Employee"
    id: int | None = key("EmployeeId")
    last_name: str = text("LastName", nullable=False)
    first_name: str = text("FirstName", nullable=False)
    title: str | None = text("Title")
    reports_to: int | None = refers("ReportsTo", "Employee.EmployeeId", nullable=True)
    city: str | None = text("City")
    boss: Optional["Employee"] = Relationship(
        back_populates="team", sa_relationship_kwargs={"remote_side": "Employee.id"}
    )
    team: list["Employee"] = Relationship(back_populates="boss")
    customers: list["Customer"] = Relationship(back_populates="support_rep")


class Customer(Base, table=True):
    __tablename__ = "Customer"
    id: int | None = key("CustomerId")
    first_name: str = text("FirstName", nullable=False)
    last_name: str = text("LastName", nullable=False)
    company: str | None = text("Company")
    country: str | None = text("Country")
    email: str = text("Email", nullable=False)
    support_rep_id: int | None = refers("SupportRepId", "Employee.EmployeeId", nullable=True)
    support_rep: Optional[Employee] = Relationship(back_populates="customers")  # noqa: UP045 # as above
    invoices: list["Invoice"] = Relationship(back_populates="customer")


class Invoice(Base, table=True):
    __tablename__ = "Invoice"
    id: int | None = key("InvoiceId")
    customer_id: int = refers("CustomerId", "Customer.CustomerId")
    invoiced_at: datetime = Field(sa_column=Column("InvoiceDate", DateTime, nullable=False))
    total: Decimal = Field(sa_column=Column("Total", Numeric(10, 2), nullable=False))
    customer: Customer = Relationship(back_populates="invoices")
    lines: list["InvoiceLine"] = Relationship(back_populates="invoice")


class InvoiceLine(Base, table=True):
    __tablename__ = "InvoiceLine"
    id: int | None = key("InvoiceLineId")
    invoice_id: int = refers("InvoiceId", "Invoice.InvoiceId")
    track_id: int = refers("TrackId", "Track.TrackId")
    unit_price: Decimal = Field(sa_column=Column("UnitPrice", Numeric(10, 2), nullable=False))
    quantity: int = Field(sa_column=Column("Quantity", Integer, nullable=False))
    invoice: Invoice = Relationship(back_populates="lines")
    track: Track = Relationship(back_populates="lines")


class Write(BaseModel):
    model_config = {"extra": "allow"}


class Artists(ServiceBase[Artist, Write, Write]):
    pass


class Albums(ServiceBase[Album, Write, Write]):
    pass


class Tracks(ServiceBase[Track, Write, Write]):
    pass


class Playlists(ServiceBase[Playlist, Write, Write]):
    pass


class PlaylistTracks(ServiceBase[PlaylistTrack, Write, Write]):
    pass


class Employees(ServiceBase[Employee, Write, Write]):
    pass


class Customers(ServiceBase[Customer, Write, Write]):
    pass


class Invoices(ServiceBase[Invoice, Write, Write]):
    pass
