"""What the tests of the FastAPI room share: a database with tables, a client, a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from tests.fastapi.shop import Base

from colonnade.database import Database

Opener: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[httpx.AsyncClient]]


async def create(database: Database, base: type[Base] = Base) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(base.metadata.create_all)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with the tables of the shop, once for each kind."""
    async with Database(database_url, metadata=Base.metadata) as db:
        await create(db)
        yield db


@asynccontextmanager
async def in_process(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, which has been started."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
    ):
        yield client


@asynccontextmanager
async def over_tcp(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server that runs the app."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
            raise RuntimeError("the server ended before it started")
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        await task


@pytest.fixture(params=[in_process, over_tcp], ids=["in_process", "over_tcp"])
def serve(request: pytest.FixtureRequest) -> Opener:
    """Both ways to a running app."""
    opener: Opener = request.param
    return opener
