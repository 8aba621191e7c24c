from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlmodel import SQLModel, select
from tests.shop import Base, Team

import colonnade.database
from colonnade.database import Database
from colonnade.errors import InvalidMapping, InvalidSetting, InvalidURL, UsageError
from colonnade.mapping import configure
from colonnade.session.session import Session


async def ask(db: Database) -> object:
    async with db.session() as session:
        return await session.scalar(text("SELECT 1"))


async def test_its_repr_hides_the_password() -> None:
    db = Database("postgresql://me:s3cret@example.org/shop")
    assert repr(db) == "Database('postgresql+asyncpg://me:***@example.org/shop')"


async def test_it_says_its_family_settings_and_metadata(db: Database) -> None:
    assert db.family in ("sqlite", "postgresql", "mysql")
    assert db.settings.pool_size == 10
    assert db.metadata is Base.metadata
    assert Database("sqlite:///x.db").metadata is SQLModel.metadata


def test_a_wrong_url_or_setting_is_told_before_any_loop_runs() -> None:
    with pytest.raises(InvalidURL):
        Database("shop.db")
    with pytest.raises(InvalidSetting, match="no setting 'pool_sise'") as caught:
        Database("sqlite:///shop.db", pool_sise=3)  # type: ignore[call-arg]  # that is the point
    assert "'pool_size'" in str(caught.value.hint)


def test_it_is_used_inside_a_loop_only(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.db'}")
    for use in (lambda: db.engine, db.pool, db.session, db.reader):
        with pytest.raises(UsageError, match="inside an event loop only"):
            use()


def test_each_event_loop_has_an_engine_of_its_own(database_url: str) -> None:
    db = Database(database_url)
    engines = []

    async def use() -> object:
        engines.append(db.engine)
        assert db.engine is engines[-1]
        try:
            return await ask(db)
        finally:
            await db.close()

    assert [asyncio.run(use()) for _ in range(2)] == [1, 1]
    assert engines[0] is not engines[1]


def test_loops_in_threads_use_one_database_at_the_same_time(database_url: str) -> None:
    db = Database(database_url)
    answers: list[object] = []
    together = threading.Barrier(2)

    async def use() -> None:
        for _ in range(5):
            answers.append(await ask(db))
            together.wait(5)
        await db.close()

    threads = [threading.Thread(target=asyncio.run, args=(use(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [1] * 10


def test_a_loop_that_is_gone_leaves_no_engine_behind(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.db'}")

    async def use() -> None:
        await ask(db)
        await db.engine.dispose()

    for _ in range(3):
        asyncio.run(use())
    gc.collect()
    assert len(db._loops) == 1


async def test_a_closed_database_connects_anew_when_it_is_used(db: Database) -> None:
    engine = db.engine
    assert await ask(db) == 1
    async with db.reader() as session:
        await session.execute(text("SELECT 1"))
    await db.close()
    await db.close()
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # a queue pool has it
    assert await ask(db) == 1
    assert db.engine is not engine


async def test_closing_while_units_run_lets_them_finish_and_closes_their_connections(
    db: Database,
) -> None:
    engine = db.engine
    async with db.session() as session:
        session.add(Team(name="a"))
        await session.flush()
        await db.close()
        session.add(Team(name="b"))
    assert engine.pool.checkedin() == 0 or all(
        record.dbapi_connection is None
        for record in engine.pool._pool.queue  # type: ignore[attr-defined]  # a queue pool has it
    )
    async with db.reader() as reader:
        assert sorted((await reader.exec(select(Team.name))).all()) == ["a", "b"]


async def test_closing_while_a_unit_breaks_its_connection_does_no_harm(db: Database) -> None:
    engine = db.engine
    async with db.session() as session:
        await session.execute(text("SELECT 1"))
        await db.close()
        connection = await session.connection()
        await connection.invalidate()
        await session.rollback()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a queue pool has it
    assert await ask(db) == 1


async def test_it_closes_at_the_end_of_its_block(database_url: str) -> None:
    async with Database(database_url) as db:
        engine = db.engine
        await ask(db)
        assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]  # a queue pool has it
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # a queue pool has it


async def test_tables_are_created_once_and_dropped(database_url: str) -> None:
    async with Database(database_url, metadata=Base.metadata) as db:
        for _ in range(2):
            await db.create_all()
            async with db.session() as session:
                assert (await session.exec(select(Team))).all() == []
                await session.rollback()
        async with db.session() as session:
            session.add(Team(name="kept"))
        await db.create_all()
        async with db.reader() as session:
            assert len((await session.exec(select(Team))).all()) == 1
        for _ in range(2):
            await db.drop_all()
        await db.create_all()
        async with db.reader() as session:
            assert (await session.exec(select(Team))).all() == []


async def test_metadata_without_tables_creates_nothing(database_url: str) -> None:
    async with Database(database_url, metadata=MetaData()) as db:
        await db.create_all()
        await db.drop_all()


async def test_it_is_built_from_the_environment(sqlite_url: str) -> None:
    environ = {"DATABASE_URL": sqlite_url, "DB_POOL_SIZE": "3", "DB_MAX_OVERFLOW": "1"}
    async with Database.from_env(environ=environ, metadata=Base.metadata) as db:
        assert db.pool().capacity == 4
        assert db.metadata is Base.metadata
        assert await ask(db) == 1


def test_an_environment_without_a_url_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="DATABASE_URL is not set"):
        Database.from_env(environ={})


async def test_the_environments_reader_url_is_used(sqlite_url: str, tmp_path: Path) -> None:
    reader = f"sqlite:///{tmp_path / 'reader.db'}"
    environ = {"DATABASE_URL": sqlite_url, "DATABASE_READER_URL": reader}
    async with Database.from_env(environ=environ) as db:
        async with db.session() as session:
            await session.execute(text("CREATE TABLE only_here (id int)"))
        async with db.reader() as session:
            names = await session.execute(text("SELECT name FROM sqlite_master"))
            assert names.all() == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_a_database_in_memory_is_one_database_for_all_its_connections(url: str) -> None:
    async with Database(url, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session:
            session.add(Team(name="a"))
            await session.flush()
            async with db.reader() as reader:
                assert (await reader.exec(select(Team))).all() == []
        async with db.reader() as reader:
            assert (await reader.exec(select(Team.name))).all() == ["a"]
        folder = Path(str(db.engine.url.database)).parent
        assert folder.is_dir()
    del db, session, reader
    gc.collect()
    assert not folder.exists()


async def test_a_database_in_memory_may_have_a_reader_elsewhere(tmp_path: Path) -> None:
    reader = f"sqlite:///{tmp_path / 'reader.db'}"
    async with Database("sqlite://", reader_url=reader) as db:
        async with db.session() as session:
            await session.execute(text("CREATE TABLE only_here (id int)"))
        async with db.reader() as session:
            names = await session.execute(text("SELECT name FROM sqlite_master"))
            assert names.all() == []


async def test_bound_sessions_share_one_connection_and_are_undone_with_it(db: Database) -> None:
    async with db.engine.connect() as connection:
        transaction = await connection.begin()
        async with db.bound_to(connection):
            async with db.session() as session:
                session.add(Team(name="a"))
            async with db.reader() as reader:
                assert (await reader.exec(select(Team.name))).all() == ["a"]
            assert db.pool().in_use == 0
        await transaction.rollback()
    async with db.reader() as reader:
        assert (await reader.exec(select(Team))).all() == []


async def test_a_bound_context_of_one_database_leaves_another_alone(
    make: Callable[..., Any],
) -> None:
    one, other = make(), make()
    async with (
        one.engine.connect() as connection,
        one.bound_to(connection),
        other.reader() as session,
    ):
        assert (await session.exec(select(Team))).all() == []
        await session.connection()
        assert other.pool().readers.in_use == 1


def test_what_the_package_gives_is_there_and_sorted() -> None:
    names = colonnade.database.__all__
    assert names == sorted(names)
    assert all(hasattr(colonnade.database, name) for name in names)


async def test_another_databases_broken_model_does_not_keep_tables_from_being_made(
    db: Database,
) -> None:
    class Elsewhere(DeclarativeBase):
        pass

    class Broken(Elsewhere):
        __tablename__ = "broken"
        id: Mapped[int] = mapped_column(primary_key=True)
        friend = relationship("Nowhere")

    await db.create_all()
    with pytest.raises(InvalidMapping, match="Nowhere"):
        configure(Broken.registry)


# The default isolation level

SHOWN = {
    "postgresql": "SHOW transaction_isolation",
    "mysql": "SELECT lower(replace(trx_isolation_level, '-', ' '))"
    " FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = connection_id()",
}


async def level(session: Session | AsyncConnection, family: str) -> str:
    """Return the level of the running transaction, which InnoDB knows once it has read a table."""
    await session.execute(text("SELECT count(*) FROM team"))
    if family == "mysql":
        # The server keeps what it told last for a tenth of a second.
        await asyncio.sleep(0.15)
    shown: str = (await session.execute(text(SHOWN[family]))).scalar_one()
    return shown.lower()


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
async def test_a_databases_isolation_level_holds_for_every_unit_that_asks_for_none(
    server_url: str, isolation: str
) -> None:
    async with Database(server_url, metadata=Base.metadata, isolation=isolation) as db:
        await db.create_all()
        other = "read committed" if isolation == "serializable" else "serializable"
        async with db.session() as session:
            assert await level(session, db.family) == isolation
        for _ in range(2):
            assert await db.run(lambda session: level(session, db.family)) == isolation
            async with db.session(statement_timeout=5) as session:
                assert await level(session, db.family) == isolation
            async with db.session(isolation=other) as session:
                assert await level(session, db.family) == other
        async with db.engine.begin() as connection:
            assert await level(connection, db.family) == isolation


async def test_a_connection_used_in_autocommit_goes_back_to_the_databases_level(
    server_url: str,
) -> None:
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "isolation": "serializable"}
    async with Database(server_url, metadata=Base.metadata, **options) as db:
        await db.create_all()
        for used in ("AUTOCOMMIT", "READ COMMITTED"):
            async with db.engine.connect() as connection:
                own = await connection.execution_options(isolation_level=used)
                await own.execute(text("SELECT count(*) FROM team"))
            async with db.session() as session:
                assert await level(session, db.family) == "serializable"
                session.add(Team(name=f"undone {used}"))
                await session.flush()
                await session.rollback()
        async with db.session() as session:
            assert (await session.exec(select(Team.name))).all() == []


async def test_readers_are_not_affected_by_the_databases_level(server_url: str) -> None:
    async with Database(server_url, metadata=Base.metadata, isolation="serializable") as db:
        await db.create_all()
        async with db.session() as session, db.reader() as reader:
            session.add(Team(name="a"))
            await session.flush()
            # In SERIALIZABLE, MySQL's reads wait for what others write.
            assert (await reader.exec(select(Team.name))).all() == []
            await session.commit()
            assert (await reader.exec(select(Team.name))).all() == ["a"]
        async with db.reader(snapshot=True) as reader:
            if db.family == "postgresql":
                assert await level(reader, db.family) == "repeatable read"
            assert (await reader.exec(select(Team.name))).all() == ["a"]


async def test_sqlite_takes_any_level_and_is_serializable(sqlite_url: str) -> None:
    async with Database(sqlite_url, metadata=Base.metadata, isolation="read committed") as db:
        await db.create_all()
        async with db.session() as session:
            session.add(Team(name="a"))
        async with db.reader() as reader:
            assert (await reader.exec(select(Team.name))).all() == ["a"]
