"""Writes of models whose keys are composite and whose columns have other names than attributes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    bindparam,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, Scope, ServiceBase, Session
from colonnade.errors import OutOfScope, ScopeUnbound, UsageError
from colonnade.testing import count_statements
from colonnade.writing import bulk_insert


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class House(Base, table=True):
    """The tenant itself: in scope is the one row."""

    __scopes__ = (Scope("house", column="id"),)
    id: int = Field(primary_key=True)


class Seat(Base, table=True):
    __scopes__ = (Scope("house", column="owner"),)
    hall: str = Field(sa_column=Column("hallName", String(20), primary_key=True))
    number: int = Field(sa_column=Column("no", Integer, primary_key=True, autoincrement=False))
    owner: int = Field(
        default=None, sa_column=Column("ownerId", ForeignKey("house.id"), nullable=False)
    )


class Ticket(Base, table=True):
    """Belongs to nobody, and refers to a seat by both of its columns."""

    __table_args__ = (ForeignKeyConstraint(["hall", "seatNo"], ["seat.hallName", "seat.no"]),)
    id: int | None = Field(default=None, primary_key=True)
    hall: str | None = Field(default=None, max_length=20)
    number: int | None = Field(default=None, sa_column=Column("seatNo", Integer))


SEATS: Any = Seat.__table__  # type: ignore[attr-defined]
TICKETS: Any = Ticket.__table__  # type: ignore[attr-defined]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        async with db.session() as session, session.unscoped("house"):
            session.add_all([House(id=1), House(id=2)])
            await session.flush()
            session.add_all([Seat(hall="a", number=1, owner=1), Seat(hall="a", number=2, owner=2)])
        yield db


async def seats(session: Session) -> list[tuple[Any, ...]]:
    async with session.unscoped("house"):
        found = await session.execute(
            select(Seat.hall, Seat.number, Seat.owner).order_by(Seat.hall, Seat.number)
        )
        return [tuple(row) for row in found]


async def test_every_way_to_insert_fills_a_column_that_has_another_name(db: Database) -> None:
    async with db.session(scope={"house": 1}) as session:
        session.add(Seat(hall="b", number=1))
        session.add(Seat(hall="b", number=2, owner=None))
        await session.flush()
        await session.execute(insert(Seat).values(hall="b", number=3))
        await session.execute(insert(Seat), [{"hall": "b", "number": 4}])
        await session.execute(insert(SEATS).values(hallName="b", no=5))
        await session.execute(insert(SEATS), [{"hallName": "b", "no": no} for no in (6, 7)])
        await session.execute(insert(SEATS).values({SEATS.c.no: 8, SEATS.c.hallName: "b"}))
        await bulk_insert(session, Seat, [{"hall": "b", "number": 9}])
        assert await seats(session) == [
            ("a", 1, 1), ("a", 2, 2), *[("b", number, 1) for number in range(1, 10)]
        ]  # fmt: skip


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class SeatService(ServiceBase[Seat, Anything, Anything]):
    pass


class TicketService(ServiceBase[Ticket, Anything, Anything]):
    pass


@pytest.mark.parametrize("returning", [True, False])
async def test_create_many_fills_and_checks_every_row(db: Database, *, returning: bool) -> None:
    def create(service: Any, *rows: dict[str, Any]) -> Any:
        return service.create_many(rows, returning=returning)

    async with db.session(scope={"house": 1}) as session:
        service = SeatService(session)
        await create(
            service, {"hall": "b", "number": 1}, {"hall": "b", "number": 2, "owner": None},
            {"hall": "b", "number": 3, "owner": 1},
        )  # fmt: skip
        with count_statements(db) as statements, pytest.raises(OutOfScope):
            await create(
                service, {"hall": "b", "number": 4}, {"hall": "b", "number": 5, "owner": 2}
            )
        assert not [text for text in statements.statements if "INSERT" in text]
        tickets = TicketService(session)
        await create(tickets, {"hall": "a", "number": 1}, {"hall": None, "number": None}, {})
        with count_statements(db) as statements, pytest.raises(OutOfScope):
            await create(tickets, {}, {"hall": "a", "number": 1}, {"hall": "a", "number": 2})
        assert not [text for text in statements.statements if "INSERT" in text]
        # The unit goes on after what was refused before anything was sent.
        await create(service, {"hall": "c", "number": 1}, {"hall": "c", "number": 2})
        assert await seats(session) == [
            ("a", 1, 1), ("a", 2, 2), *[("b", number, 1) for number in (1, 2, 3)],
            ("c", 1, 1), ("c", 2, 1),
        ]  # fmt: skip
        assert await tickets.where().count() == 3
    async with db.session() as session:
        with pytest.raises(ScopeUnbound):
            await create(
                SeatService(session), {"hall": "d", "number": 1}, {"hall": "d", "number": 2}
            )


WRONG: dict[str, Any] = {
    "attribute": insert(Seat).values(hall="b", number=1, owner=2),
    "column": insert(SEATS).values(hallName="b", no=1, ownerId=2),
    "mapped attribute": insert(Seat).values({Seat.hall: "b", Seat.number: 1, Seat.owner: 2}),
    "bind": insert(Seat).values(hall="b", number=1, owner=bindparam("own", 2)),
    "update": update(Seat).values(owner=2),
    "update column": update(SEATS).values({SEATS.c.ownerId: 2}),
    "update name": update(SEATS).values(ownerId=2),
    "composite": insert(Ticket).values(hall="a", number=2),
    "composite column": insert(TICKETS).values(hall="a", seatNo=2),
    "composite of none": insert(Ticket).values(hall="z", number=9),
    "composite update": update(Ticket).values(hall="a", number=2),
}


@pytest.mark.parametrize("way", WRONG)
async def test_another_owner_is_refused_by_whatever_name(db: Database, way: str) -> None:
    async with db.session(scope={"house": 1}) as session:
        with pytest.raises(OutOfScope):
            await session.execute(WRONG[way])
        assert await seats(session) == [("a", 1, 1), ("a", 2, 2)]


UNKNOWABLE: dict[str, Any] = {
    "a part of a key": update(Ticket).values(number=2),
    "an expression": update(Ticket).values(hall="a", number=Ticket.id),
    "several values": insert(Seat).values([{"hall": "b", "number": 1}]),
    "a select": insert(Ticket).from_select(["hall", "number"], select(Seat.hall, Seat.number)),
}


@pytest.mark.parametrize("way", UNKNOWABLE)
async def test_what_cannot_be_known_is_refused_with_a_way_out(db: Database, way: str) -> None:
    async with db.session(scope={"house": 1}) as session:
        with pytest.raises((UsageError, OutOfScope)) as caught:
            await session.execute(UNKNOWABLE[way])
        assert caught.value.hint
        async with session.unscoped("house"):
            if way == "a part of a key":
                await session.execute(UNKNOWABLE[way])


async def test_a_composite_key_in_scope_is_taken_and_a_missing_part_means_none(
    db: Database,
) -> None:
    async with db.session(scope={"house": 1}) as session:
        session.add_all([Ticket(hall="a", number=1), Ticket(hall="a"), Ticket(hall=null())])
        await session.flush()
        await session.execute(insert(Ticket).values(hall="a", number=1))
        await session.execute(insert(Ticket).values(hall="a", number=null()))
        await session.execute(update(Ticket).values(hall=None, number=None))
        session.add(Ticket(hall="a", number=2))
        with pytest.raises(OutOfScope, match=r"ticket\.hall, seatNo refers to a Seat"):
            await session.flush()
        await session.rollback()


async def test_an_objects_sql_expression_cannot_be_known_either(db: Database) -> None:
    async with db.session(scope={"house": 1}) as session:
        for item in (
            Ticket(hall="a", number=literal(2) + 0),
            Seat(hall="e", number=1, owner=literal(2)),
            Seat(hall="e", number=1, owner=select(func.max(House.id)).scalar_subquery()),
        ):
            session.add(item)
            with pytest.raises((OutOfScope, UsageError)):
                await session.flush()
            session.expunge_all()


async def test_many_rows_take_one_look_at_each_table(db: Database) -> None:
    async with db.session(scope={"house": 1}) as session:
        await session.execute(insert(Seat), [{"hall": "c", "number": n} for n in range(200)])
        with count_statements(db) as statements:
            await session.execute(insert(Ticket), [{"hall": "c", "number": n} for n in range(200)])
        statements.expect(2)
        with count_statements(db) as statements:
            session.add_all([Ticket(hall="c", number=n) for n in range(200)])
            await session.flush()
        assert len([sent for sent in statements.statements if sent.startswith("SELECT")]) == 1


async def test_a_tenant_that_the_row_itself_names_is_not_looked_up(db: Database) -> None:
    async with db.session(scope={"house": 1}) as session:
        with count_statements(db) as statements:
            await session.execute(insert(Seat).values(hall="d", number=1))
            session.add(Seat(hall="d", number=2))
            await session.flush()
        assert not [sent for sent in statements.statements if sent.startswith("SELECT")]


async def test_a_reference_needs_a_value_though_the_model_itself_has_no_scope(
    db: Database,
) -> None:
    with count_statements(db) as statements:
        async with db.session() as session:
            with pytest.raises(ScopeUnbound):
                await session.execute(insert(Ticket).values(hall="a", number=1))
            session.add(Ticket(hall="a", number=1))
            with pytest.raises(ScopeUnbound):
                await session.flush()
            session.expunge_all()
    statements.expect(0)


async def test_a_table_that_refers_to_one_nobody_knows_can_be_written(db: Database) -> None:
    class Loose(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Alone(Loose, table=True):
        id: int = Field(primary_key=True)
        other: int = Field(foreign_key="elsewhere.id")

    async with db.session(scope={"house": 1}) as session:
        await session.execute(text("CREATE TABLE alone (id INTEGER, other INTEGER)"))
        table: Any = Alone.__table__  # type: ignore[attr-defined]
        await session.execute(insert(table), [{"id": 1, "other": 2}])
        await session.execute(text("DROP TABLE alone"))


async def test_legacy_bulk_saves_pass_for_models_that_scopes_do_not_concern(db: Database) -> None:
    async with db.session() as session, session.unscoped("house"):
        await session.run_sync(
            lambda sync: sync.bulk_insert_mappings(Ticket, [{"hall": None}])  # type: ignore[arg-type]
        )
        assert await session.scalar(select(Ticket.id)) is not None
