# ruff: noqa: PT012  # what raises is a unit of work as a whole, which has more than one line
from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlmodel import col, select, update
from tests.shop import Account, Base, Team

from colonnade.database import Database
from colonnade.errors import ColonnadeError, SessionClosed, SessionShared
from colonnade.session.session import Session
from colonnade.testing import count_statements

SLEEP = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) "
    "SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(0.3)",
    "mysql": "SELECT sleep(0.3)",
}
OPEN_TRANSACTIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx "
    "JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE db = database()",
}


async def names(db: Database) -> list[str]:
    async with db.reader() as session:
        return sorted((await session.exec(select(Team.name))).all())


async def use_many_times(db: Database) -> None:
    """Two hundred units, some at a time, on whatever connections the pool has."""

    async def unit() -> None:
        async with db.session() as session:
            await session.execute(text("SELECT 1"))

    for _ in range(20):
        await asyncio.gather(*(unit() for _ in range(10)))


async def healthy(db: Database) -> None:
    await use_many_times(db)
    assert db.pool().in_use == 0
    if db.family in OPEN_TRANSACTIONS:
        open_ones = text(OPEN_TRANSACTIONS[db.family])
        async with asyncio.timeout(2), db.reader() as session:
            # MariaDB notices that a client is gone when the statement of the client is over.
            while await session.scalar(open_ones):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.02)


async def test_a_clean_exit_commits_and_an_exception_rolls_back(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="kept"))
    with pytest.raises(KeyError):
        async with db.session() as session:
            session.add(Team(name="lost"))
            await session.flush()
            raise KeyError
    assert await names(db) == ["kept"]


async def test_nothing_expires_on_commit(db: Database) -> None:
    async with db.session() as session:
        team = Team(name="a")
        session.add(team)
        await session.commit()
        with count_statements(db) as statements:
            assert (team.id, team.name) == (1, "a")
        statements.expect(0)
    assert (team.id, team.name) == (1, "a")


async def test_commit_and_rollback_in_the_middle_of_a_unit(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="first"))
        await session.commit()
        session.add(Team(name="second"))
        await session.flush()
        await session.rollback()
        session.add(Team(name="third"))
    assert await names(db) == ["first", "third"]


async def test_a_unit_without_statements_sends_nothing(db: Database) -> None:
    with count_statements(db, transactions=True) as statements:
        async with db.session():
            pass
    statements.expect(0)


CALLS: dict[str, Callable[[Session, Team], Any]] = {
    "add": lambda session, team: session.add(team),
    "add_all": lambda session, team: session.add_all([team]),
    "begin": lambda session, _: session.begin(),
    "begin_nested": lambda session, _: session.begin_nested(),
    "commit": lambda session, _: session.commit(),
    "connection": lambda session, _: session.connection(),
    "delete": lambda session, team: session.delete(team),
    "delete_all": lambda session, team: session.delete_all([team]),
    "exec": lambda session, _: session.exec(select(Team)),
    "execute": lambda session, _: session.execute(select(Team)),
    "expire": lambda session, team: session.expire(team),
    "expire_all": lambda session, _: session.expire_all(),
    "expunge": lambda session, team: session.expunge(team),
    "expunge_all": lambda session, _: session.expunge_all(),
    "flush": lambda session, _: session.flush(),
    "get": lambda session, _: session.get(Team, 1),
    "get_one": lambda session, _: session.get_one(Team, 1),
    "invalidate": lambda session, _: session.invalidate(),
    "is_modified": lambda session, team: session.is_modified(team),
    "merge": lambda session, team: session.merge(team),
    "merge_all": lambda session, team: session.merge_all([team]),
    "on_commit": lambda session, _: session.on_commit(print),
    "refresh": lambda session, team: session.refresh(team),
    "reset": lambda session, _: session.reset(),
    "rollback": lambda session, _: session.rollback(),
    "rows": lambda session, _: session.rows(select(Team.id)),
    "run_sync": lambda session, _: session.run_sync(print),
    "scalar": lambda session, _: session.scalar(select(Team.id)),
    "scalars": lambda session, _: session.scalars(select(Team)),
    "stream": lambda session, _: session.stream(select(Team)),
    "batches": lambda session, _: session.batches(select(Team), size=2),
    "stream_scalars": lambda session, _: session.stream_scalars(select(Team)),
}
#: What neither runs anything nor leads anywhere, and what may be done twice.
HARMLESS = {
    "aclose", "autoflush", "bind", "binds", "busy", "close", "close_all", "closed", "deleted",
    "dirty", "get_async_bind", "get_bind", "get_nested_transaction", "get_transaction",
    "identity_key", "identity_map", "in_nested_transaction", "in_transaction", "info", "is_active",
    "new", "no_autoflush", "object_session", "savepoint", "sync_session", "sync_session_class",
    "bind_mapper", "bind_table", "execution_options", "family", "scope", "scoped", "settings",
    "read", "streams",
    "unscoped",
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
async def test_use_after_the_end_is_session_closed(sqlite_url: str, name: str) -> None:
    async with Database(sqlite_url).session() as session:
        pass
    with pytest.raises(SessionClosed, match=rf"session\.{name}\(\) was called") as caught:
        outcome = CALLS[name](session, Team(id=1, name="a"))
        if inspect.isawaitable(outcome):
            await outcome
    assert "streaming and background work need a session of their own" in str(caught.value.hint)
    assert session.closed


@pytest.mark.parametrize("name", sorted(CALLS.keys() - {"batches"}))
async def test_a_call_that_is_refused_to_a_second_task_leaves_nothing_behind(
    sqlite_url: str, name: str
) -> None:
    async with Database(sqlite_url, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            session.add(Team(name="kept"))
            await session.flush()
            other = asyncio.create_task(session.execute(text(SLEEP["sqlite"])))
            await asyncio.sleep(0.02)
            assert session.busy
            before = (set(session.new), set(session.dirty), set(session.deleted), set(session))
            with pytest.raises(SessionShared, match=rf"session\.{name}\(\) was called while"):
                outcome = CALLS[name](session, Team(id=9, name="refused"))
                if inspect.isawaitable(outcome):
                    await outcome
            after = (set(session.new), set(session.dirty), set(session.deleted), set(session))
            assert after == before
            await other
        assert await names(db) == ["kept"]


async def test_what_several_tasks_are_refused_to_create_is_not_stored(db: Database) -> None:
    async def create(session: Session, name: str) -> None:
        session.add(Team(name=name))
        await session.flush()

    async with db.session() as session:
        await session.connection()
        outcomes = await asyncio.gather(
            *(create(session, str(number)) for number in range(4)), return_exceptions=True
        )
    done = [str(number) for number, outcome in enumerate(outcomes) if outcome is None]
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [SessionShared] * 3
    assert await names(db) == done


async def test_a_session_may_be_added_to_where_no_event_loop_runs(db: Database) -> None:
    async with db.session() as session:
        await asyncio.to_thread(session.add, Team(name="a"))
    assert await names(db) == ["a"]


def test_every_public_method_is_held_to_that() -> None:
    public = {name for name in dir(Session) if not name.startswith("_")}
    assert public - set(CALLS) <= HARMLESS


async def test_closing_twice_does_no_harm(db: Database) -> None:
    async with db.session() as session:
        assert not session.closed
    for close in (session.close, session.aclose, session.close):
        await close()
    assert session.closed


async def test_closing_in_the_block_rolls_back_and_the_exit_says_so(db: Database) -> None:
    with pytest.raises(SessionClosed):
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            await session.close()
    assert await names(db) == []


async def test_one_session_used_by_two_tasks_is_named_and_the_pool_stays_healthy(
    db: Database,
) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with db.session() as session:
            await session.execute(text("SELECT 1"))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(session.execute(text(SLEEP[db.family])))
                tasks.create_task(session.execute(text("SELECT 2")))
    shared = caught.value.exceptions
    assert [type(error) for error in shared] == [SessionShared]
    assert "session.execute() was called while another task runs session.execute()" in str(
        shared[0]
    )
    await healthy(db)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_a_commit_or_rollback_that_overlaps_a_query_leaves_no_connection_in_a_transaction(
    db: Database, ending: str
) -> None:
    async with db.session() as session:
        await session.execute(text("SELECT 1"))
        query = asyncio.create_task(session.execute(text(SLEEP[db.family])))
        await asyncio.sleep(0.02)
        assert session.busy
        with pytest.raises(SessionShared):
            await getattr(session, ending)()
        await query
    await healthy(db)


async def test_a_child_that_still_queries_when_the_block_ends_is_named_and_cut_off(
    db: Database,
) -> None:
    children: list[asyncio.Task[Any]] = []
    with pytest.raises(SessionShared, match="ended while another task still used its session"):
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            children.append(asyncio.create_task(session.execute(text(SLEEP[db.family]))))
            await asyncio.sleep(0.02)
    assert children[0].done()
    assert isinstance(children[0].exception(), ColonnadeError)
    await healthy(db)
    assert await names(db) == []


async def test_a_call_inside_wait_for_works(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="a"))
        await asyncio.wait_for(session.flush(), 5)
        assert (await asyncio.wait_for(session.exec(select(Team.name)), 5)).one() == "a"
    assert await names(db) == ["a"]


async def test_a_call_that_wait_for_ends_leaves_the_pool_healthy(db: Database) -> None:
    with pytest.raises(TimeoutError):
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            await asyncio.wait_for(session.execute(text(SLEEP[db.family])), 0.05)
    await healthy(db)
    assert await names(db) == []


async def test_tasks_may_use_one_session_one_after_the_other(db: Database) -> None:
    async with db.session() as session:
        for name in "ab":
            session.add(Team(name=name))
            await asyncio.create_task(session.flush())
    assert await names(db) == ["a", "b"]


async def test_every_way_to_query_answers_without_a_warning(db: Database) -> None:
    async with db.session() as session:
        session.add(Team(name="a"))
        await session.flush()
        plain = select(Team.name)
        assert (await session.execute(plain)).one() == ("a",)
        assert (await session.exec(plain)).one() == "a"
        assert (await session.scalars(plain)).one() == "a"
        assert await session.scalar(plain) == "a"
        assert [row async for row in await session.stream(plain)] == [("a",)]
        assert [name async for name in await session.stream_scalars(plain)] == ["a"]
        assert await session.run_sync(lambda sync: sync.scalar(plain)) == "a"
        assert (await session.get_one(Team, 1)).name == "a"
        assert await session.get(Team, 2) is None


async def test_many_are_merged_and_deleted_at_once(db: Database) -> None:
    async with db.session() as session:
        teams = await session.merge_all([Team(id=1, name="a"), Team(id=2, name="b")])
        await session.flush()
        await session.delete_all(teams[:1])
    assert await names(db) == ["b"]


async def test_a_session_whose_connection_is_invalidated_by_hand_has_ended(db: Database) -> None:
    with pytest.raises(SessionClosed):
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            await session.invalidate()
            await session.execute(text("SELECT 1"))
    await healthy(db)
    assert await names(db) == []


async def test_exec_of_a_select_answers_with_objects_and_of_a_bulk_update_with_a_count(
    db: Database,
) -> None:
    async with db.session() as session:
        session.add_all([Account(owner="a"), Account(owner="b")])
        await session.flush()
        changed: Any = await session.exec(
            update(Account).where(col(Account.owner) == "a").values(balance=5)
        )
        assert changed.rowcount == 1
        assert {account.owner for account in (await session.exec(select(Account))).all()} == {
            "a",
            "b",
        }


async def test_exec_of_sqlalchemys_select_answers_with_rows_and_of_sqlmodels_with_objects(
    db: Database,
) -> None:
    async with db.session() as session:
        session.add(Team(name="a"))
        await session.flush()
        rows: Any = await session.exec(sqlalchemy.select(Team))  # type: ignore[call-overload]  # the pitfall
        assert rows.one()[0].name == "a"
        assert (await session.exec(select(Team))).one().name == "a"
