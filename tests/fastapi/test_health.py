"""Health routes: alive without I/O, ready when the database answers."""

from __future__ import annotations

from fastapi import FastAPI
from tests.fastapi.conftest import in_process

from colonnade import Database
from colonnade.fastapi import connect
from colonnade.testing import count_statements


async def test_liveness_asks_nobody(db: Database) -> None:
    app = FastAPI()
    connect(app, db)
    async with in_process(app) as client:
        with count_statements(db) as statements:
            answer = await client.get("/livez")
        statements.expect(0)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["cache-control"] == "no-store"


async def test_readiness_asks_the_database(db: Database) -> None:
    app = FastAPI()
    connect(app, db)
    async with in_process(app) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert 0 < answer.json()["seconds"] < 5
    assert answer.headers["cache-control"] == "no-store"


async def test_health_routes_have_the_paths_that_are_asked_for_or_none(sqlite_url: str) -> None:
    app = FastAPI()
    connect(app, Database(sqlite_url), live="/health", ready=None)
    async with in_process(app) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/livez")).status_code == 404
        assert (await client.get("/readyz")).status_code == 404
    none = FastAPI()
    connect(none, Database(sqlite_url), live=None, ready=None, describe_health=True)
    assert none.openapi()["paths"] == {}


async def test_health_routes_are_described_only_when_asked_for(sqlite_url: str) -> None:
    quiet, told = FastAPI(), FastAPI()
    connect(quiet, Database(sqlite_url))
    connect(told, Database(sqlite_url), describe_health=True)
    assert quiet.openapi()["paths"] == {}
    paths = told.openapi()["paths"]
    assert {path: item["get"]["operationId"] for path, item in paths.items()} == {
        "/livez": "health_live",
        "/readyz": "health_ready",
    }
    assert "503" in paths["/readyz"]["get"]["responses"]
