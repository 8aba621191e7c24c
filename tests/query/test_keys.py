"""A key names a row for every verb, or for none: as ``eq`` compares it with the column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from decimal import Decimal
from enum import Enum
from itertools import product
from typing import Annotated, Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.spellings import TEXT_KEYS, composed_of, lands_of, service_of, tables

from colonnade import Count, Database
from colonnade.errors import InvalidChanges, InvalidOperand, NotFound, StaleVersion, UniqueViolation
from colonnade.models import Versioned
from colonnade.testing import count_statements

Service = Any
Verb = Callable[[Any, Any], Awaitable[Any]]

UTC = dt.UTC
HUGE = [2**63, -(2**70), 2**100, str(2**64)]


class Colour(Enum):
    RED = "red"
    BLUE = "Blue"


class Named(BaseModel):
    name: str


def verbs(names: tuple[str, ...]) -> dict[str, Verb]:
    """Every verb by key; each answers with whether there is such a row."""

    def lookups(key: Any, operator: str) -> dict[str, Any]:
        values = key if isinstance(key, tuple) else (key,)
        pairs = zip(names, values, strict=True)
        if operator == "in":
            return {f"{name}__in": [value] for name, value in pairs}
        return dict(pairs)

    async def held(service: Service, key: Any) -> Any:
        await service.where().all()
        return await service.get(key)

    async def deleted(service: Service, key: Any) -> bool:
        await service.delete(key)
        return True

    # In this order: the session holds nothing at first, and the row is gone in the end.
    return {
        "get_or_none": lambda service, key: service.get_or_none(key),
        "get": lambda service, key: service.get(key),
        "where": lambda service, key: service.where(lookups(key, "eq")).all(),
        "in": lambda service, key: service.where(lookups(key, "in")).all(),
        "get_many": lambda service, key: service.get_many([key]),
        "held": held,
        "into.get": lambda service, key: service.into(Named).get(key),
        "json.get": lambda service, key: service.into(Named).json.get(key),
        "update": lambda service, key: service.update(key, {"name": "new"}),
        "update nothing": lambda service, key: service.update(key, {}),
        "update into": lambda service, key: service.update(key, {"name": "newer"}, into=Named),
        "delete": deleted,
    }


async def is_there(database: Database, service: Any, names: tuple[str, ...], key: Any) -> bool:
    """Whether all verbs say that there is a row with this key; they must agree."""
    found: dict[str, bool] = {}
    async with database.session() as session:
        for name, verb in verbs(names).items():
            try:
                found[name] = bool(await verb(service(session), key))
            except NotFound:
                found[name] = False
        await session.rollback()
    assert len(set(found.values())) == 1, f"{key!r}: {found}"
    return found["where"]


SPELLINGS = ["".join(letters) for size in (1, 2) for letters in product("aA ", repeat=size)]


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_all_verbs_agree_on_every_spelling_of_a_text_key(
    database: Database, kind: str
) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        async with database.session() as session:
            for spelling in SPELLINGS[::2]:
                try:
                    async with session.savepoint():
                        await models.lands(session).create({"code": spelling, "name": spelling})
                except (UniqueViolation, InvalidChanges):  # CHAR keeps no spaces at the end
                    continue
        there = [
            await is_there(database, models.lands, ("code",), spelling) for spelling in SPELLINGS
        ]
    assert any(there)


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_get_many_answers_with_the_rows_that_where_finds_and_lists_the_others(
    database: Database, kind: str
) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        async with database.session() as session:
            await models.lands(session).create_many(
                [{"code": code, "name": code} for code in ("a", "b", "cc")]
            )
        asked = ["b", "A", "cc ", "B", "a", "x", "b ", "CC", "a", "y"]
        async with database.session() as session:
            lands = models.lands(session)
            single = {key: await lands.where(code=key).one_or_none() for key in asked}
            there = [key for key in asked if single[key] is not None]
            lost = tuple(dict.fromkeys(key for key in asked if single[key] is None))
            found = await lands.get_many(there)
            assert [id(item) for item in found] == [id(single[key]) for key in there]
            with pytest.raises(NotFound) as raised:
                await lands.get_many(asked)
            assert raised.value.keys == lost
        async with database.reader() as session:
            with count_statements(database) as statements:
                await models.lands(session).get_many(["a", "b", "cc"])
            assert statements.count == 1 + (kind == "char" and session.family == "postgresql")


async def test_get_many_asks_about_any_number_of_other_spellings(database: Database) -> None:
    models = lands_of("lowered")
    codes = [f"land{number:03}" for number in range(300)]
    async with tables(database, models.metadata):
        async with database.session() as session:
            await models.lands(session).create_many([{"code": code} for code in codes])
        async with database.reader() as session:
            with count_statements(database) as statements:
                found = await models.lands(session).get_many([code.upper() for code in codes])
            assert [item.code for item in found] == codes
            assert statements.count == 4


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_one_row_is_one_object_however_its_key_is_spelled(
    database: Database, kind: str
) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata), database.session() as session:
        lands = models.lands(session)
        made = await lands.create({"code": "De", "name": "one"})
        (row,) = await lands.where().all()
        assert row is made
        for spelling in ("De", "de", "DE", "De   "):
            found = await lands.get_or_none(spelling)
            assert found in (None, made)
            assert await lands.where(code=spelling).all() == ([] if found is None else [made])


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_a_row_that_was_deleted_by_another_spelling_is_held_no_more(
    database: Database, kind: str
) -> None:
    models = lands_of(kind)
    async with tables(database, models.metadata):
        async with database.session() as session:
            await models.lands(session).create({"code": "de"})
        async with database.session() as session:
            lands = models.lands(session)
            (held,) = await lands.where().all()
            for spelling in ("DE", "de ", "de"):
                if await lands.get_or_none(spelling) is not None:
                    await lands.delete(spelling)
                    break
            assert held not in session
            assert await lands.get_or_none("de") is None


async def test_a_key_that_was_created_is_rolled_back_with_its_savepoint(
    database: Database,
) -> None:
    models = lands_of("char")
    async with tables(database, models.metadata), database.session() as session:
        lands = models.lands(session)
        made: list[Any] = []

        async def create_in_vain() -> None:
            async with session.savepoint():
                made.append(await lands.create({"code": "de"}))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await create_in_vain()
        assert made[0] not in session
        again = await lands.create({"code": "de", "name": "again"})
        assert await lands.get("de") is again


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_the_version_that_is_held_counts_however_the_key_is_spelled(
    database: Database, kind: str
) -> None:
    metadata = sa.MetaData()

    class Base(SQLModel, registry=registry(metadata=metadata)):
        pass

    class Page(Versioned, Base, table=True):
        code: str = Field(sa_column=sa.Column(TEXT_KEYS[kind](), primary_key=True))
        name: str = ""

    pages = service_of(Page)
    async with tables(database, metadata):
        async with database.session() as session:
            await pages(session).create({"code": "de"})
        async with database.session() as session:
            held = await pages(session).get("de")
            spellings = [
                spelling
                for spelling in ("DE", "de ", "de")
                if await pages(session).where(code=spelling).exists()
            ]
            table = metadata.tables["page"]
            await session.execute(sa.update(table).values(version=7))
            for spelling in spellings:
                with pytest.raises(StaleVersion):
                    await pages(session).update(spelling, {"name": "x"})
                with pytest.raises(StaleVersion):
                    await pages(session).delete(spelling)
            assert held.version == 1


#: By family: the type, the value of the row, and values that may be asked for.
VALUES: dict[str, tuple[Callable[[], Any], type[Any], Any, list[Any]]] = {
    "decimal": (
        lambda: sa.Numeric(10, 2),
        Decimal,
        Decimal("1.50"),
        [Decimal("1.5"), "1.50", 1.5, Decimal("1.504"), Decimal("1.496"), Decimal(10) ** 12],
    ),
    "float": (sa.Float, float, 0.0, [0.0, -0.0, "0", 0, 1e-300]),
    "double": (sa.Double, float, 0.1, [0.1, "0.1", 0.1 + 2**-55, 0.10000000149011612]),
    "integer": (sa.Integer, int, 1, [1, 1.0, "1", 2, 2**31, 2**40, -(2**63), 2**63 - 1]),
    "small": (sa.SmallInteger, int, 1, [1, 2**15, 2**31, 2**40]),
    "datetime": (
        lambda: sa.DateTime(timezone=True),
        dt.datetime,
        dt.datetime(2020, 1, 1, 0, 30, tzinfo=UTC),
        [
            dt.datetime(2020, 1, 1, 0, 30, tzinfo=UTC),
            dt.datetime(2020, 1, 1, 1, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "2019-12-31T23:30:00-01:00",
            dt.datetime(2020, 1, 1, 0, 30, 0, 1, tzinfo=UTC),
        ],
    ),
    "date": (sa.Date, dt.date, dt.date(2020, 2, 29), [dt.date(2020, 2, 29), "2020-02-29"]),
    "uuid": (sa.Uuid, UUID, UUID(int=171), [UUID(int=171), str(UUID(int=171)).upper()]),
    "uuid text": (
        lambda: sa.Uuid(as_uuid=False),
        str,
        str(UUID(int=171)),
        [UUID(int=171), str(UUID(int=171)).upper(), UUID(int=171).hex],
    ),
    "enum": (lambda: sa.Enum(Colour), Colour, Colour.RED, [Colour.RED, Colour.BLUE, "red"]),
    "enum in text": (
        lambda: sa.Enum(Colour, native_enum=False),
        Colour,
        Colour.RED,
        [Colour.RED, Colour.BLUE, "red"],
    ),
    "bytes": (
        lambda: sa.LargeBinary().with_variant(sa.BINARY(4), "mysql", "mariadb"),
        bytes,
        b"ab\0\0",
        [b"ab\0\0", b"ab", b"ab\0", b"AB\0\0"],
    ),
    "boolean": (sa.Boolean, bool, True, [True, 1, "true", 1.0, False, 0]),
}


@pytest.mark.parametrize("family", VALUES)
async def test_all_verbs_agree_on_keys_of_every_family(database: Database, family: str) -> None:
    kind, python, stored, asked = VALUES[family]
    metadata = sa.MetaData()

    class Base(SQLModel, registry=registry(metadata=metadata)):
        pass

    item: Any = type(Base)(
        "Item",
        (Base,),
        {
            "__module__": __name__,
            "__annotations__": {"key": python, "name": str},
            "key": Field(sa_column=sa.Column(kind(), primary_key=True, autoincrement=False)),
            "name": "",
        },
        table=True,
    )
    items = service_of(item)
    async with tables(database, metadata):
        async with database.session() as session:
            made = await items(session).create({"key": stored})
            assert await items(session).where().all() == [made]
        there = [await is_there(database, items, ("key",), key) for key in asked]
    assert there[0]


@pytest.mark.parametrize("kind", TEXT_KEYS)
async def test_all_verbs_agree_on_keys_of_several_columns(database: Database, kind: str) -> None:
    metadata, shelf, _ = composed_of(kind)
    shelves = service_of(shelf)
    async with tables(database, metadata):
        async with database.session() as session:
            await shelves(session).create_many(
                [{"hall": hall, "code": code} for hall in (1, 2) for code in ("de", "fr")]
            )
        for spelling in ("de", "DE", "de ", "De  ", "xx"):
            for hall in (1, "2", 3, 2**40):
                await is_there(database, shelves, ("hall", "code"), (hall, spelling))
        async with database.session() as session:
            found = await shelves(session).get_many([(2, "fr"), (1, "de"), (1, "fr")])
            assert [(item.hall, item.code.strip()) for item in found] == [
                (2, "fr"),
                (1, "de"),
                (1, "fr"),
            ]


@pytest.mark.parametrize("huge", HUGE)
async def test_no_row_has_an_integer_key_that_no_column_holds(
    heroes: Database, huge: int | str
) -> None:
    from tests.guild import HeroService, SeatService

    async with heroes.session() as session:
        service = HeroService(session)
        assert await service.get_or_none(huge) is None
        with pytest.raises(NotFound) as raised:
            await service.get_many([huge, 1, 10**6])
        assert raised.value.keys == (huge, 10**6)
        for work in (
            service.get(huge),
            service.get(huge, load=["team"]),
            service.into(Named).get(huge),
            service.into(Named).json.get(huge),
            service.update(huge, {"name": "x"}),
            service.update(huge, {}, into=Named),
            service.delete(huge),
            SeatService(session).get(("A", huge)),
        ):
            with pytest.raises(NotFound) as raised:
                await work
            assert raised.value.keys
        with pytest.raises(InvalidOperand, match="id"):
            service.where(id=huge)


async def test_no_group_has_an_integer_that_no_column_holds(heroes: Database) -> None:
    from tests.guild import HeroService

    class OfTeam(BaseModel):
        team_id: int | None
        heroes: Annotated[int, Count()]

    async with heroes.reader() as session:
        with pytest.raises(NotFound):
            await HeroService(session).into(OfTeam).get(2**70)
