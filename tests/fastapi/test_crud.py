"""crud_router: a model offered over HTTP, on every database and through a real server."""

import asyncio
from collections import Counter
from typing import Annotated, Any
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyQuery
from pydantic import BaseModel
from pydantic import Field as Described
from tests.fastapi.conftest import Opener, create, in_process
from tests.fastapi.shop import (
    Deferring,
    Hero,
    HeroCreate,
    HeroRead,
    HeroService,
    MemberRead,
    MemberService,
    MissionBody,
    MissionService,
    RelicRead,
    RelicService,
    Team,
    TeamRead,
    TeamService,
)

from colonnade import Database, Page, ServiceBase
from colonnade.errors import InvalidSchema, InvalidSetting, UsageError
from colonnade.fastapi import Operation, connect, crud_router, inputs
from colonnade.testing import count_statements


def shop(db: Database, **options: Any) -> FastAPI:
    app = FastAPI()
    connect(app, db)
    app.include_router(crud_router(HeroService, read=HeroRead, prefix="/heroes", **options))
    app.include_router(crud_router(TeamService, read=TeamRead, prefix="/teams"))
    app.include_router(crud_router(MissionService, read=MissionBody, prefix="/missions"))
    app.include_router(crud_router(RelicService, read=RelicRead, prefix="/relics"))
    return app


def fields(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    return [(item.get("location", ""), item["field"]) for item in answer.json()["problems"]]


async def test_an_object_is_created_read_changed_and_deleted(db: Database, serve: Opener) -> None:
    async with serve(shop(db)) as client:
        team = (await client.post("/teams", json={"name": "League"})).json()
        made = await client.post("/heroes", json={"name": "Ann", "years": 4, "team_id": team["id"]})
        assert made.status_code == 201
        assert made.json() == {"id": 1, "name": "Ann", "age": 4, "team": team}
        assert made.headers["location"] == "/heroes/1"
        found = await client.get(made.headers["location"])
        assert (found.status_code, found.json()) == (200, made.json())
        changed = await client.patch("/heroes/1", json={"age": 5})
        assert (changed.status_code, changed.json()) == (200, {**made.json(), "age": 5})
        gone = await client.delete("/heroes/1")
        assert (gone.status_code, gone.content) == (204, b"")
        for again in (await client.get("/heroes/1"), await client.delete("/heroes/1")):
            assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_a_column_that_the_read_schema_does_not_name_never_leaves(db: Database) -> None:
    """A POST route without a response model would return every column."""
    async with in_process(shop(db)) as client:
        answers = [
            await client.post("/heroes", json={"name": "Ann"}),
            await client.patch("/heroes/1", json={"age": 2}),
            await client.get("/heroes/1"),
            await client.get("/heroes"),
        ]
    assert all("secret" not in answer.text for answer in answers)
    assert all("hash" not in answer.text for answer in answers)


async def test_a_patch_leaves_what_it_does_not_name_and_takes_an_explicit_null(
    db: Database,
) -> None:
    async with in_process(shop(db)) as client:
        await client.post("/heroes", json={"name": "Ann", "years": 9})
        empty = await client.patch("/heroes/1", json={})
        assert (empty.status_code, empty.json()["age"]) == (200, 9)
        null = await client.patch("/heroes/1", json={"name": None})
        assert (null.status_code, null.json()["code"]) == (422, "invalid_changes")
        assert fields(null) == [("", "name")]


async def test_pages_are_numbered_counted_and_bounded(db: Database, serve: Opener) -> None:
    async with serve(shop(db, size=2, max_size=3)) as client:
        for number in range(5):
            await client.post("/heroes", json={"name": f"hero {number}"})
        first, last = (await client.get("/heroes")).json(), (await client.get("/heroes?page=3"))
        past = (await client.get("/heroes?page=9&size=3")).json()
        assert [item["id"] for item in first["items"]] == [1, 2]
        assert {key: value for key, value in first.items() if key != "items"} == {
            "number": 1,
            "size": 2,
            "total": 5,
            "pages": 3,
            "has_more": True,
        }
        page = Page[HeroRead].model_validate_json(last.content)
        assert (len(page.items), page.has_more) == (1, False)
        assert (past["items"], past["total"]) == ([], 5)


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "size=0", "size=1001", "page=x", "size=", f"page={10**30}"]
)
async def test_a_page_that_nobody_can_turn_to_is_refused(db: Database, query: str) -> None:
    async with in_process(shop(db)) as client:
        answer = await client.get(f"/heroes?{query}")
    assert answer.status_code == 422
    assert fields(answer) == [("query", query.partition("=")[0])]


async def test_the_last_page_that_may_be_asked_for_is_empty_and_no_error(db: Database) -> None:
    async with in_process(shop(db)) as client:
        answer = await client.get(f"/heroes?page={10**12}&size=1000")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/heroes"), ("POST", "/heroes"), ("GET", "/heroes/1")),
        *(("PATCH", "/heroes/1"), ("DELETE", "/heroes/1")),
    ],
)
async def test_unknown_parameters_give_422_and_change_nothing(
    db: Database, method: str, path: str
) -> None:
    async with in_process(shop(db)) as client:
        await client.post("/heroes", json={"name": "Ann"})
        answer = await client.request(method, f"{path}?is_actve=1&siez=3", json={"name": "Ben"})
        assert answer.status_code == 422
        assert [name for _, name in fields(answer)] == ["is_actve", "siez"]
        left = (await client.get("/heroes")).json()
        assert [item["name"] for item in left["items"]] == ["Ann"]
    if (method, path) == ("GET", "/heroes"):
        assert "did you mean 'size'?" in answer.json()["detail"]


async def test_a_declared_parameter_of_a_dependency_is_known(db: Database) -> None:
    async def trace(trace: Annotated[str, Query(validation_alias="x-trace")] = "") -> None: ...

    class Key(BaseModel):
        tenant: str = "none"
        token: str = Query(default="", alias="access-token")

    async def check(key: Annotated[Key, Query()], debug: bool = False) -> None:
        if key.token != "open":
            raise HTTPException(403)

    app = shop(db, dependencies=[Depends(check), Depends(trace)])
    async with in_process(app) as client:
        assert (await client.get("/heroes?access-token=open&x-trace=7")).status_code == 200
        assert (await client.get("/heroes?access-token=open&tenant=a&debug=1")).status_code == 200
        assert (await client.get("/heroes?access-token=shut")).status_code == 403
        assert (await client.get("/heroes?access-token=open&token=1")).status_code == 422


async def test_unknown_keys_of_a_body_are_refused_with_all_else_that_is_wrong(
    db: Database,
) -> None:
    async with in_process(shop(db)) as client:
        answer = await client.post("/heroes", json={"nam": "Ann", "years": "{old}", "secret": "x"})
        assert answer.status_code == 422
        assert sorted(fields(answer)) == [
            ("body", "nam"),
            ("body", "name"),
            ("body", "secret"),
            ("body", "years"),
        ]
        assert "did you mean 'name'?" in answer.json()["detail"]
        by_name = await client.post("/heroes", json={"name": "Ann", "age": 4})
        assert fields(by_name) == [("body", "age")]
        lone = await client.patch("/heroes/1", json={"nmae": "Ann"})
        assert fields(lone) == [("body", "nmae")]
        assert "did you mean 'name'?" in lone.json()["detail"]
        for body in ("[]", "3", "null", '"name"', "{", ""):
            wrong = await client.post(
                "/heroes", content=body, headers={"Content-Type": "application/json"}
            )
            assert wrong.status_code == 422, body
        assert (await client.get("/heroes")).json()["total"] == 0


async def test_what_the_database_refuses_has_its_status_and_names_the_field(
    db: Database, serve: Opener
) -> None:
    async with serve(shop(db)) as client:
        await client.post("/heroes", json={"name": "Ann"})
        taken = await client.post("/heroes", json={"name": "Ann"})
        assert (taken.status_code, taken.json()["code"]) == (409, "unique")
        assert taken.json()["fields"] == ["name"]
        assert "Ann" not in taken.text
        dangling = await client.post("/heroes", json={"name": "Ben", "team_id": 77})
        assert (dangling.status_code, dangling.json()["code"]) == (409, "foreign_key")
        assert "77" not in dangling.text
        unsound = await client.patch("/heroes/1", json={"age": -1})
        assert (unsound.status_code, unsound.json()["code"]) == (422, "check")
        await client.post("/teams", json={"name": "League"})
        assert (await client.get("/heroes")).json()["total"] == 1


@pytest.mark.parametrize("key", ["x", "1.5", "%20", str(10**30), str(2**40)])
async def test_a_key_that_is_none_is_never_a_server_error(db: Database, key: str) -> None:
    async with in_process(shop(db)) as client:
        for method in ("GET", "DELETE", "PATCH"):
            answer = await client.request(method, f"/heroes/{key}", json={"age": 1})
            assert answer.status_code in (404, 422), (method, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_a_composite_key_is_a_segment_for_each_column(db: Database, serve: Opener) -> None:
    code = "50% off? née #1"
    async with serve(shop(db)) as client:
        body = {"day": "2026-03-01", "code": code, "title": "Sale"}
        made = await client.post("/missions", json=body)
        assert made.status_code == 201
        assert unquote(made.headers["location"]) == f"/missions/2026-03-01/{code}"
        assert (await client.get(made.headers["location"])).json() == body
        changed = await client.patch(made.headers["location"], json={"title": "Sold"})
        assert changed.json() == {**body, "title": "Sold"}
        wrong = await client.get("/missions/yesterday/x")
        assert fields(wrong) == [("path", "day")]
        assert (await client.delete(made.headers["location"])).status_code == 204
        assert (await client.get(made.headers["location"])).status_code == 404


async def test_a_uuid_key_is_typed(db: Database) -> None:
    async with in_process(shop(db)) as client:
        made = await client.post("/relics", json={"name": "Ring"})
        assert made.headers["location"] == f"/relics/{UUID(made.json()['id'])}"
        assert (await client.get(made.headers["location"])).json() == made.json()
        assert fields(await client.get("/relics/7")) == [("path", "id")]


async def test_reads_use_a_reader_and_writes_one_unit(db: Database) -> None:
    async with in_process(shop(db)) as client:
        await client.post("/heroes", json={"name": "Ann"})
        with count_statements(db) as read:
            await client.get("/heroes/1")
        read.expect(1)
        with count_statements(db) as page:
            await client.get("/heroes")
        # A page on which the list ends tells the total by itself.
        page.expect(1)
        pool = db.pool()
        assert pool.readers is not None
        assert (pool.in_use, pool.readers.in_use) == (0, 0)


async def test_an_answer_that_the_columns_of_a_model_fill_takes_no_statement_but_the_write(
    db: Database,
) -> None:
    """Where the database returns what it has written; MariaDB and MySQL do not, of an UPDATE."""
    answers_update = 2 if db.family == "mysql" else 1
    async with in_process(shop(db)) as client:
        await client.post("/teams", json={"name": "warm"})
        for body, expected in (({"name": "League"}, 1), ({"name": "Legion"}, 1)):
            with count_statements(db) as created:
                answer = await client.post("/teams", json=body)
            created.expect(expected)
            assert answer.json() == (await client.get(answer.headers["location"])).json()
            assert answer.headers["content-type"] == "application/json"
        with count_statements(db) as updated:
            answer = await client.patch("/teams/2", json={"name": "Union"})
        updated.expect(answers_update)
        assert answer.json() == (await client.get("/teams/2")).json() == {"id": 2, "name": "Union"}
        with count_statements(db) as unchanged:
            answer = await client.patch("/teams/2", json={})
        unchanged.expect(1)
        assert answer.json() == {"id": 2, "name": "Union"}


async def test_an_answer_with_a_relation_is_read_by_one_statement_more(db: Database) -> None:
    answers_update = 2 if db.family == "mysql" else 1
    async with in_process(shop(db)) as client:
        await client.post("/heroes", json={"name": "warm"})
        with count_statements(db) as created:
            await client.post("/heroes", json={"name": "Ann"})
        created.expect(2)
        with count_statements(db) as updated:
            answer = await client.patch("/heroes/2", json={"age": 7})
        updated.expect(answers_update + 1)
        assert answer.json() == {"id": 2, "name": "Ann", "age": 7, "team": None}


class Title(BaseModel):
    name: str = Described(serialization_alias="Title")


async def test_the_location_is_known_though_the_answer_does_not_name_the_key(db: Database) -> None:
    app = FastAPI()
    connect(app, db)
    app.include_router(crud_router(TeamService, read=Title, prefix="/teams"))
    async with in_process(app) as client:
        made = await client.post("/teams", json={"name": "League"})
        assert (made.headers["location"], made.json()) == ("/teams/1", {"Title": "League"})
        assert (await client.get("/teams/1")).json() == made.json()


async def test_a_write_of_ones_own_is_answered_with_what_is_stored_in_the_end(
    db: Database,
) -> None:
    class Shouting(TeamService):
        async def create(self, payload: Any, **options: Any) -> Team:
            team: Team = await super().create(payload, **options)
            team.name = f"{team.name}!"
            return team

        async def update(self, key: Any, payload: Any, **options: Any) -> Team:
            team: Team = await super().update(key, payload, **options)
            self.session.expire(team)
            return team

    app = FastAPI()
    connect(app, db)
    app.include_router(crud_router(Shouting, read=TeamRead, prefix="/teams"))
    async with in_process(app) as client:
        made = await client.post("/teams", json={"name": "League"})
        assert made.json() == {"id": 1, "name": "League!"}
        changed = await client.patch("/teams/1", json={"name": "Legion"})
        assert changed.json() == (await client.get("/teams/1")).json()
        assert changed.json() == {"id": 1, "name": "Legion"}


async def test_the_dependencies_of_a_route_are_walked_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[Any] = []
    walk = inputs._iterate_dependants

    def record(route: Any) -> Any:
        walked.append(route)
        return walk(route)

    monkeypatch.setattr(inputs, "_iterate_dependants", record)
    async with in_process(shop(db)) as client:
        for _ in range(3):
            await client.get("/heroes")
            await client.post("/teams", json={"name": "League"})
    assert len(walked) == 2


async def test_location_knows_every_prefix_and_mount_above(db: Database) -> None:
    inner, outer = FastAPI(), FastAPI()
    connect(inner, db)
    connect(outer, db)
    router = APIRouter(prefix="/v1")
    router.include_router(crud_router(HeroService, read=HeroRead), prefix="/people")
    inner.include_router(router)
    outer.mount("/api", inner)
    async with in_process(outer) as client:
        made = await client.post("/api/v1/people", json={"name": "Ann"})
        assert made.headers["location"] == "/api/v1/people/1"
        assert (await client.get(made.headers["location"])).status_code == 200


async def test_only_the_routes_that_are_asked_for_exist(db: Database) -> None:
    app = FastAPI()
    connect(app, db)
    wanted: list[Operation] = ["page", "create"]
    app.include_router(crud_router(HeroService, read=HeroRead, prefix="/heroes", routes=wanted))
    assert {path: sorted(item) for path, item in app.openapi()["paths"].items()} == {
        "/heroes": ["get", "post"]
    }
    async with in_process(app) as client:
        made = await client.post("/heroes", json={"name": "Ann"})
        assert made.status_code == 201
        assert "location" not in made.headers
        assert (await client.get("/heroes/1")).status_code == 404


async def test_a_commit_that_fails_is_no_201(serve: Opener, postgresql_url: str) -> None:
    async with Database(postgresql_url) as db:
        await create(db, Deferring)
        app = FastAPI()
        connect(app, db)
        app.include_router(crud_router(MemberService, read=MemberRead, prefix="/members"))
        async with serve(app) as client:
            answer = await client.post("/members", json={"guild_id": 3})
            assert (answer.status_code, answer.json()["code"]) == (409, "foreign_key")
            assert (await client.get("/members")).json()["total"] == 0


async def test_many_writers_at_once_are_all_served(database_url: str) -> None:
    async with Database(database_url, pool_size=2, max_overflow=1) as db:
        await create(db)
        async with in_process(shop(db)) as client:
            bodies = [{"name": f"hero {number}"} for number in range(10)]
            answers = await asyncio.gather(*(client.post("/heroes", json=body) for body in bodies))
            assert [answer.status_code for answer in answers] == [201] * 10
            total = (await client.get("/heroes", params={"size": 1})).json()["total"]
            assert total == 10


async def test_a_read_schema_that_the_model_cannot_fill_stops_the_start(
    sqlite_url: str,
) -> None:
    class Wrong(BaseModel):
        nmae: str

    app = FastAPI()
    connect(app, Database(sqlite_url))
    app.include_router(crud_router(HeroService, read=Wrong, prefix="/heroes"))
    with pytest.raises(InvalidSchema, match="nmae"):
        async with in_process(app):
            pass


@pytest.mark.parametrize("place", ["read", "create", "update"])
def test_a_table_is_no_schema(place: str) -> None:
    schemas: dict[str, Any] = {"read": HeroRead, place: Hero}
    with pytest.raises(InvalidSchema, match="is a table"):
        crud_router(HeroService, **schemas)


@pytest.mark.parametrize("sizes", [{"size": 0}, {"size": 9, "max_size": 3}, {"max_size": 1001}])
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(InvalidSetting, match="do not fit"):
        crud_router(HeroService, read=HeroRead, **sizes)


@pytest.mark.parametrize(("name", "told"), [("updat", "'update'"), ("zzz", "create, get, page")])
def test_a_route_that_does_not_exist_is_refused_with_the_nearest(name: Any, told: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        crud_router(HeroService, read=HeroRead, routes=[name])
    assert told in str(caught.value.hint)


class TestOpenAPI:
    """What the document says of the routes."""

    @pytest.fixture
    def document(self, sqlite_url: str) -> dict[str, Any]:
        app = shop(Database(sqlite_url))
        for prefix in ("/v1", "/v2"):
            again = crud_router(TeamService, read=TeamRead, prefix="/teams")
            app.include_router(again, prefix=prefix)
        return app.openapi()

    def test_operation_ids_are_unique_and_say_what_they_are(self, document: dict[str, Any]) -> None:
        ids = Counter(
            operation["operationId"]
            for path in document["paths"].values()
            for operation in path.values()
        )
        assert max(ids.values()) == 1
        assert {"heroes_create", "heroes_get", "heroes_page", "heroes_update"} < set(ids)
        assert {"heroes_delete", "v1_teams_get", "v2_teams_get", "missions_get"} < set(ids)

    def test_tags_are_the_prefix(self, document: dict[str, Any]) -> None:
        assert document["paths"]["/heroes"]["get"]["tags"] == ["heroes"]

    def test_each_route_shows_its_schemas(self, document: dict[str, Any]) -> None:
        many, one = document["paths"]["/heroes"], document["paths"]["/heroes/{id}"]
        assert answered(many["post"], 201) == "HeroRead"
        assert answered(many["get"], 200) == "Page_HeroRead_"
        assert answered(one["get"], 200) == "HeroRead"
        assert answered(one["patch"], 200) == "HeroRead"
        assert "content" not in one["delete"]["responses"]["204"]
        assert sent(many["post"]) == "HeroCreate"
        assert sent(one["patch"]) == "HeroUpdate"
        assert "Location" in many["post"]["responses"]["201"]["headers"]

    def test_keys_and_pages_are_typed(self, document: dict[str, Any]) -> None:
        key, page = (
            document["paths"]["/missions/{day}/{code}"]["get"]["parameters"],
            document["paths"]["/heroes"]["get"]["parameters"],
        )
        assert [(item["name"], item["in"]) for item in key] == [("day", "path"), ("code", "path")]
        assert key[0]["schema"]["format"] == "date"
        assert {item["name"]: item["schema"]["default"] for item in page} == {"page": 1, "size": 50}
        assert page[1]["schema"]["maximum"] == 1000

    def test_problems_are_described_as_they_are_sent(self, document: dict[str, Any]) -> None:
        for path in document["paths"].values():
            for operation in path.values():
                told = operation["responses"]
                assert {"422", "5XX"} <= set(told)
                assert "HTTPValidationError" not in str(told)
                for status in set(told) - {"200", "201", "204"}:
                    (media,) = told[status]["content"]
                    assert media == "application/problem+json"
        problem = told["422"]["content"]["application/problem+json"]["schema"]
        assert {"type", "title", "status", "detail", "code", "fields"} <= set(problem["properties"])

    def test_every_reference_leads_somewhere(self, document: dict[str, Any]) -> None:
        def walk(node: Any) -> list[str]:
            if isinstance(node, dict):
                own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
                return own + [ref for item in node.values() for ref in walk(item)]
            return [ref for item in node for ref in walk(item)] if isinstance(node, list) else []

        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert set(walk(document)) <= known


def answered(operation: dict[str, Any], status: int) -> str:
    return named(operation["responses"][str(status)])


def sent(operation: dict[str, Any]) -> str:
    return named(operation["requestBody"])


def named(part: dict[str, Any]) -> str:
    reference: str = part["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


async def test_a_header_of_a_dependency_is_no_query_parameter(db: Database) -> None:
    async def check(token: Annotated[str, Header()] = "") -> None: ...

    async with in_process(shop(db, dependencies=[Depends(check)])) as client:
        assert (await client.get("/heroes", headers={"token": "x"})).status_code == 200
        assert (await client.get("/heroes?token=x")).status_code == 422


async def test_parameters_that_the_application_or_an_inclusion_declares_are_known(
    db: Database,
) -> None:
    async def language(lang: str = "en") -> str:
        return lang

    async def region(region: str = "eu") -> str:
        return region

    app = FastAPI(dependencies=[Depends(language)])
    connect(app, db)
    router = crud_router(HeroService, read=HeroRead, prefix="/heroes")
    app.include_router(router, dependencies=[Depends(region), Security(APIKeyQuery(name="key"))])
    async with in_process(app) as client:
        found = await client.get("/heroes", params={"lang": "de", "region": "us", "key": "k"})
        assert found.status_code == 200
        wrong = await client.get("/heroes", params={"langue": "de", "key": "k"})
        assert fields(wrong) == [("query", "langue")]


async def test_a_service_is_offered_with_what_it_has_schemas_for(db: Database) -> None:
    class Reading(ServiceBase[Hero]):
        pass

    class Adding(ServiceBase[Hero, HeroCreate]):
        pass

    def offered(service: Any, **options: Any) -> set[str]:
        router = crud_router(service, read=HeroRead, prefix="/heroes", **options)
        return {route.name for route in router.routes if isinstance(route, APIRoute)}

    assert offered(Reading) == {"get", "page"}
    assert offered(Adding) == {"create", "get", "page", "delete"}
    assert offered(HeroService) == {"create", "get", "page", "update", "delete"}
    assert offered(Reading, routes=["get", "delete"]) == {"get", "delete"}
    assert offered(HeroService, routes="get") == {"get"}
    for service, wrong in ((Reading, "create"), (Adding, "update")):
        with pytest.raises(UsageError, match=f"has no schema to {wrong}"):
            offered(service, routes=[wrong])


def test_one_tag_may_stand_alone() -> None:
    for tags in ("people", ["people"]):
        assert crud_router(HeroService, read=HeroRead, tags=tags).tags == ["people"]


async def test_what_is_no_service_is_told_what_to_write(db: Database) -> None:
    class Bare(ServiceBase):  # type: ignore[type-arg]
        pass

    async with db.reader() as session:
        wrongs: list[tuple[Any, str, str]] = [
            (Hero, "crud_router takes a class derived from ServiceBase, not Hero", "HeroService("),
            (HeroService(session), "not a HeroService", "hand in the class: HeroService"),
            (Bare, "Bare does not say which model it serves", "class Bare(ServiceBase[Hero"),
            ("Hero", "not a str", "provide_session"),
        ]
        for wrong, message, hint in wrongs:
            with pytest.raises(UsageError) as caught:
                crud_router(wrong, read=HeroRead)
            assert message in caught.value.message
            assert hint in (caught.value.hint or "")


async def test_the_key_of_what_is_not_there_is_in_no_answer(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_process(shop(db)) as client:
        answer = await client.get("/heroes/987654")
    assert answer.status_code == 404
    assert "987654" not in answer.text
