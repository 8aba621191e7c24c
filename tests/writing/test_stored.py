"""A write answers with what is stored: padded, rounded, rewritten by a type or by a trigger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel
from sqlalchemy import (
    CHAR,
    JSON,
    Column,
    Computed,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    TypeDecorator,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.orm import deferred, registry
from sqlmodel import Field, SQLModel
from tests.guild import Anything

from colonnade import Database, ServiceBase
from colonnade.errors import InvalidValue
from colonnade.models import DateTimeUTC
from colonnade.testing import count_statements


class Lower(TypeDecorator[str]):
    """Stores letters in lower case, and reads them as they are stored."""

    impl = String(60)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else value.lower()


class Hashed(TypeDecorator[str]):
    """Stores something else than it is given, and reads something else than it stores."""

    impl = String(60)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else f"hash of {value}"

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else f"<{value}>"


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Bill(Base, table=True):
    __tablename__ = "bill"

    id: int | None = Field(default=None, primary_key=True)
    total: Decimal = Field(default=Decimal("1.5"), sa_column=Column(Numeric(8, 2), nullable=False))
    mail: str = Field(sa_column=Column(Lower, nullable=False))
    secret: str | None = Field(default=None, sa_column=Column(Hashed, nullable=True))
    code: str = Field(default="ab", sa_column=Column(CHAR(5), nullable=False))
    tag: str = Field(
        default="Tag",
        sa_column=Column(String(20).with_variant(CITEXT(), "postgresql"), nullable=False),
    )
    sent: datetime = Field(
        default=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), sa_type=DateTimeUTC, nullable=False
    )
    data: Any = Field(default=None, sa_column=Column(JSON, nullable=True))
    note: str | None = Field(default=None, max_length=40)
    doubled: int | None = Field(
        default=None, sa_column=Column(Integer, Computed("total * 2", persisted=True))
    )


class BillRead(BaseModel):
    id: int
    total: Decimal
    mail: str
    secret: str | None
    code: str
    tag: str
    sent: datetime
    data: Any
    note: str | None
    doubled: int | None


class Bills(ServiceBase[Bill, Anything, Anything]):
    pass


#: BEFORE triggers, which SQLite's cannot change the row in.
TRIGGERS = {
    "sqlite": (),
    "postgresql": (
        (
            "CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN NEW.note := 'seen: ' || NEW.note; RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER seen BEFORE INSERT OR UPDATE ON bill FOR EACH ROW "
            "EXECUTE FUNCTION note_it()"
        ),
    ),
    "mariadb": (
        (
            "CREATE TRIGGER seen BEFORE INSERT ON bill FOR EACH ROW "
            "SET NEW.note = CONCAT('seen: ', NEW.note)"
        ),
        (
            "CREATE TRIGGER seen_again BEFORE UPDATE ON bill FOR EACH ROW "
            "SET NEW.note = CONCAT('seen: ', NEW.note)"
        ),
    ),
}

SENT: dict[str, Any] = {
    "total": Decimal("3.5"),
    "mail": "ANN@X.ORG",
    "secret": "abc",
    "code": "xy",
    "tag": "Red",
    "sent": datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
    "data": {"b": [1, 2.50], "a": "c"},
    "note": "mine",
}


@pytest.fixture
async def bills(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as database:
        async with database.engine.begin() as connection:
            if database.engine.dialect.name == "postgresql":
                await connection.execute(text("CREATE EXTENSION IF NOT EXISTS citext"))
            await connection.run_sync(Base.metadata.create_all)
            for statement in TRIGGERS[database.engine.dialect.name]:
                await connection.execute(text(statement))
        yield database


def told(item: Any) -> dict[str, Any]:
    """Return what an object or a schema's holds, the Decimals with their digits."""
    return {name: str(getattr(item, name)) for name in BillRead.model_fields}


async def stored(database: Database) -> list[dict[str, Any]]:
    async with database.reader() as session:
        return [told(item) for item in await Bills(session).order_by("id").into(BillRead).all()]


@pytest.fixture(params=[False, True], ids=["past the unit", "by the unit"])
def by_the_unit(request: pytest.FixtureRequest) -> Any:
    """Somebody who is told of rows, and so keeps the unit of work at work."""
    if not request.param:
        yield False
        return
    heard: list[Any] = []

    def listen(_mapper: object, _connection: object, item: Any) -> None:
        heard.append(item)

    names = ("before_insert", "before_update")
    for name in names:
        event.listen(Bill, name, listen)
    yield True
    for name in names:
        event.remove(Bill, name, listen)
    assert heard


async def test_create_answers_with_what_is_stored_in_one_statement(
    bills: Database, *, by_the_unit: bool
) -> None:
    async with bills.session() as session:
        with count_statements(bills) as statements:
            made = await Bills(session).create(SENT)
        statements.expect(1)
        answer = told(made)
        schema = told(await Bills(session).create(SENT, into=BillRead))
    assert [answer, schema] == await stored(bills)
    assert made.mail == "ann@x.org"
    assert made.secret == "<hash of abc>"
    assert made.total.as_tuple().exponent == -2
    if bills.engine.dialect.name != "sqlite":
        assert made.note == "seen: mine"


@pytest.mark.parametrize("into", [None, BillRead])
async def test_create_many_answers_with_what_is_stored(
    bills: Database, into: type[BaseModel] | None, *, by_the_unit: bool
) -> None:
    rows = [SENT | {"mail": f"ANN{number}@X.ORG"} for number in range(5)] + [{"mail": "B@X.ORG"}]
    async with bills.session() as session:
        answered = (
            await Bills(session).create_many(rows)
            if into is None
            else await Bills(session).create_many(rows, into=into)
        )
        answers = [told(item) for item in answered]
    assert answers == await stored(bills)
    assert [answer["mail"][:4] for answer in answers] == [*(f"ann{n}" for n in range(5)), "b@x."]


@pytest.mark.parametrize("into", [None, BillRead])
async def test_update_answers_with_what_is_stored(
    bills: Database, into: type[BaseModel] | None, *, by_the_unit: bool
) -> None:
    async with bills.session() as session:
        key = (await Bills(session).create({"mail": "a", "note": "old"})).id
    async with bills.session() as session:
        answer = (
            await Bills(session).update(key, SENT)
            if into is None
            else await Bills(session).update(key, SENT, into=into)
        )
        assert [told(answer)] == await _seen(session)
    assert [told(answer)] == await stored(bills)
    assert answer.mail == "ann@x.org"


async def _seen(session: Any) -> list[dict[str, Any]]:
    return [told(item) for item in await Bills(session).into(BillRead).all()]


class Clock(Base, table=True):
    """A moment that the column keeps with fewer digits than it is given."""

    __tablename__ = "clock"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_column=Column(DateTime, nullable=False))


class Clocks(ServiceBase[Clock, Anything, Anything]):
    pass


async def test_a_moment_is_answered_with_the_precision_of_its_column(bills: Database) -> None:
    changed = {
        "postgresql": "ALTER TABLE clock ALTER COLUMN at TYPE timestamp(0)",
        "mariadb": "ALTER TABLE clock MODIFY at datetime NOT NULL",
    }
    kind = bills.engine.dialect.name
    if kind in changed:
        async with bills.engine.begin() as connection:
            await connection.execute(text(changed[kind]))
    moment = datetime(2024, 1, 1, 1, 1, 1, 400000)  # noqa: DTZ001 # the column has no zone
    async with bills.session() as session:
        made = await Clocks(session).create({"at": moment})
        many = await Clocks(session).create_many([{"at": moment}] * 2)
        held = [item.at for item in (made, *many)]
    async with bills.reader() as session:
        assert held == [item.at for item in await Clocks(session).all()]
    assert held == [moment if kind == "sqlite" else moment.replace(microsecond=0)] * 3


IMAGE = Column("image", LargeBinary, nullable=False)


class Photo(Base, table=True):
    """A value that may be large, and that is read when it is asked for."""

    __tablename__ = "photo"
    __mapper_args__: ClassVar[dict[str, Any]] = {"properties": {"image": deferred(IMAGE)}}

    id: int | None = Field(default=None, primary_key=True)
    name: str
    image: bytes = Field(sa_column=IMAGE)


class Photos(ServiceBase[Photo, Anything, Anything]):
    pass


@pytest.mark.parametrize("verb", ["create", "create_many"])
async def test_a_deferred_column_is_not_sent_back(
    bills: Database, verb: Literal["create", "create_many"]
) -> None:
    payload = {"name": "a", "image": b"x" * 1000}
    async with bills.session() as session:
        with count_statements(bills) as statements:
            if verb == "create":
                made = [await Photos(session).create(payload)]
            else:
                made = await Photos(session).create_many([payload] * 3)
        for statement in statements.statements:
            assert "photo.image" not in statement.partition("RETURNING")[2]
        assert {item.image for item in made} == {b"x" * 1000}


class Word(Base, table=True):
    """A key that its type rewrites."""

    __tablename__ = "word"

    text: str = Field(sa_column=Column(Lower, primary_key=True))
    count: int = 0


class Words(ServiceBase[Word, Anything, Anything]):
    pass


async def test_a_key_that_its_type_rewrites_is_held_as_it_is_stored(bills: Database) -> None:
    async with bills.session() as session:
        one = await Words(session).create({"text": "One"})
        more = await Words(session).create_many([{"text": "Two"}, {"text": "Three"}])
        assert [item.text for item in (one, *more)] == ["one", "two", "three"]
        assert await session.get(Word, "two") is more[0]


async def test_what_update_all_makes_triggers_change_is_read_again(bills: Database) -> None:
    async with bills.session() as session:
        held = await Bills(session).create(SENT)
        await Bills(session).where(id=held.id).update_all({"note": "new", "code": "z"})
        seen = told(held)
    assert [seen] == await stored(bills)


async def test_a_value_that_a_type_has_made_too_long_is_told_by_its_field(bills: Database) -> None:
    if bills.engine.dialect.name == "sqlite":
        pytest.skip("it keeps texts of any length")
    for mail, secret in (("x" * 61, "a"), ("a", "x" * 60)):
        with pytest.raises(InvalidValue) as caught:
            async with bills.session() as session:
                await Bills(session).create({"mail": mail, "secret": secret})
        assert caught.value.fields == (("mail",) if len(mail) > 1 else ("secret",))
