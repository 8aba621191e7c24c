"""What is told to whoever takes a question for its answer, or asks in another library's words."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import ForeignKey
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    DeclarativeBase,
    DynamicMapped,
    Mapped,
    WriteOnlyMapped,
    mapped_column,
    relationship,
)
from tests.guild import Hero, HeroCreate, HeroService

from colonnade import Count, Database, Query, ServiceBase
from colonnade.errors import InvalidOperand, UnknownField, UsageError
from colonnade.query.misuse import _FOREIGN_METHODS
from colonnade.testing import count_statements


class HeroRead(BaseModel):
    id: int
    name: str


class Base(DeclarativeBase):
    pass


class Leaf(Base):
    __tablename__ = "leaf"

    id: Mapped[int] = mapped_column(primary_key=True)
    tree_id: Mapped[int] = mapped_column(ForeignKey("tree.id"))


class Tree(Base):
    """Two relations that hold a query in place of their objects."""

    __tablename__ = "tree"

    id: Mapped[int] = mapped_column(primary_key=True)
    dynamic: DynamicMapped[Leaf] = relationship()
    write_only: WriteOnlyMapped[Leaf] = relationship(overlaps="dynamic")


class TreeService(ServiceBase[Tree]):  # type: ignore[type-var] # a model of SQLAlchemy's own kind
    pass


@pytest.mark.parametrize("name", ["dynamic", "write_only"])
async def test_a_relation_that_holds_a_query_is_not_loaded(heroes: Database, name: str) -> None:
    async with heroes.reader() as session:
        with count_statements(heroes) as statements:
            trees = TreeService(session)
            for ask in (lambda: trees.load(name).all(), partial(trees.get, 1, load=[name])):
                with pytest.raises(InvalidOperand, match=f"lazy='{name}'") as caught:
                    await ask()
                assert caught.value.fields == (name,)
        statements.expect(0)


@pytest.mark.parametrize("payloads", [None, 7, "ab", {"name": "a"}])
async def test_create_many_takes_a_collection(heroes: Database, payloads: Any) -> None:
    async with heroes.session() as session:
        with pytest.raises(InvalidOperand, match="a collection of payloads"):
            await HeroService(session).create_many(payloads)


async def test_a_question_is_no_answer_and_says_how_to_ask(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(age__gte=3)
        projection = query.into(HeroRead)
        with count_statements(heroes) as statements:
            for question in (query, projection, projection.json):
                uses: list[tuple[Any, str]] = [
                    (bool, "await query.exists()"),
                    (len, "await query.count()"),
                    (list, "await query."),
                    (iter, "query.stream()"),
                    (aiter, "query.stream()"),
                    (lambda item: item[0], "await query.first()"),
                    (lambda item: item[:10], "query.offset(…).limit(…).all()"),
                    (lambda item: 3 in item, "await query.where(…).exists()"),
                ]
                for use, hint in uses:
                    with pytest.raises(TypeError) as caught:
                        use(question)
                    assert hint in str(caught.value)
                with pytest.raises(TypeError, match=r"await query\.all\(\)"):
                    await question  # type: ignore[misc]
        statements.expect(0)


async def test_another_librarys_word_is_told_ours(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        for asked in (service, service.where(), service.into(HeroRead)):
            for word, ours in (
                ("filter", "where("),
                ("get_or_404", "NotFound"),
                ("save", "create"),
            ):
                with pytest.raises(AttributeError) as caught:
                    getattr(asked, word)
                assert f"has no attribute {word!r}: here it is " in str(caught.value)
                assert ours in str(caught.value)
            with pytest.raises(AttributeError, match="did you mean 'order_by'"):
                asked.ordr_by  # type: ignore[attr-defined] # noqa: B018
            with pytest.raises(AttributeError, match=r"has no attribute '_private'$"):
                asked._private  # type: ignore[attr-defined] # noqa: B018
            assert not hasattr(asked, "filter")


def test_no_word_of_another_library_is_a_word_of_a_query() -> None:
    assert not {word for word in _FOREIGN_METHODS if hasattr(Query, word)}


async def test_a_property_that_fails_tells_its_own_reason(heroes: Database) -> None:
    class Failing(HeroService):
        @property
        def broken(self) -> str:
            return self.session.nonsense  # type: ignore[attr-defined, no-any-return]

    async with heroes.reader() as session:
        with pytest.raises(AttributeError, match="nonsense"):
            Failing(session).broken  # noqa: B018


async def test_a_service_asks_of_every_row_without_where(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        every = service.where()
        assert await service.all() == await every.all()
        assert await service.first() is await every.first()
        assert await service.count() == await every.count() == 12
        assert await service.exists()
        assert (
            await service.order_by("-id").limit(2).all()
            == await every.order_by("-id").limit(2).all()
        )
        assert [hero.id for hero in await service.limit(2).all()] == [1, 2]
        assert (await service.load("team").first()).team is not None  # type: ignore[union-attr]
        assert (await service.page(2, size=5)).items == (await every.page(2, size=5)).items
        assert await service.slice(offset=3, limit=5) == await every.slice(offset=3, limit=5)
        assert (await service.scroll(size=5)).items == (await every.scroll(size=5)).items
        assert [hero async for hero in service.stream()] == await every.all()


async def test_one_path_to_load_may_stand_alone(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        for load in ("team", "team.city", Hero.team, ["team"], ("team",)):
            assert (await service.get(1, load=load)).team is not None  # type: ignore[arg-type]
            assert (await service.get_many([1], load=load))[0].team is not None  # type: ignore[arg-type]
            assert (await service.get_or_none(1, load=load)).team is not None  # type: ignore[arg-type, union-attr]
        with pytest.raises(UnknownField, match="no relation 'tags'"):
            await service.get(1, load="tags")
        with pytest.raises(InvalidOperand) as caught:
            service.load(["team", "missions"])
        assert "an argument of its own" in (caught.value.hint or "")


async def test_a_row_without_a_relation_is_found_by_the_relation(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        found = await service.where(team__isnull=True).order_by("id").all()
        assert [hero.id for hero in found] == [
            hero.id for hero in await service.order_by("id").all() if hero.team_id is None
        ]
        assert 0 < len(found) < 12
        assert await service.where(team__isnull=False).count() == 12 - len(found)
        cities = await service.where(team__city__isnull=True).order_by("id").load("team").all()
        assert [hero.id for hero in cities] == [
            hero.id
            for hero in await service.order_by("id").load("team").all()
            if hero.team is None or hero.team.city_id is None
        ]


async def test_a_misspelt_order_is_told_the_models_and_the_schemas_fields(heroes: Database) -> None:
    class Counted(BaseModel):
        name: str
        deeds: Annotated[int, Count("missions")]

    async with heroes.reader() as session:
        projection = HeroService(session).into(Counted)
        for wrong, near in (("-nmae", "name"), ("deds", "deeds")):
            with pytest.raises(UnknownField) as caught:
                projection.order_by(wrong)
            hint = caught.value.hint or ""
            assert hint.startswith(
                f"did you mean {near!r}? Counted has: deeds; Hero has: active, age"
            )
        with pytest.raises(UnknownField, match="no field 'nam'"):
            projection.order_by("team.nam")


async def test_a_session_that_nobody_opened_says_how_to_open_it(heroes: Database) -> None:
    for opening in (heroes.session(), heroes.reader()):
        with pytest.raises(
            UsageError, match="'get' was asked of a session that is not open"
        ) as caught:
            opening.get(Hero, 1)  # type: ignore[attr-defined]
        assert "async with db.session()" in (caught.value.hint or "")
        assert not hasattr(opening, "add_all")
        assert not hasattr(opening, "nonsense")
        with pytest.raises(UsageError, match="opened by a block"):
            await opening  # type: ignore[misc]
        with pytest.raises(UsageError, match="by async with, not by with"), opening:  # type: ignore[attr-defined]
            pass
        with pytest.raises(UsageError, match="HeroService was given a session that is not open"):
            HeroService(opening)  # type: ignore[arg-type]
        async with opening as session:
            assert await HeroService(session).count() == 12


async def test_a_service_of_what_is_no_session_says_what_it_takes(heroes: Database) -> None:
    async with AsyncSession(heroes.engine) as other:
        for wrong in (heroes, heroes.session, other, None):
            with pytest.raises(UsageError, match="takes a session of a Database, not") as caught:
                HeroService(wrong)  # type: ignore[arg-type]
            assert "HeroService(session)" in (caught.value.hint or "")


def test_a_method_that_opens_sessions_is_no_dependency(sqlite_url: str) -> None:
    app = FastAPI()
    db = Database(sqlite_url)
    for opening in (db.session, db.reader):
        with pytest.raises(UsageError, match=r"Depends\(db.session\)") as caught:

            @app.get("/")
            async def ask(session: Any = Depends(opening)) -> None:  # noqa: B008
                """Never called."""

        assert "provide_session()" in (caught.value.hint or "")


async def test_a_service_without_a_schema_says_which_one_is_missing(guild: Database) -> None:
    class Reading(ServiceBase[Hero]):
        pass

    class Adding(ServiceBase[Hero, HeroCreate]):
        pass

    async with guild.session() as session:
        hero = await Adding(session).create(HeroCreate(name="Ann"))
        assert (await Reading(session).get(hero.id)).name == "Ann"
        for service in (Reading(session), Adding(session)):
            with pytest.raises(UsageError, match="has no schema to update a Hero with") as caught:
                await service.update(hero.id, {"name": "Bob"})
            assert "ServiceBase[Hero, HeroCreate, HeroUpdate]" in (caught.value.hint or "")
        with pytest.raises(
            UsageError, match="Reading has no schema to create a Hero with"
        ) as caught:
            await Reading(session).create({"name": "Bob"})
        assert "class Reading(ServiceBase[Hero, HeroCreate])" in (caught.value.hint or "")
        with pytest.raises(UsageError, match="to create"):
            await Reading(session).create_many([{"name": "Bob"}])
        await Reading(session).delete(hero.id)


async def test_no_key_is_no_row(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            assert await service.get_or_none(None) is None
            assert await service.get_or_none((None,)) is None
        statements.expect(0)
        with pytest.raises(InvalidOperand, match="None is no key"):
            await service.get(None)


async def test_a_create_of_ones_own_is_called_with_what_it_hands_on(guild: Database) -> None:
    seen: list[Any] = []

    class Greeting(HeroService):
        async def create(self, payload: Any, **options: Any) -> Any:
            seen.append(payload)
            return await super().create(payload, **options)

    async with guild.session() as session:
        hero = await Greeting(session).create({"name": "Ann"})
        read = await Greeting(session).create({"name": "Bob"}, into=HeroRead)
    assert (hero.name, read) == ("Ann", HeroRead(id=read.id, name="Bob"))
    assert len(seen) == 2
