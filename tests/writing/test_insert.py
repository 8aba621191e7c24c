"""INSERT fills every column in as many statements as it takes for one row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from sqlalchemy import (
    JSON,
    Column,
    Computed,
    Integer,
    MetaData,
    String,
    event,
    inspect,
    null,
    select,
)
from sqlalchemy.orm import Mapper, registry, validates
from sqlmodel import Field, SQLModel
from tests.guild import Anything, HeroService, Kind, Seat, SeatService, TeamService

from colonnade import Database, ServiceBase, Session
from colonnade.errors import (
    ForeignKeyViolation,
    InvalidChanges,
    TransactionAborted,
    UniqueViolation,
    UsageError,
)
from colonnade.models import (
    EnumValue,
    ExactDecimal,
    IntegerKey,
    MutableJSON,
    Timestamps,
    UUIDKey,
    Versioned,
)
from colonnade.models.mutable_json import TrackedDict
from colonnade.testing import count_statements
from colonnade.writing.plain import is_plain


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Slow(Base, table=True):
    """A model that does not fetch its defaults with the INSERT."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": False}
    hall: str = Field(primary_key=True, max_length=20)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: str = Field(default=None, sa_column_kwargs={"server_default": "new"}, max_length=20)


class SlowCreate(SQLModel):
    hall: str
    number: int


class SlowService(ServiceBase[Slow, SlowCreate, SlowCreate]):
    pass


class Part(Versioned, Timestamps, IntegerKey, Base, table=True):
    """A column of every kind."""

    name: str = Field(unique=True, max_length=40)
    kind: Kind | None = Field(default=None, sa_type=EnumValue(Kind))
    price: Decimal | None = Field(default=None, sa_type=ExactDecimal(10, 2))
    made: date | None = None
    seen: datetime | None = None
    data: Any = Field(default=None, nullable=True, sa_type=MutableJSON)
    other: dict[str, Any] = Field(default_factory=dict, sa_type=MutableJSON)
    labels: Any = Field(default=None, sa_column=Column("labelList", JSON(), nullable=True))
    rating: int | None = 5
    maker: str | None = Field(
        default=None, sa_column=Column("maker", String(20), default=lambda: "somebody")
    )
    state: str | None = Field(
        default=None, sa_column_kwargs={"server_default": "new"}, max_length=20, nullable=True
    )
    doubled: int | None = Field(
        default=None, sa_column=Column("doubled", Integer, Computed("rating * 2", persisted=True))
    )
    whole_id: int | None = Field(default=None, foreign_key="part.id")


class PartService(ServiceBase[Part, Anything, Anything]):
    pass


class Coin(UUIDKey, Base, table=True):
    """A key that the application makes, and nothing that the database does."""

    value: int


class CoinService(ServiceBase[Coin, Anything, Anything]):
    pass


class Strict(IntegerKey, Base, table=True):
    name: str

    @validates("name")
    def refuse(self, _name: str, value: str) -> str:
        if value == "wrong":
            raise ValueError("a strict name is not wrong")
        return value


class Greeting(IntegerKey, Base, table=True):
    name: str

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        self.name = f"hello {self.name}"


class Filled(IntegerKey, Base, table=True):
    """JSON in which None is a document, and which a default fills."""

    labels: Any = Field(sa_column=Column(JSON(), nullable=True, server_default="[]"))


class StrictService(ServiceBase[Strict, Anything, Anything]):
    pass


class GreetingService(ServiceBase[Greeting, Anything, Anything]):
    pass


class FilledService(ServiceBase[Filled, Anything, Anything]):
    pass


@pytest.fixture
async def parts(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as database:
        await database.create_all()
        yield database


def is_sqlite(database: Database) -> bool:
    return database.engine.dialect.name == "sqlite"


@contextmanager
def listening(model: type[Any], name: str = "before_insert") -> Iterator[list[Any]]:
    """Somebody who is told of each new object, and so keeps the unit of work at work."""
    told: list[Any] = []

    def listen(_mapper: object, _connection: object, item: Any) -> None:
        told.append(item)

    event.listen(model, name, listen)
    try:
        yield told
    finally:
        event.remove(model, name, listen)


async def test_defaults_that_the_insert_did_not_return_take_one_statement_for_all_rows(
    parts: Database,
) -> None:
    async with parts.session() as session:
        for hall, rows in (("a", 1), ("b", 30)):
            with count_statements(parts) as statements:
                made = await SlowService(session).create_many(
                    SlowCreate(hall=hall, number=number) for number in range(rows)
                )
            statements.expect(2)
            assert [(item.number, item.state) for item in made] == [(n, "new") for n in range(rows)]


PAYLOADS: list[dict[str, Any]] = [
    {"name": "a"},
    {
        "name": "b",
        "kind": Kind.HERO,
        "price": Decimal("1.50"),
        "made": date(2020, 1, 2),
        "seen": datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "data": {"a": [1, {"b": None}]},
        "other": {"x": 1},
        "labels": ["x", {"y": 1}],
        "rating": 7,
        "maker": "me",
        "state": "old",
    },
    {"name": "c", "kind": "villain", "price": "2.25", "rating": "3", "data": [1, 2]},
    {"name": "d", "rating": None, "maker": None, "state": None, "labels": None, "data": None},
    {"name": "e", "updated_at": datetime(2020, 1, 1, tzinfo=UTC), "version": 9},
]


def told(item: Part) -> dict[str, Any]:
    """What an object says of itself, but for what differs from write to write."""
    held = {name: value for name, value in item.__dict__.items() if name != "_sa_instance_state"}
    times = held.pop("created_at") == held["updated_at"]
    if times:
        del held["updated_at"]
    state = inspect(item)
    assert state.persistent
    assert not state.modified
    assert not state.expired_attributes
    return held | {"id": None, "times": times, "set": item.model_fields_set}


async def test_rows_and_objects_are_those_of_the_unit_of_work(parts: Database) -> None:
    found: list[tuple[list[dict[str, Any]], list[tuple[Any, ...]]]] = []
    table: Any = Part.__table__  # type: ignore[attr-defined] # SQLModel sets it
    columns = [column for column in table.c if column.name not in ("created_at", "updated_at")]
    for through_the_unit in (False, True):
        async with parts.session() as session:
            service = PartService(session)
            if through_the_unit:
                with listening(Part) as heard:
                    made = await service.create_many(PAYLOADS)
                assert heard == made
            else:
                assert is_plain(session, Part, PAYLOADS)
                made = await service.create_many(PAYLOADS)
            rows = await session.execute(select(*columns).order_by(table.c.name))
            found.append(([told(item) for item in made], [tuple(row[1:]) for row in rows]))
            assert isinstance(made[1].data, TrackedDict)
            made[1].data["a"][1]["b"] = "edited"
            made[2].name = "edited"
            await session.flush()
            for item in made:
                await session.refresh(item)
            assert made[1].data == {"a": [1, {"b": "edited"}]}
            assert [item.version for item in made] == [1, 2, 2, 1, 1]
            await session.rollback()
    assert found[0] == found[1]


@pytest.mark.parametrize("explicit", [False, True])
async def test_statements_do_not_grow_with_the_rows(parts: Database, *, explicit: bool) -> None:
    counts = []
    async with parts.session() as session:
        for first, rows in ((1, 2), (100, 60)):
            with count_statements(parts) as statements:
                made = await PartService(session).create_many(
                    {"name": str(number)} | ({"id": number} if explicit else {})
                    for number in range(first, first + rows)
                )
            counts.append(statements.count)
            assert [item.name for item in made] == [str(first + n) for n in range(rows)]
            assert len({item.id for item in made}) == rows
            assert {(item.maker, item.state, item.doubled) for item in made} == {
                ("somebody", "new", 10)
            }
            again = await PartService(session).get_many([item.id for item in made])
            assert all(one is other for one, other in zip(made, again, strict=True))
    assert counts == ([2, 2] if is_sqlite(parts) and not explicit else [1, 1])


async def test_what_nothing_can_have_changed_is_not_asked_for_on_sqlite(parts: Database) -> None:
    async with parts.session() as session:
        with count_statements(parts) as statements:
            made = await CoinService(session).create_many({"value": n} for n in range(2500))
        statements.expect(1 if is_sqlite(parts) else 3)
        returning = ["RETURNING" in statement for statement in statements.statements]
        assert set(returning) == {not is_sqlite(parts)}
        assert [coin.value for coin in made] == list(range(2500))
        assert await CoinService(session).get(made[7].id) is made[7]


async def test_rows_with_other_fields_share_a_statement_each_and_keep_their_order(
    guild: Database,
) -> None:
    async with guild.session() as session:
        service = TeamService(session)
        await service.create({"name": "first"})
    async with guild.session() as session:
        payloads = [{"hall": "a", "number": n} | {"guest": str(n)} for n in range(9)]
        with count_statements(guild) as statements:
            seats = await SeatService(session).create_many(payloads)
        statements.expect(1)
        assert [(seat.number, seat.guest) for seat in seats] == [(n, str(n)) for n in range(9)]
        assert await SeatService(session).get(("a", 3)) is seats[3]


class Mixed(IntegerKey, Base, table=True):
    """Has defaults that only the database knows, and does not refer to itself."""

    name: str
    state: str = Field(default=None, sa_column_kwargs={"server_default": "new"}, max_length=20)


class MixedService(ServiceBase[Mixed, Anything, Anything]):
    pass


async def test_rows_that_leave_other_columns_to_the_database_have_a_statement_for_each_set(
    parts: Database,
) -> None:
    payloads = [
        {"name": str(n)} | ({"state": "old"} if n % 2 else {}) | ({"id": n} if n % 3 == 0 else {})
        for n in range(1000, 1024)
    ]
    async with parts.session() as session:
        await MixedService(session).create({"id": 5000, "name": "x"})
        with count_statements(parts) as statements:
            made = await MixedService(session).create_many(payloads)
        # Four sets; in two of them SQLite counts up from the first row.
        statements.expect(6 if is_sqlite(parts) else 4)
        assert [(item.name, item.state) for item in made] == [
            (row["name"], row.get("state", "new")) for row in payloads
        ]
        assert all(
            item.id == row["id"] for item, row in zip(made, payloads, strict=True) if "id" in row
        )


async def test_a_row_may_refer_to_one_before_it(parts: Database) -> None:
    payloads = [
        {"id": 101, "name": "a"},
        {"id": 102, "name": "b", "state": "old", "whole_id": 101},
        {"id": 103, "name": "c", "whole_id": 102},
    ]
    async with parts.session() as session:
        made = await PartService(session).create_many(payloads)
        assert [item.whole_id for item in made] == [None, 101, 102]
        with pytest.raises(ForeignKeyViolation):
            async with session.savepoint():
                await PartService(session).create_many(
                    [{"name": "d", "whole_id": 9}, {"name": "e"}]
                )


async def test_a_rollback_makes_the_objects_transient(parts: Database) -> None:
    async with parts.session() as session:
        service = MixedService(session)
        made = await service.create_many([{"name": "a"}, {"name": "b"}])
        await session.rollback()
        assert [inspect(item).transient for item in made] == [True, True]
        assert not session.identity_map.values()
        assert await service.where().count() == 0
        session.add(made[0])
        await session.flush()
        assert [item.name for item in await service.where().all()] == ["a"]


async def test_a_rollback_to_a_savepoint_undoes_what_came_inside_it(parts: Database) -> None:
    async with parts.session() as session:
        service = PartService(session)
        kept = await service.create_many([{"name": "a"}, {"name": "b"}])
        gone: list[Part] = []

        async def fail() -> None:
            async with session.savepoint():
                gone.extend(await service.create_many([{"name": "c"}, {"name": "d"}]))
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        assert [inspect(item).transient for item in gone] == [True, True]
        assert [inspect(item).persistent for item in kept] == [True, True]
        async with session.savepoint():
            inner = await service.create_many([{"name": "e"}, {"name": "f"}])
        await session.rollback()
        assert {inspect(item).transient for item in [*kept, *inner]} == {True}


async def test_objects_survive_the_commit_and_are_edited_like_any(parts: Database) -> None:
    async with parts.session() as session:
        made = await PartService(session).create_many([{"name": "a"}, {"name": "b"}])
        await session.commit()
        made[0].rating = 8
        await session.delete(made[1])
    async with parts.reader() as session:
        (only,) = await PartService(session).where().all()
        assert (only.name, only.rating, only.doubled, only.version) == ("a", 8, 16, 2)


async def test_a_unit_whose_rows_were_refused_cannot_be_committed(guild: Database) -> None:
    async def go_on() -> None:
        async with guild.session() as session:
            with pytest.raises(UniqueViolation):
                await TeamService(session).create_many([{"name": "x"}, {"name": "x"}])

    with pytest.raises(TransactionAborted):
        await go_on()
    async with guild.reader() as session:
        assert await TeamService(session).where().count() == 0


@pytest.mark.parametrize("returning", [True, False])
async def test_a_duplicate_names_its_fields_and_stores_nothing(
    parts: Database, *, returning: bool
) -> None:
    async with parts.session() as session:
        service = PartService(session)
        rows = [{"name": str(n)} for n in range(30)]
        with pytest.raises(UniqueViolation) as caught:
            async with session.savepoint():
                await service.create_many([*rows, rows[7]], returning=returning)  # type: ignore[call-overload] # either
        assert (caught.value.model, caught.value.fields) == ("Part", ("name",))
        assert await service.where().count() == 0
        await service.create_many(rows)
    async with parts.reader() as session:
        assert await PartService(session).where().count() == 30


async def test_a_key_that_the_session_holds_is_a_violation_unless_its_row_goes_first(
    guild: Database,
) -> None:
    async with guild.session() as session:
        service = SeatService(session)
        held = await service.create({"hall": "a", "number": 1})
        with pytest.raises(UniqueViolation):
            async with session.savepoint():
                await service.create_many([{"hall": "a", "number": n} for n in (2, 1)])
        await session.delete(held)
        made = await service.create_many([{"hall": "a", "number": n} for n in (2, 1)])
        assert made[1] is not held
        assert await session.get(Seat, ("a", 1)) is made[1]


async def test_what_the_session_has_pending_is_written_first(guild: Database) -> None:
    async with guild.session() as session:
        session.add(Seat(hall="a", number=1))
        with pytest.raises(UniqueViolation):
            async with session.savepoint():
                await SeatService(session).create_many(
                    [{"hall": "a", "number": n} for n in (1, 2)], returning=False
                )


@pytest.mark.parametrize("name", ["before_insert", "after_insert"])
@pytest.mark.parametrize("returning", [True, False])
async def test_whoever_listens_for_new_objects_is_told(
    guild: Database, name: str, *, returning: bool
) -> None:
    from tests.guild import Team

    async with guild.session() as session:
        with listening(Team, name) as heard:
            await TeamService(session).create_many(
                [{"name": "a"}, {"name": "b"}], returning=returning
            )  # type: ignore[call-overload] # either
        assert [team.name for team in heard] == ["a", "b"]


async def test_whoever_listens_to_the_session_or_to_all_models_is_told(guild: Database) -> None:
    from tests.guild import Team

    heard: list[str] = []

    def flushed(session: Any, *_: object) -> None:
        heard.extend(item.name for item in session.new)

    def set_name(_item: object, value: str, *_: object) -> None:
        heard.append(value)

    def born(_mapper: object, _connection: object, item: Any) -> None:
        heard.append(item.name)

    targets: list[Callable[[Session], tuple[Any, str, Any]]] = [
        lambda session: (session.sync_session, "before_flush", flushed),
        lambda session: (session.sync_session, "after_flush", flushed),
        lambda _: (Team.name, "set", set_name),
        lambda _: (Mapper, "before_insert", born),
    ]
    for number, target in enumerate(targets):
        names = [f"{letter}{number}" for letter in "ab"]
        async with guild.session() as session:
            listener = target(session)
            event.listen(*listener)
            try:
                await TeamService(session).create_many([{"name": name} for name in names])
            finally:
                event.remove(*listener)
        assert heard == names
        heard.clear()


@pytest.mark.parametrize("returning", [True, False])
async def test_validators_and_an_init_of_the_models_own_have_their_say(
    parts: Database, *, returning: bool
) -> None:
    async with parts.session() as session:
        strict = StrictService(session)
        with pytest.raises(ValueError, match="is not wrong"):
            await strict.create_many([{"name": "a"}, {"name": "wrong"}], returning=returning)  # type: ignore[call-overload] # either
        assert await strict.where().count() == 0
        greetings = GreetingService(session)
        await greetings.create_many([{"name": "a"}, {"name": "b"}], returning=returning)  # type: ignore[call-overload] # either
        found = await greetings.where().order_by("name").all()
        assert [item.name for item in found] == ["hello a", "hello b"]


async def test_none_that_was_set_is_null_in_a_column_of_json_with_a_default(
    parts: Database,
) -> None:
    async with parts.session() as session:
        made = await FilledService(session).create_many([{"labels": None}, {}, {"labels": [1]}])
        assert [item.labels for item in made] == [None, [], [1]]
        table: Any = Filled.__table__  # type: ignore[attr-defined] # SQLModel sets it
        nulls = select(table.c.id).where(table.c.labels.is_(null()))
        assert (await session.execute(nulls)).scalars().all() == [made[0].id]


async def test_without_objects_the_answer_is_the_number_of_rows(parts: Database) -> None:
    async with parts.session() as session:
        service = PartService(session)
        with count_statements(parts) as statements:
            assert (
                await service.create_many(({"name": str(n)} for n in range(3000)), returning=False)
                == 3000
            )
        statements.expect(1)
        assert "RETURNING" not in statements.statements[0]
        assert not session.identity_map.values()
        assert await service.create_many([], returning=False) == 0
    async with parts.reader() as session:
        service = PartService(session)
        assert await service.where().count() == 3000
        assert (
            await service.where(state="new", maker="somebody", version=1, doubled=10).count()
            == 3000
        )
        one = await service.where(name="7").one()
        assert one.created_at == one.updated_at
        assert (one.data, one.other, one.labels) == (None, {}, None)


async def test_without_objects_rows_are_those_of_the_unit_of_work(parts: Database) -> None:
    found: list[list[tuple[Any, ...]]] = []
    table: Any = Part.__table__  # type: ignore[attr-defined] # SQLModel sets it
    columns = [column for column in table.c if column.name not in ("created_at", "updated_at")]
    for returning in (False, True):
        async with parts.session() as session:
            await PartService(session).create_many(PAYLOADS, returning=returning)  # type: ignore[call-overload] # either
            rows = await session.execute(select(*columns).order_by(table.c.name))
            found.append([tuple(row[1:]) for row in rows])
            await session.rollback()
    assert found[0] == found[1]


async def test_without_objects_the_checks_are_the_same(guild: Database) -> None:
    async with guild.session() as session:
        heroes = HeroService(session)
        with count_statements(guild) as statements:
            for wrong in ({"nmae": "x"}, {"name": None}, {"name": "x", "age": "old"}):
                with pytest.raises(InvalidChanges) as caught:
                    await heroes.create_many([{"name": "a"}, wrong])
                with pytest.raises(InvalidChanges) as unseen:
                    await heroes.create_many([{"name": "a"}, wrong], returning=False)
                assert caught.value.problems == unseen.value.problems
            with pytest.raises(UsageError, match="nothing to fill a schema from"):
                await heroes.create_many([], into=Anything, returning=False)  # type: ignore[call-overload] # not both
        statements.expect(0)
