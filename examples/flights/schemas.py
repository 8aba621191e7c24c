"""What goes in and out: the fields that an answer shows, a body may set, a URL may ask for."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class AirlineRead(BaseModel):
    code: str
    name: str


class AirlineCreate(BaseModel):
    code: str = Field(pattern="^[A-Z0-9]{2}$")
    name: str = Field(min_length=1, max_length=60)


class AirlineUpdate(BaseModel):
    name: str | None = Field(default=None, min_length=1, max_length=60)


class AirportRead(BaseModel):
    code: str
    name: str
    latitude: float
    longitude: float
    altitude: int
    time_zone: str | None


class PlaneRead(BaseModel):
    tail_number: str
    built: int | None
    manufacturer: str
    model: str
    engines: int
    seats: int


class WeatherRead(BaseModel):
    hour: datetime
    temperature: float | None
    humidity: float | None
    wind_speed: float | None
    precipitation: float
    visibility: float


class FlightRead(BaseModel):
    id: int
    airline: AirlineRead
    number: int
    day: date
    departs: time
    arrives: time
    departure_delay: int | None
    arrival_delay: int | None
    air_time: int | None
    distance: int
    plane: PlaneRead | None
    origin: AirportRead
    destination: AirportRead | None


class FlightDetail(FlightRead):
    weather: WeatherRead | None


class FlightCreate(BaseModel):
    airline_code: str
    number: int = Field(ge=1, le=9999)
    tail_number: str | None = None
    origin_code: str
    destination_code: str
    day: date
    departs: time
    arrives: time
    hour: datetime
    distance: int = Field(ge=1)


class FlightUpdate(BaseModel):
    tail_number: str | None = None
    departure_delay: int | None = None
    arrival_delay: int | None = None
    air_time: int | None = None


class Params(BaseModel):
    """What the URL of a list may ask for; anything else is answered with 422.

    Every field but those here is a filter, and its name is the lookup that it stands for.
    """

    model_config = ConfigDict(extra="forbid")

    page: int = Field(default=1, ge=1, le=1_000_000)
    size: int = Field(default=50, ge=1, le=500)
    order: str | None = None

    def lookups(self) -> dict[str, Any]:
        """The filters that were given."""
        return self.model_dump(exclude=set(Params.model_fields), exclude_none=True)


class FlightParams(Params):
    airline_code: str | None = None
    airline__name__icontains: str | None = None
    number: int | None = None
    origin_code: str | None = None
    destination_code: str | None = None
    destination__time_zone: str | None = None
    day: date | None = None
    day__gte: date | None = None
    day__lte: date | None = None
    departure_delay__gte: int | None = None
    departure_delay__isnull: bool | None = Field(default=None, description="whether it never left")
    arrival_delay__lte: int | None = None
    plane__manufacturer__icontains: str | None = None
    plane__seats__gte: int | None = None
    order: Literal["id", "-id", "day", "-day", "distance", "-distance", "-departure_delay"] = "id"


class PlaneParams(Params):
    manufacturer__icontains: str | None = None
    built__gte: int | None = None
    seats__gte: int | None = None
    flights__airline_code: str | None = Field(default=None, description="has flown for it")
    flights__destination_code: str | None = Field(default=None, description="has flown there")
    order: Literal["tail_number", "-seats", "built", "-built"] = "tail_number"
