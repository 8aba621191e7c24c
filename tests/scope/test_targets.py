"""Writes are looked at whatever they name their table by, and whatever fills their columns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    lambda_stmt,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased, registry
from sqlalchemy.schema import CreateTableAs, CreateView, ExecutableDDLElement
from sqlalchemy.sql import ClauseElement, Executable
from sqlmodel import Field, SQLModel

from colonnade import Database, Scope, ServiceBase, Session
from colonnade.errors import ColonnadeError, OutOfScope, ScopeUnbound, UsageError


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class OfFirm(SQLModel):
    __scopes__ = (Scope("firm", column="firm_id"),)
    firm_id: int = Field(default=None)


class Desk(OfFirm, Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(default="", max_length=20)


#: What fills a column by itself, one answer after the other.
filling: dict[str, list[int]] = {}


class Clerk(OfFirm, Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    desk_id: int | None = Field(default=None, foreign_key="desk.id")
    boss_id: int | None = Field(default=None, foreign_key="clerk.id")


class Guest(Base, table=True):
    """Belongs to nobody, and refers to a desk."""

    id: int | None = Field(default=None, primary_key=True)
    desk_id: int | None = Field(default=None, foreign_key="desk.id")


class Fixed(Base, table=True):
    """Its desk is one of the other firm's unless somebody says otherwise."""

    id: int | None = Field(default=None, primary_key=True)
    desk_id: int | None = Field(
        default=None, sa_column=Column(ForeignKey("desk.id"), default=2, nullable=True)
    )


class Called(Base, table=True):
    """A function says which desk."""

    id: int | None = Field(default=None, primary_key=True)
    desk_id: int | None = Field(
        default=None,
        sa_column=Column(
            ForeignKey("desk.id"),
            default=lambda: filling["default"].pop(0),
            onupdate=lambda: filling["onupdate"].pop(0),
        ),
    )
    note: str = Field(default="", max_length=20)


class Served(Base, table=True):
    """The database says which desk."""

    id: int | None = Field(default=None, primary_key=True)
    desk_id: int | None = Field(
        default=None, sa_column=Column(ForeignKey("desk.id"), server_default="2")
    )


class Moving(Base, table=True):
    """An update would move it to the other firm."""

    __scopes__ = (Scope("firm", column="firm_id"),)
    id: int | None = Field(default=None, primary_key=True)
    firm_id: int | None = Field(default=None, sa_column=Column(Integer, onupdate=2))
    note: str = Field(default="", max_length=20)


class Replacing(Base, table=True):
    """On SQLite an INSERT takes the place of the row with the same name."""

    __scopes__ = (Scope("firm", column="firm_id"),)
    __table_args__ = (UniqueConstraint("name", sqlite_on_conflict="REPLACE"),)
    id: int | None = Field(default=None, primary_key=True)
    firm_id: int = Field(default=None)
    name: str = Field(max_length=20)


class Leaving(Base, table=True):
    """On SQLite an INSERT leaves out a row whose name is there."""

    __scopes__ = (Scope("firm", column="firm_id"),)
    id: int = Field(
        sa_column=Column(Integer, primary_key=True, sqlite_on_conflict_primary_key="IGNORE")
    )
    firm_id: int = Field(default=None)
    other_id: int | None = Field(default=None, foreign_key="leaving.id")


class DeskOfOne(ServiceBase[Clerk, Clerk, Clerk]):
    scopes = (Scope("desk", column="desk_id"),)


CLERKS: Any = Clerk.__table__  # type: ignore[attr-defined]
DESKS: Any = Desk.__table__  # type: ignore[attr-defined]
GUESTS: Any = Guest.__table__  # type: ignore[attr-defined]
Other: Any = aliased(Clerk)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        for firm in (1, 2):
            async with db.session(scope={"firm": firm}) as session:
                session.add(Desk(id=firm, name=f"of {firm}"))
                await session.flush()
                session.add(Clerk(id=firm, desk_id=firm))
                session.add(Moving(id=firm))
                session.add(Leaving(id=firm))
        async with db.session() as session, session.unscoped("firm"):
            await session.execute(insert(Replacing), [{"id": 2, "firm_id": 2, "name": "taken"}])
        yield db


async def everything(session: Session) -> list[tuple[Any, ...]]:
    session.expunge_all()
    async with session.unscoped("firm"):
        found: list[tuple[Any, ...]] = []
        for model in (Desk, Clerk, Guest, Fixed, Called, Served, Moving, Leaving, Replacing):
            table: Any = model.__table__  # type: ignore[attr-defined]
            found += [
                (table.name, *row)
                for row in await session.execute(select(table).order_by(table.c.id))
            ]
        return found


def run(statement: Any, parameters: Any = None) -> Any:
    return lambda session: session.execute(statement, parameters)


def adding(make: Callable[[], Any]) -> Any:
    async def attempt(session: Session) -> None:
        session.add(make())
        await session.flush()

    return attempt


class Wrapped(Executable, ClauseElement):
    """A statement in a construct of the user's own."""

    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(Wrapped)
def _wrapped(element: Wrapped, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.statement, **options))


def in_a_lambda(firm: int) -> Any:
    return lambda_stmt(lambda: update(Clerk).values(firm_id=firm))


ALIAS = CLERKS.alias("c")
REFUSED: dict[str, Any] = {
    **{
        f"{kind} {values}": run(update(target).values(**values))
        for kind, target in {
            "alias": CLERKS.alias(),
            "entity": aliased(Clerk),
            "named": aliased(Clerk, name="x"),
            "alias of an alias": CLERKS.alias().alias(),
        }.items()
        for values in ({"desk_id": 2}, {"firm_id": 2})
    },
    "alias by a column": run(update(ALIAS).values({ALIAS.c.firm_id: 2})),
    "alias by a parameter": run(update(ALIAS), {"firm_id": 2}),
    "alias by another column": run(update(ALIAS).values(firm_id=ALIAS.c.desk_id + 1)),
    "alias of what refers": run(update(GUESTS.alias()).values(desk_id=2)),
    "alias with FROM": run(update(Other).where(Other.desk_id == Desk.id).values(desk_id=2)),
    "join": run(update(CLERKS.join(DESKS)).values({CLERKS.c.firm_id: 2})),
    "another table": run(
        update(Guest).where(Guest.desk_id == Desk.id).values({DESKS.c.firm_id: 2})
    ),
    "another table that refers": run(
        update(Desk).where(Desk.id == Guest.desk_id).values({GUESTS.c.desk_id: 2})
    ),
    "insert into an alias": run(insert(ALIAS).values(id=9, firm_id=2)),
    "insert select": run(insert(Guest).from_select(["desk_id"], select(Desk.id))),
    "wrapped update": run(Wrapped(update(Clerk).values(firm_id=2))),
    "wrapped insert": run(Wrapped(insert(Clerk).values(id=9, firm_id=2))),
    "lambda": run(in_a_lambda(2)),
    "callable": run(update(Clerk).values(firm_id=bindparam("f", callable_=lambda: 1))),
    "callable key": run(update(Clerk).values(desk_id=bindparam("d", callable_=lambda: 1))),
    "default": run(insert(Fixed)),
    "default of rows": run(insert(Fixed), [{"id": 1}, {"id": 2}]),
    "default for None in rows": run(insert(Fixed), [{"id": 1, "desk_id": None}] * 2),
    "default of an object": adding(Fixed),
    "server default": run(insert(Served)),
    "server default of an object": adding(Served),
    "onupdate": run(update(Moving).values(note="x")),
    "onupdate by service": run(update(Moving.__table__).values(note="x")),  # type: ignore[attr-defined]
    "update or replace": run(update(Clerk).prefix_with("OR REPLACE").values(id=2)),
    "replacing constraint": run(insert(Replacing).values(name="taken")),
    "replacing object": adding(lambda: Replacing(name="taken")),
    "ignoring constraint": run(insert(Leaving), [{"id": 2}, {"id": 3, "other_id": 2}]),
    "move by a service of its own": lambda s: (
        DeskOfOne(s).where().update_all({"desk_id": 2}, everything=True)
    ),
    "move by an expression": lambda s: (
        DeskOfOne(s).where().update_all({"desk_id": Clerk.id}, everything=True)
    ),
}


def spelled(family: str) -> dict[str, Any]:
    """What each database spells in its own way."""
    rows = [{"id": 2, "firm_id": 1}, {"id": 9, "firm_id": 1, "boss_id": 2}]
    if family == "mysql":
        return {
            "ignore": run(insert(Clerk).prefix_with("IGNORE"), rows),
            "duplicate of what refers": run(
                mysql.insert(Guest).values(id=1).on_duplicate_key_update(desk_id=2)
            ),
        }
    kind: Any = sqlite.insert if family == "sqlite" else postgresql.insert
    found = {
        "do nothing": run(kind(Clerk).on_conflict_do_nothing(), rows),
        "do nothing core": run(kind(CLERKS).on_conflict_do_nothing(), rows),
        "do update": run(
            kind(Clerk).on_conflict_do_update(index_elements=["id"], set_={"desk_id": None}), rows
        ),
    }
    if family == "sqlite":
        found["or ignore"] = run(insert(Clerk).prefix_with("OR IGNORE"), rows)
    else:
        found["alias in a cte"] = run(
            select(update(ALIAS).values(firm_id=2).returning(ALIAS.c.id).cte("moved"))
        )
    return found


async def test_what_would_take_a_row_out_of_scope_is_refused_however_it_is_said(
    db: Database,
) -> None:
    wrong = {}
    async with db.session(scope={"firm": 1, "desk": 1}) as session:
        before = await everything(session)
        for name, attempt in (REFUSED | spelled(db.family)).items():
            try:
                async with session.savepoint():
                    await attempt(session)
                    await session.flush()
                wrong[name] = "nothing was refused"
            except (OutOfScope, UsageError) as error:
                if isinstance(error, UsageError) and not error.hint:
                    wrong[name] = "no hint"
            except ColonnadeError as error:
                wrong[name] = repr(error)
            session.expunge_all()
        assert wrong == {}
        assert await everything(session) == before
        await session.rollback()


async def test_what_is_ours_is_written_by_any_name(db: Database) -> None:
    async with db.session(scope={"firm": 1, "desk": 1}) as session:
        for target in (CLERKS.alias(), aliased(Clerk)):
            result: Any = await session.execute(update(target).values(desk_id=1, firm_id=1))
            assert result.rowcount == 1
        await session.execute(insert(Clerk), [{"id": 3}, {"id": 4, "boss_id": 3}])
        assert await DeskOfOne(session).where().update_all({"desk_id": 1}, everything=True) == 1
        if db.family != "mysql":
            kind: Any = sqlite.insert if db.family == "sqlite" else postgresql.insert
            await session.execute(
                kind(Clerk).on_conflict_do_nothing(), [{"id": 5, "firm_id": 1, "boss_id": 3}]
            )
        await session.execute(insert(Fixed), [{"id": 1, "desk_id": 1}])
        await session.execute(insert(Fixed).values(id=2, desk_id=null()))
        session.add_all([Fixed(id=3, desk_id=1), Fixed(id=4, desk_id=null()), Served(desk_id=1)])
        await session.flush()
        rows = await session.execute(select(Fixed.id, Fixed.desk_id).order_by(Fixed.id))
        assert [tuple(row) for row in rows] == [(1, 1), (2, None), (3, 1), (4, None)]
        await session.execute(update(Moving).values(note="x", firm_id=1))
        await session.rollback()


async def test_what_a_function_fills_in_is_asked_once_looked_at_and_written(db: Database) -> None:
    called: Any = Called.__table__  # type: ignore[attr-defined]
    ways: dict[str, Any] = {
        "statement": run(insert(Called).values(id=1)),
        "core": run(insert(called).values(id=1)),
        "rows": run(insert(Called), [{"id": 1}]),
        "two rows": run(insert(called), [{"id": 1}, {"id": 2}]),
        "object": adding(lambda: Called(id=1)),
    }
    for name, attempt in ways.items():
        async with db.session(scope={"firm": 1}) as session:
            # Whoever asks again gets another answer.
            filling["default"] = [1] * (2 if name == "two rows" else 1) + [2] * 9
            await attempt(session)
            assert set(await session.scalars(select(Called.desk_id))) == {1}
            await session.rollback()
            filling["default"] = [2] + [1] * 9
            with pytest.raises(OutOfScope):
                await attempt(session)
            session.expunge_all()
            await session.rollback()


async def test_what_an_update_changes_by_itself_is_looked_at(db: Database) -> None:
    async with db.session(scope={"firm": 1}) as session:
        filling.update(default=[1], onupdate=[1, 2, 2])
        session.add(Called(id=1))
        await session.flush()
        await session.execute(update(Called).values(note="a"))
        assert await session.scalar(select(Called.desk_id)) == 1
        filling["onupdate"] = [1, 2, 2]
        row = await session.get_one(Called, 1)
        row.note = "b"
        await session.flush()
        assert await session.scalar(select(Called.desk_id)) == 1
        for target in (Called, Called.__table__):  # type: ignore[attr-defined]
            change = update(target).values(note="c")
            filling["onupdate"] = [2, 1, 1]
            with pytest.raises(OutOfScope):
                await session.execute(change)
        filling["onupdate"] = [2, 1, 1]
        row.note = "d"
        with pytest.raises(OutOfScope):
            await session.flush()
        await session.rollback()


class Recipe(ExecutableDDLElement):
    """A view as many programs define it."""

    inherit_cache = False

    def __init__(self, name: str, query: Any) -> None:
        self.name = name
        self.query = query


@compiles(Recipe)
def _recipe(element: Recipe, compiler: Any, **_options: Any) -> str:
    text = compiler.sql_compiler.process(element.query, literal_binds=True)
    return f"CREATE VIEW {element.name} AS {text}"


COPIES: dict[str, Callable[[str], Any]] = {
    "table": lambda name: CreateTableAs(select(Desk.name), name),
    "temporary": lambda name: CreateTableAs(select(DESKS.c.name), name, temporary=True),
    "into": lambda name: select(Desk.name).into(name),
    "view": lambda name: CreateView(select(Desk.name), name),
    "recipe": lambda name: Recipe(name, select(Desk.name)),
    "deep": lambda name: CreateTableAs(select(select(aliased(Desk).name).subquery()), name),
}


@pytest.mark.parametrize("kind", COPIES)
async def test_rows_are_not_copied_where_no_scope_holds(db: Database, kind: str) -> None:
    for number, scope in enumerate(({"firm": 1}, None)):
        async with db.session(scope=scope) as session:
            with pytest.raises((UsageError, ScopeUnbound)) as caught:
                await session.execute(COPIES[kind](f"copy_{kind}_{number}"))
            assert "session.unscoped('firm')" in str(caught.value.hint)
            with pytest.raises(UsageError):
                await session.rows(COPIES[kind](f"copy_{kind}_{number}"))
    name = f"copy_{kind}"
    async with db.session() as session, session.unscoped("firm"):
        await session.execute(COPIES[kind](name))
        found = await session.scalars(text(f"SELECT name FROM {name} ORDER BY name"))
        assert list(found) == ["of 1", "of 2"]
        word = "VIEW" if kind in ("view", "recipe") else "TABLE"
        await session.execute(text(f"DROP {word} {name}"))


async def test_deletes_by_alias_and_in_lambdas_meet_rows_in_scope_only(db: Database) -> None:
    async with db.session(scope={"firm": 1}) as session:
        before = [row for row in await everything(session) if row[:2] != ("clerk", 1)]
        deleting = [lambda_stmt(lambda: delete(Clerk))]
        if db.family != "mysql":
            deleting.append(delete(aliased(Clerk)))  # type: ignore[arg-type]
        for statement in deleting:
            savepoint = await session.begin_nested()
            await session.execute(statement, execution_options={"synchronize_session": False})
            assert await everything(session) == before
            await savepoint.rollback()
        await session.rollback()
