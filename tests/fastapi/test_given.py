"""A request's values reach the schemas that await them, as they reach scopes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Header
from tests.conduit import ArticleRead, ArticleService
from tests.fastapi.conftest import in_process

from colonnade import Database, Slice
from colonnade.fastapi import connect, crud_router, provide, provide_scope
from colonnade.testing import count_statements

Articles = Annotated[ArticleService, provide(ArticleService, read=True)]


async def viewer(person: Annotated[int | None, Header()] = None) -> dict[str, Any]:
    return {"viewer": person}


async def test_a_request_s_viewer_is_given_to_every_schema_and_named_in_no_call(
    conduit: Database,
) -> None:
    app = FastAPI(dependencies=[provide_scope(viewer)])
    connect(app, conduit)

    @app.get("/latest")
    async def latest(articles: Articles) -> Slice[ArticleRead]:
        return await articles.into(ArticleRead).order_by("-id").slice(limit=2)

    app.include_router(crud_router(ArticleService, read=ArticleRead, prefix="/articles"))

    async with in_process(app) as client:
        with count_statements(conduit) as statements:
            answer = (await client.get("/latest", headers={"person": "3"})).json()
        statements.expect(3)
        assert [
            (item["title"], item["author"]["following"], item["favourited"])
            for item in answer.pop("items")
        ] == [("three", True, False), ("two", True, True)]
        assert answer == {"offset": 0, "limit": 2, "total": 3, "has_more": True}
        one = (await client.get("/articles/1", headers={"person": "2"})).json()
        assert (one["author"]["following"], one["favourited"]) == (True, True)
        nobody = (await client.get("/articles/1")).json()
        assert (nobody["author"]["following"], nobody["favourited"]) == (False, False)


async def test_a_value_that_nobody_gives_is_a_fault_of_the_server(conduit: Database) -> None:
    app = FastAPI()
    connect(app, conduit)
    app.include_router(crud_router(ArticleService, read=ArticleRead, prefix="/articles"))
    async with in_process(app) as client:
        answer = await client.get("/articles/1")
        assert answer.status_code == 500
