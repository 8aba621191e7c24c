"""What can be asked and told: a service for each table that the application serves."""

from __future__ import annotations

from colonnade import ServiceBase
from flights.models import Airline, Airport, Flight, Plane
from flights.schemas import (
    AirlineCreate,
    AirlineUpdate,
    AirportRead,
    FlightCreate,
    FlightDetail,
    FlightUpdate,
    PlaneRead,
)


class AirlineService(ServiceBase[Airline, AirlineCreate, AirlineUpdate]):
    pass


class AirportService(ServiceBase[Airport, AirportRead, AirportRead]):
    pass


class PlaneService(ServiceBase[Plane, PlaneRead, PlaneRead]):
    pass


class FlightService(ServiceBase[Flight, FlightCreate, FlightUpdate]):
    async def most_delayed(self, airport: str) -> FlightDetail | None:
        """The flight that left this airport latest, with the weather that it left in."""
        flights = self.where(origin_code=airport, departure_delay__gt=0)
        return await flights.order_by("-departure_delay").into(FlightDetail).first()
