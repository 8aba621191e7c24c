"""The tables: airlines, airports, planes, flights and the weather they left in."""

# No `from __future__ import annotations` here: SQLModel reads the annotations of relations.
from datetime import date, datetime, time

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, Relationship, SQLModel

# Also names every constraint below, so that an error can say which one was violated.
from colonnade.models import DateTimeUTC, IntegerKey


class Airline(SQLModel, table=True):
    code: str = Field(primary_key=True, max_length=2)
    name: str = Field(max_length=60)


class Airport(SQLModel, table=True):
    code: str = Field(primary_key=True, max_length=3)
    name: str = Field(max_length=80)
    latitude: float
    longitude: float
    altitude: int  # feet
    time_zone: str | None = Field(max_length=40)


class Plane(SQLModel, table=True):
    tail_number: str = Field(primary_key=True, max_length=6)
    built: int | None  # year
    type: str = Field(max_length=30)
    manufacturer: str = Field(max_length=40, index=True)
    model: str = Field(max_length=30)
    engines: int
    engine: str = Field(max_length=20)
    seats: int

    # "all": whether a plane with flights may be deleted is the foreign key's to say.
    flights: list["Flight"] = Relationship(
        back_populates="plane", sa_relationship_kwargs={"passive_deletes": "all"}
    )


class Weather(SQLModel, table=True):
    airport_code: str = Field(primary_key=True, max_length=3, foreign_key="airport.code")
    hour: datetime = Field(primary_key=True, sa_type=DateTimeUTC)
    temperature: float | None  # degrees Fahrenheit
    humidity: float | None  # per cent
    wind_speed: float | None  # miles per hour
    precipitation: float  # inches
    visibility: float  # miles


class Flight(IntegerKey, table=True):
    __table_args__ = (UniqueConstraint("airline_code", "number", "origin_code", "day"),)

    airline_code: str = Field(max_length=2, foreign_key="airline.code")
    number: int
    tail_number: str | None = Field(max_length=6, foreign_key="plane.tail_number", index=True)
    origin_code: str = Field(max_length=3, foreign_key="airport.code", index=True)
    destination_code: str | None = Field(max_length=3, foreign_key="airport.code", index=True)

    day: date = Field(index=True)
    departs: time  # as planned, local time, as the next one
    arrives: time
    hour: datetime = Field(sa_type=DateTimeUTC)  # in which it departs
    departure_delay: int | None  # minutes, as the next two; None if it never left
    arrival_delay: int | None
    air_time: int | None
    distance: int  # miles

    airline: Airline = Relationship()
    plane: Plane | None = Relationship(back_populates="flights")
    origin: Airport = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Flight.origin_code"},
    )
    destination: Airport | None = Relationship(
        sa_relationship_kwargs={"foreign_keys": "Flight.destination_code"},
    )
    # Some hours were never recorded, so no foreign key could hold: the join says what belongs.
    weather: Weather | None = Relationship(
        sa_relationship_kwargs={
            "primaryjoin": "and_(foreign(Flight.origin_code) == Weather.airport_code,"
            " foreign(Flight.hour) == Weather.hour)",
            "viewonly": True,
        },
    )
