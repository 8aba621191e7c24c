"""Scopes hold or refuse, whatever a release of SQLAlchemy no longer does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.engine import ExecutionContext
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Session as PlainSession
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from tests.scope.guilds import OURS, THEIRS, Hero, HeroRead, HeroService

from colonnade import Database, Session
from colonnade._compat.sqlalchemy_compiled import check_scoped_execution
from colonnade.errors import UsageError

SCOPE = {"guild": OURS, "reader": "ann"}
Asking = Callable[[Session], Awaitable[Any]]

ASKED: dict[str, Asking] = {
    "a select of objects": lambda s: s.exec(select(Hero)),
    "a select of columns": lambda s: s.exec(select(Hero.id)),
    "rows": lambda s: s.rows(select(Hero.id)),
    "a service's query": lambda s: HeroService(s).where().all(),
    "a count": lambda s: HeroService(s).where().count(),
    "a schema": lambda s: HeroService(s).into(HeroRead).all(),
    "JSON": lambda s: HeroService(s).into(HeroRead).json.all(),
    "a key": lambda s: s.get(Hero, 1),
    "an update": lambda s: s.exec(update(Hero).values(age=1)),
    "a delete": lambda s: s.exec(delete(Hero)),
}


@pytest.fixture(params=ASKED)
def ask(request: pytest.FixtureRequest) -> Asking:
    return ASKED[request.param]


def forget_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile like a release that does not hand the map of schemas to the compiler."""
    cached: Any = ClauseElement._compile_w_cache
    plain: Any = ClauseElement.compile

    def compile_cached(self: Any, *args: Any, **options: Any) -> Any:
        return cached(self, *args, **{**options, "schema_translate_map": None})

    def compile_plainly(self: Any, *args: Any, **options: Any) -> Any:
        return plain(self, *args, **{**options, "schema_translate_map": None})

    monkeypatch.setattr(ClauseElement, "_compile_w_cache", compile_cached)
    monkeypatch.setattr(ClauseElement, "compile", compile_plainly)


def copy_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Execute like a release that copies the map of schemas into one of its own."""
    execute: Any = Connection._execute_clauseelement

    def execute_copied(self: Any, element: Any, parameters: Any, options: Any) -> Any:
        if options.get("schema_translate_map") is not None:
            options = options.union({"schema_translate_map": {**options["schema_translate_map"]}})
        return execute(self, element, parameters, options)

    monkeypatch.setattr(Connection, "_execute_clauseelement", execute_copied)


def share_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Execute like a release that keeps all that it compiles in the engine's own cache."""
    execute: Any = Connection._execute_clauseelement

    def execute_shared(self: Any, element: Any, parameters: Any, options: Any) -> Any:
        shared = {"compiled_cache": self.engine._compiled_cache}
        return execute(self, element, parameters, options.union(shared))

    monkeypatch.setattr(Connection, "_execute_clauseelement", execute_shared)


async def test_what_was_compiled_without_scopes_is_not_executed_under_them(
    db: Database, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_schemas(monkeypatch)
    async with db.session(scope=SCOPE) as session:
        with pytest.raises(UsageError, match="compiled without the scopes"):
            await ask(session)
        await session.rollback()


async def test_nor_is_what_was_compiled_under_a_copy_of_what_carries_them(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_schemas(monkeypatch)
    async with db.session(scope=SCOPE) as session:
        with pytest.raises(UsageError, match="compiled without the scopes"):
            await session.exec(select(Hero))
        await session.rollback()


async def test_nor_is_what_was_compiled_while_scopes_were_lifted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_caches(monkeypatch)
    async with db.session(scope=SCOPE) as session:
        async with session.unscoped("guild", "deleted"):
            await session.exec(select(Hero.id))
        with pytest.raises(UsageError, match="compiled without the scopes"):
            await session.exec(select(Hero.id))
        await session.rollback()


async def test_a_reader_refuses_too(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_schemas(monkeypatch)
    async with db.reader(scope=SCOPE) as session:
        for _ in range(3):  # as the first of its kind, and on the shortest way
            with pytest.raises(UsageError, match="compiled without the scopes"):
                await session.rows(select(Hero.id))


async def test_what_the_session_holds_is_no_answer_where_nobody_asked_whether_it_may_be(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(self: Any, entity: Any, key: Any, *_: Any, **options: Any) -> Any:
        return next(item for item in self.identity_map.values() if type(item) is entity)

    async with db.session(scope=SCOPE) as session:
        async with session.unscoped("guild"):
            theirs = (await session.exec(select(Hero).where(Hero.guild_id == THEIRS))).first()
        assert theirs is not None
        monkeypatch.setattr(PlainSession, "_get_impl", get)
        with pytest.raises(UsageError, match="without asking whether it is in scope"):
            await session.get(Hero, 1)
        await session.rollback()


WITHOUT = """
import sqlalchemy.orm.session, sqlalchemy.orm.strategies
{change}
import colonnade.database
"""


@pytest.mark.parametrize(
    ("change", "hook"),
    [
        ("del sqlalchemy.orm.session.Session._identity_lookup", "Session._identity_lookup"),
        (
            "sqlalchemy.orm.session.Session._identity_lookup = lambda self, key: None",
            "Session._identity_lookup",
        ),
        (
            (
                "def get(self, *args, **options): ...\n"
                "get.__module__ = 'sqlalchemy.orm.session'\n"
                "sqlalchemy.orm.session.Session._get_impl = get"
            ),
            "Session._get_impl",
        ),
        ("del sqlalchemy.orm.strategies._LazyLoader", "_LazyLoader._load_for_state"),
    ],
)
def test_a_session_cannot_be_made_of_an_orm_that_does_not_ask_it(change: str, hook: str) -> None:
    command = [sys.executable, "-c", WITHOUT.format(change=change)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: SQLAlchemy ")
    assert hook in last


@pytest.mark.parametrize(
    ("owners", "hook"),
    [
        ([SQLCompiler], "_compose_select_body"),
        ([SQLCompiler], "visit_table"),
        ([DefaultExecutionContext, ExecutionContext], "_init_compiled"),
    ],
)
def test_an_engine_cannot_be_made_of_a_dialect_that_writes_statements_otherwise(
    owners: list[type[Any]], hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_scoped_execution(SQLCompiler, DefaultExecutionContext)
    for owner in owners:
        monkeypatch.delattr(owner, hook)
    with pytest.raises(RuntimeError, match=f"has changed \\w+\\.{hook}"):
        check_scoped_execution(SQLCompiler, DefaultExecutionContext)
