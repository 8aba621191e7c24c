"""Canaries for what ``colonnade._compat.fastapi_routing`` hooks into."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.security import APIKeyQuery

from colonnade._compat.fastapi_routing import served_route


async def of_app() -> None: ...


async def of_parent() -> None: ...


async def of_inclusion() -> None: ...


async def of_route() -> None: ...


key = APIKeyQuery(name="key", auto_error=False)


def names(dependant: Any) -> set[str]:
    """Return the names of all that the tree of dependencies calls."""
    found = {getattr(dependant.call, "__name__", type(dependant.call).__name__)}
    return found.union(*(names(item) for item in dependant.dependencies))


async def ask(app: FastAPI, path: str) -> Any:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.get(path)).json()


@pytest.mark.parametrize("path", ["/a/p/x", "/b/p/x"])
async def test_an_included_route_is_found_with_all_that_its_inclusion_adds(path: str) -> None:
    router = APIRouter(dependencies=[Depends(of_parent)])

    @router.get("/x", dependencies=[Depends(of_route)])
    async def tell(request: Request) -> list[str]:
        return sorted(names(served_route(request.scope).dependant))

    outer = APIRouter()
    outer.include_router(router, prefix="/p", dependencies=[Security(key)])
    app = FastAPI(dependencies=[Depends(of_app)])
    app.include_router(outer, prefix="/a", dependencies=[Depends(of_inclusion)])
    app.include_router(outer, prefix="/b")
    expected = {"APIKeyQuery", "of_app", "of_parent", "of_route", "tell"}
    if path.startswith("/a"):
        expected.add("of_inclusion")
    assert set(await ask(app, path)) == expected


async def test_a_route_of_the_application_itself_is_found_with_the_applications() -> None:
    app = FastAPI(dependencies=[Depends(of_app)])

    @app.get("/x", dependencies=[Depends(of_route)])
    async def tell(request: Request) -> list[str]:
        return sorted(names(served_route(request.scope).dependant))

    assert set(await ask(app, "/x")) == {"of_app", "of_route", "tell"}


def test_outside_of_a_route_there_is_none() -> None:
    assert served_route({"type": "http"}) is None
