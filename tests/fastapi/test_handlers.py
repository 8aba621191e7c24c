"""Problems over HTTP: what a client is told of each error, and what only the log is told."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field
from tests.fastapi.conftest import in_process

from colonnade import Database, errors
from colonnade.errors import ColonnadeError
from colonnade.fastapi import Problem, connect, status_of

SECRET = "s3cret of the house"
TREE: list[type[ColonnadeError]] = [getattr(errors, name) for name in errors.__all__]


class Body(BaseModel):
    age: int = Field(ge=0)
    name: str


def failing(db: Database, error: Exception, **options: Any) -> FastAPI:
    app = FastAPI()
    connect(app, db, **options)

    @app.get("/")
    async def fail() -> None:
        raise error

    @app.post("/")
    async def take(body: Body, page: Annotated[int, Query(ge=1)] = 1) -> None: ...

    return app


@pytest.fixture
def db(sqlite_url: str) -> Database:
    return Database(sqlite_url)


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
async def test_every_error_is_answered_with_its_status_as_a_problem(
    kind: type[ColonnadeError], db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    error = kind(SECRET, hint=f"{SECRET}!", model="Hero", fields=("name",), constraint="uq_secret")
    error.__cause__ = ValueError(f"driver says: {SECRET}")
    with caplog.at_level(logging.DEBUG, "colonnade"):
        async with in_process(failing(db, error)) as client:
            answer = await client.get("/")
    status = status_of(kind)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(answer.json())
    assert (problem.status, problem.code) == (status, kind.code)
    assert problem.type == f"urn:colonnade:{kind.code}"
    assert problem.title
    assert "driver says" not in answer.text
    assert "uq_secret" not in answer.text
    assert ("retry-after" in answer.headers) is issubclass(kind, errors.Unavailable)
    if status < 500:
        assert (problem.detail, problem.hint, problem.fields) == (SECRET, f"{SECRET}!", ["name"])
        assert not caplog.records
    else:
        assert SECRET not in answer.text
        assert problem.detail
        assert problem.fields == []
        assert SECRET in caplog.text
        assert ("driver says" in caplog.text) is (status == 500)


async def test_invalid_changes_list_every_problem_by_field(db: Database) -> None:
    error = errors.InvalidChanges(
        "Hero cannot be written",
        fields=("age", "name"),
        problems=(("age", "not a number"), ("name", "too long"), ("name", "taken")),
    )
    async with in_process(failing(db, error)) as client:
        answer = (await client.get("/")).json()
    assert answer["problems"] == [
        {"field": "age", "detail": "not a number"},
        {"field": "name", "detail": "too long"},
        {"field": "name", "detail": "taken"},
    ]


async def test_what_fastapi_refuses_is_a_problem_without_the_values_sent(db: Database) -> None:
    async with in_process(failing(db, ValueError())) as client:
        answer = await client.post("/?page=0", json={"age": SECRET})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    found = answer.json()
    assert (found["code"], found["type"]) == ("invalid_request", "urn:colonnade:invalid_request")
    assert [(item["location"], item["field"]) for item in found["problems"]] == [
        ("query", "page"),
        ("body", "age"),
        ("body", "name"),
    ]
    assert found["fields"] == ["page", "age", "name"]


async def test_a_body_that_is_missing_is_a_problem_of_the_body(db: Database) -> None:
    async with in_process(failing(db, ValueError())) as client:
        found = (await client.post("/")).json()
    assert found["problems"][0]["field"] == "body"


async def test_an_http_exception_is_a_problem_with_its_headers(db: Database) -> None:
    error = HTTPException(401, "who are you?", headers={"WWW-Authenticate": "Bearer"})
    async with in_process(failing(db, error)) as client:
        answer = await client.get("/")
        missing = await client.get("/nowhere")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "who are you?",
        "code": "unauthorized",
        "fields": [],
        "problems": [],
    }
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_a_detail_that_is_no_text_is_kept_as_data(db: Database) -> None:
    async with in_process(failing(db, HTTPException(418, {"tea": ["green"]}))) as client:
        found = (await client.get("/")).json()
    assert found["data"] == {"tea": ["green"]}
    assert "detail" not in found


async def test_a_status_without_a_name_and_one_without_a_body_are_answered(db: Database) -> None:
    async with in_process(failing(db, HTTPException(499, "gone away"))) as client:
        found = (await client.get("/")).json()
    assert (found["title"], found["code"]) == ("Status 499", "status_499")
    async with in_process(failing(db, HTTPException(304))) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.content) == (304, b"")


async def test_problems_may_be_of_the_database_only(db: Database) -> None:
    async with in_process(failing(db, errors.NotFound("x"), problems="database")) as client:
        assert (await client.get("/")).json()["code"] == "not_found"
        assert (await client.get("/nowhere")).json() == {"detail": "Not Found"}
        assert "detail" in (await client.post("/", json={})).json()


async def test_problems_may_be_left_to_the_app(db: Database) -> None:
    async with in_process(failing(db, errors.NotFound("x"), problems="none")) as client:
        with pytest.raises(errors.NotFound):
            await client.get("/")


async def test_handlers_that_the_app_has_are_kept(db: Database) -> None:
    app = FastAPI()

    @app.exception_handler(404)
    @app.exception_handler(ColonnadeError)
    async def own(*_: Any) -> PlainTextResponse:
        return PlainTextResponse("own", 410)

    connect(app, db)

    @app.get("/")
    async def fail() -> None:
        raise errors.NotFound("x")

    async with in_process(app) as client:
        assert (await client.get("/")).text == "own"
        assert (await client.get("/nowhere")).text == "own"
