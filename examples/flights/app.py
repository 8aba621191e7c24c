"""The application: a router for each table, and the two lists that can be filtered.

Run it on a database that has been loaded:

    DATABASE_URL=sqlite:///flights.db uvicorn --factory flights.app:create_app
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Response

from colonnade import Database, Page
from colonnade.errors import NotFound
from colonnade.fastapi import connect, crud_router, provide
from flights.schemas import (
    AirlineRead,
    AirportRead,
    FlightDetail,
    FlightParams,
    FlightRead,
    PlaneParams,
    PlaneRead,
)
from flights.services import AirlineService, AirportService, FlightService, PlaneService

FlightReads = Annotated[FlightService, provide(FlightService, read=True)]
PlaneReads = Annotated[PlaneService, provide(PlaneService, read=True)]

router = APIRouter()


@router.get("/flights", tags=["flights"], response_model=Page[FlightRead])
async def flights(service: FlightReads, params: Annotated[FlightParams, Query()]) -> Response:
    """A page of flights, each with its airline, its plane and both its airports."""
    found = service.where(params.lookups()).order_by(params.order).into(FlightRead)
    return _json(await found.json.page(params.page, size=params.size))


@router.get("/planes", tags=["planes"], response_model=Page[PlaneRead])
async def planes(service: PlaneReads, params: Annotated[PlaneParams, Query()]) -> Response:
    """A page of planes, by what they are and where they have flown."""
    found = service.where(params.lookups()).order_by(params.order).into(PlaneRead)
    return _json(await found.json.page(params.page, size=params.size))


@router.get("/airports/{code}/latest", tags=["airports"])
async def latest(code: str, service: FlightReads) -> FlightDetail:
    """The flight that left an airport with the longest delay, and the weather it left in."""
    flight = await service.most_delayed(code)
    if flight is None:
        raise NotFound(f"no flight left {code} late")
    return flight


def create_app(db: Database | None = None) -> FastAPI:
    """The application on ``db``, or on the database that ``DATABASE_URL`` names."""
    app = FastAPI(title="Flights from New York, 2013")
    connect(app, db or Database.from_env())
    app.include_router(router)
    app.include_router(
        crud_router(
            FlightService,
            read=FlightDetail,
            routes=("create", "get", "update", "delete"),
            prefix="/flights",
        )
    )
    app.include_router(crud_router(AirlineService, read=AirlineRead, prefix="/airlines"))
    app.include_router(
        crud_router(AirportService, read=AirportRead, routes=("get", "page"), prefix="/airports")
    )
    app.include_router(crud_router(PlaneService, read=PlaneRead, routes=("get",), prefix="/planes"))
    return app


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
