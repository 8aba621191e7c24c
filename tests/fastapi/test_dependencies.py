"""provide: one unit of work for a request, committed before the response."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException, Security, WebSocket
from fastapi.exceptions import FastAPIError, ResponseValidationError
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from tests.fastapi.conftest import Opener, create, in_process, over_tcp
from tests.fastapi.shop import (
    Deferring,
    Hero,
    HeroRead,
    HeroService,
    MemberService,
    TeamService,
)

from colonnade import Database, Reader, Session
from colonnade.errors import InvalidStatement, SessionClosed, UniqueViolation, UsageError
from colonnade.fastapi import connect, provide, provide_database, provide_session
from colonnade.testing import count_statements
from colonnade.testing.proxy import Proxy, commits

Heroes = Annotated[HeroService, provide(HeroService)]
HeroReads = Annotated[HeroService, provide(HeroService, read=True)]
Teams = Annotated[TeamService, provide(TeamService)]
TeamReads = Annotated[TeamService, provide(TeamService, read=True)]
Sessions = Annotated[Session, provide_session()]
Readers = Annotated[Session, provide_session(read=True)]
Databases = Annotated[Database, provide_database()]
Members = Annotated[MemberService, provide(MemberService)]


def connected(db: Database, **options: Any) -> FastAPI:
    app = FastAPI()
    connect(app, db, **options)
    return app


async def stored(db: Database) -> int:
    async with db.session() as session:
        return await HeroService(session).where().count()


async def test_the_commit_comes_before_the_response(db: Database) -> None:
    app = connected(db)
    sent: list[int] = []

    @app.post("/", status_code=201)
    async def add(heroes: Heroes) -> int:
        return (await heroes.create({"name": "Ann"})).id or 0

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent.append(await stored(db))
            await send(message)

        await app(scope, receive, note)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(watching), base_url="http://shop"
    ) as client:
        assert (await client.post("/")).status_code == 201
    assert sent == [1]


async def test_what_a_client_was_told_is_there_for_everybody(db: Database) -> None:
    app = connected(db)

    @app.post("/{name}", status_code=201)
    async def add(name: str, heroes: Heroes) -> None:
        await heroes.create({"name": name})

    async with over_tcp(app) as client:
        for number in range(10):
            assert (await client.post(f"/hero-{number}")).status_code == 201
            assert await stored(db) == number + 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_commit_that_is_refused_is_what_the_client_hears(
    kind: str, serve: Opener, request: pytest.FixtureRequest
) -> None:
    async with Database(request.getfixturevalue(f"{kind}_url")) as db:
        await create(db, Deferring)
        app = connected(db)
        reached: list[int] = []

        @app.post("/", status_code=201)
        async def add(members: Members) -> int:
            reached.append((await members.create({"guild_id": 7})).id or 0)
            return reached[-1]

        async with serve(app) as client:
            answer = await client.post("/")
            assert (answer.status_code, answer.json()["code"]) == (409, "foreign_key")
            assert reached
            async with db.session() as session:
                assert await MemberService(session).where().count() == 0


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_commit_without_an_answer_is_no_success_and_says_that_it_may_have_happened(
    server_url: str, side: str, serve: Opener
) -> None:
    async with Database(server_url) as direct, Proxy.to(server_url) as proxy:
        await create(direct)
        async with Database(proxy.url(server_url)) as db:
            app = connected(db)

            @app.post("/", status_code=201)
            async def add(heroes: Heroes) -> None:
                await heroes.create({"name": "Ann"})

            async with serve(app) as client:
                getattr(proxy, f"cut_{side}")(commits)
                answer = await client.post("/")
                assert answer.status_code == 500
                assert answer.json()["code"] == "commit_unknown"
                assert "retry-after" not in answer.headers
                assert await stored(direct) == (1 if side == "after" else 0)
                usable = (await client.post("/")).status_code
                assert usable == (409 if side == "after" else 201)


async def test_the_services_of_a_request_share_one_unit_of_work(db: Database) -> None:
    app = connected(db)

    async def user(heroes: Heroes, session: Sessions) -> Session:
        assert heroes.session is session
        return session

    @app.get("/")
    async def ask(
        heroes: Heroes,
        again: Annotated[HeroService, provide(HeroService)],
        teams: Teams,
        session: Sessions,
        known: Annotated[Session, Security(user, scopes=["heroes"])],
    ) -> bool:
        assert not isinstance(session, Reader)
        assert db.pool().in_use == 0  # nobody has asked for anything
        await heroes.where().count()
        await teams.where().count()
        assert db.pool().in_use == 1
        held = {id(item) for item in (heroes.session, again.session, teams.session, session, known)}
        return len(held) == 1

    async with in_process(app) as client:
        assert (await client.get("/")).json() is True
    assert db.pool().in_use == 0


async def test_two_requests_have_two_units_of_work(db: Database) -> None:
    app = connected(db)
    both = asyncio.Barrier(2)
    seen: set[int] = set()

    @app.get("/")
    async def ask(session: Sessions) -> None:
        seen.add(id(session))
        await both.wait()

    async with in_process(app) as client:
        await asyncio.gather(client.get("/"), client.get("/"))
    assert len(seen) == 2


async def test_an_http_exception_rolls_back(db: Database, serve: Opener) -> None:
    app = connected(db)

    @app.post("/")
    async def add(heroes: Heroes) -> None:
        await heroes.create({"name": "Ann"})
        raise HTTPException(402, "pay first")

    async with serve(app) as client:
        assert (await client.post("/")).status_code == 402
        assert await stored(db) == 0


async def test_any_other_exception_rolls_back(db: Database) -> None:
    app = connected(db)

    @app.post("/")
    async def add(heroes: Heroes) -> None:
        await heroes.create({"name": "Ann"})
        raise ZeroDivisionError

    async with in_process(app) as client:
        with pytest.raises(ZeroDivisionError):
            await client.post("/")
        assert await stored(db) == 0


async def test_a_caught_failure_outside_a_savepoint_commits_nothing(db: Database) -> None:
    app = connected(db)

    @app.post("/", status_code=201)
    async def add(heroes: Heroes) -> None:
        await heroes.create({"name": "Ann"})
        try:
            await heroes.create({"name": "Ann"})
        except UniqueViolation:
            return

    async with in_process(app) as client:
        assert (await client.post("/")).status_code == 500
        assert await stored(db) == 0


async def test_a_reading_service_holds_no_transaction(db: Database) -> None:
    app = connected(db)

    @app.get("/")
    async def ask(heroes: HeroReads, teams: TeamReads, reader: Readers) -> int:
        assert heroes.session is teams.session is reader
        assert isinstance(reader, Reader)
        found = await heroes.where().count()
        pool = db.pool()
        assert (pool.in_use, pool.readers.in_use if pool.readers else 0) == (0, 0)
        return found

    async with in_process(app) as client:
        assert (await client.get("/")).json() == 0


@pytest.mark.parametrize("order", ["reader first", "unit first"])
async def test_a_request_that_writes_reads_its_own_writes_in_any_order(
    db: Database, order: str
) -> None:
    app = connected(db)

    async def reading_first(reads: HeroReads, heroes: Heroes) -> int:
        await heroes.create({"name": "Ann"})
        assert reads.session is heroes.session
        return await reads.where().count()

    async def writing_first(heroes: Heroes, reads: HeroReads) -> int:
        return await reading_first(reads, heroes)

    app.get("/")(reading_first if order == "reader first" else writing_first)
    async with in_process(app) as client:
        assert (await client.get("/")).json() == 1


async def test_a_reader_reads_from_a_unit_that_only_the_included_router_asked_for(
    db: Database,
) -> None:
    router, app = APIRouter(), connected(db)

    async def audit(heroes: Heroes) -> None:
        await heroes.create({"name": "Ann"})

    @router.get("/")
    async def ask(reads: HeroReads) -> int:
        return await reads.where().count()

    app.include_router(router, dependencies=[Depends(audit)])
    async with in_process(app) as client:
        assert (await client.get("/")).json() == 1


async def test_ten_requests_on_a_pool_of_two_and_one_all_succeed(
    database_url: str, serve: Opener
) -> None:
    async with Database(database_url, pool_size=2, max_overflow=1) as db:
        await create(db)
        app = connected(db)

        @app.post("/{name}", status_code=201)
        async def add(name: str, heroes: Heroes) -> int:
            assert db.pool().in_use <= 3
            await heroes.create({"name": name})
            await asyncio.sleep(0.02)
            return await heroes.where().count()

        async with serve(app) as client:
            answers = await asyncio.gather(*(client.post(f"/hero-{n}") for n in range(10)))
            assert [answer.status_code for answer in answers] == [201] * 10
            assert await stored(db) == 10


async def test_a_request_that_finds_no_place_is_told_to_come_back(sqlite_url: str) -> None:
    async with Database(sqlite_url, pool_size=1, max_overflow=0, pool_timeout=0.1) as db:
        await create(db)
        app = connected(db)

        inside, told = asyncio.Event(), asyncio.Event()

        @app.get("/")
        async def ask(heroes: Heroes) -> int:
            found = await heroes.where().count()
            inside.set()
            await told.wait()
            return found

        async with in_process(app) as client:
            first = asyncio.create_task(client.get("/"))
            await inside.wait()
            answer = await client.get("/")
            told.set()
            assert (answer.status_code, answer.json()["code"]) == (503, "pool_timeout")
            assert int(answer.headers["retry-after"]) > 0
            assert (await first).status_code == 200


def test_a_users_yield_dependency_on_a_function_scope_one_fails_at_start_up() -> None:
    app = FastAPI()

    async def own(heroes: Heroes) -> AsyncIterator[HeroService]:
        yield heroes

    with pytest.raises(FastAPIError, match='"own" has a scope of "request"'):

        @app.get("/")
        async def ask(heroes: Annotated[HeroService, Depends(own)]) -> None: ...


async def test_a_users_yield_dependency_of_function_scope_still_writes_in_its_end(
    db: Database,
) -> None:
    app = connected(db)

    async def own(heroes: Heroes) -> AsyncIterator[None]:
        yield
        await heroes.create({"name": "written at the end"})

    @app.get("/", dependencies=[Depends(own, scope="function")])
    async def ask() -> None: ...

    async with in_process(app) as client:
        assert (await client.get("/")).status_code == 200
        assert await stored(db) == 1


async def test_a_yield_dependency_that_outlives_the_unit_finds_it_closed(db: Database) -> None:
    app = connected(db)
    found: list[BaseException] = []

    async def plain(heroes: Heroes) -> HeroService:
        return heroes

    async def own(heroes: Annotated[HeroService, Depends(plain)]) -> AsyncIterator[None]:
        yield
        try:
            await heroes.where().count()
        except SessionClosed as error:
            found.append(error)

    @app.get("/", dependencies=[Depends(own)])
    async def ask() -> None: ...

    async with in_process(app) as client:
        assert (await client.get("/")).status_code == 200
    assert len(found) == 1


async def test_streaming_and_background_work_need_a_session_of_their_own(db: Database) -> None:
    app = connected(db)
    found: list[BaseException] = []

    async def late(heroes: HeroService) -> None:
        try:
            await heroes.where().count()
        except SessionClosed as error:
            found.append(error)

    @app.get("/background")
    async def background(tasks: BackgroundTasks, heroes: Heroes) -> None:
        tasks.add_task(late, heroes)

    @app.get("/stream")
    async def stream(heroes: Heroes) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            await late(heroes)
            yield b"end"

        return StreamingResponse(body())

    @app.get("/own")
    async def own(db: Databases) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            async with db.reader() as reader:
                yield await HeroService(reader).into(HeroRead).json.all()

        return StreamingResponse(body())

    async with in_process(app) as client:
        await client.get("/background")
        assert len(found) == 1
        await client.get("/stream")
        assert len(found) == 2
        assert (await client.get("/own")).content == b"[]"
    assert all("of their own" in str(error) for error in found)


async def test_a_created_table_model_is_returned_whole(db: Database) -> None:
    """Returning an expired table model would give ``200 {}``: nothing expires at our commit."""
    app = connected(db)

    @app.post("/")
    async def add(heroes: Heroes) -> Any:
        return await heroes.create({"name": "Ann"})

    @app.post("/filtered", response_model=HeroRead)
    async def filtered(heroes: Heroes) -> Any:
        hero = await heroes.create({"name": "Ben"})
        return await heroes.get(hero.id, load=["team"])

    async with in_process(app) as client:
        whole = (await client.post("/")).json()
        assert {"id", "name", "age", "secret", "team_id"} <= set(whole)
        assert (await client.post("/filtered")).json() == {
            "id": 2,
            "name": "Ben",
            "age": 1,
            "team": None,
        }


async def test_the_response_is_validated_before_the_commit_and_while_the_session_is_open(
    db: Database,
) -> None:
    app = connected(db)

    @app.post("/", response_model=HeroRead)
    async def add(heroes: Heroes, teams: Teams) -> Any:
        team = await teams.create({"name": "League"})
        hero = await heroes.create({"name": "Ann", "team_id": team.id})
        heroes.session.expunge_all()
        return await heroes.get(hero.id)

    async with in_process(app) as client:
        with pytest.raises(ResponseValidationError, match=r"Hero\.team was not loaded"):
            await client.post("/")
        assert await stored(db) == 0


async def test_a_test_replaces_a_service_as_fastapi_replaces_any_dependency(db: Database) -> None:
    app = connected(db)
    marker = provide(HeroService)

    @app.get("/")
    async def ask(heroes: Annotated[Any, marker]) -> str:
        return type(heroes).__name__

    class Better(HeroService):
        pass

    async def better(session: Sessions) -> Better:
        return Better(session)

    assert marker.dependency is not None
    app.dependency_overrides[marker.dependency] = better
    async with in_process(app) as client:
        assert (await client.get("/")).json() == "Better"


async def test_a_request_that_asks_nothing_sends_nothing(db: Database) -> None:
    app = connected(db)

    @app.get("/")
    async def ask(heroes: Heroes, reads: TeamReads) -> None: ...

    async with in_process(app) as client:
        with count_statements(db) as statements:
            assert (await client.get("/")).status_code == 200
        statements.expect(0)


@pytest.mark.parametrize("wrong", [Hero, None, "HeroService", provide_session()])
def test_provide_takes_a_service_class(wrong: Any) -> None:
    with pytest.raises(UsageError, match="ServiceBase"):
        provide(wrong)


async def test_a_web_socket_has_a_unit_of_work_too(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    app = connected(db)

    @app.websocket("/ws")
    async def talk(socket: WebSocket, session: Sessions) -> None:
        await socket.accept()
        await socket.send_json(await session.scalar(text("SELECT 1")))
        await socket.close()

    async with db:
        sent = await talk_to(app, "/ws")
    assert [message["type"] for message in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert sent[1]["text"] == "1"


async def test_an_error_in_a_web_socket_is_left_to_the_server(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    app = connected(db)

    @app.websocket("/ws")
    async def talk(socket: WebSocket, heroes: Heroes) -> None:
        await socket.accept()
        await heroes.where().count()

    async with db:
        with pytest.raises(InvalidStatement):
            await talk_to(app, "/ws")


async def talk_to(app: FastAPI, path: str) -> list[Any]:
    """What the app sends to a client that connects and says nothing."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "subprotocols": [],
    }
    await app(scope, receive, send)
    return sent


async def test_a_router_whose_inclusion_writes_reads_what_was_written(db: Database) -> None:
    async def add(heroes: Heroes) -> None:
        await heroes.create({"name": "Ann"})

    router = APIRouter()

    @router.get("/")
    async def count(heroes: HeroReads) -> int:
        return await heroes.where().count()

    app = connected(db)
    app.include_router(router, prefix="/writing", dependencies=[Depends(add)])
    app.include_router(router, prefix="/reading")
    async with in_process(app) as client:
        # One route, included twice: what is true of one inclusion need not be of the other.
        assert (await client.get("/reading/")).json() == 0
        assert (await client.get("/writing/")).json() == 1
        assert (await client.get("/reading/")).json() == 1
