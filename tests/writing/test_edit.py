"""Whatever has a say in how an object becomes a row has it in an update too."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Optional

import pytest
from pydantic import BaseModel
from sqlalchemy import JSON, Column, MetaData, event
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import registry, validates
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Anything, Sheet, SheetService

from colonnade import Database, ServiceBase
from colonnade.errors import InvalidChanges, NotFound, RefusedByModel, StaleVersion
from colonnade.models import IntegerKey, MutableJSON, Timestamps, Versioned
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Author(IntegerKey, Base, table=True):
    name: str


class Article(Versioned, Timestamps, IntegerKey, Base, table=True):
    """Has a validator and a listener, and a relation that every read joins."""

    title: str
    slug: str | None = None
    contact: str = "a@b"
    author_id: int | None = Field(default=None, foreign_key="author.id")
    author: Optional["Author"] = Relationship(sa_relationship_kwargs={"lazy": "joined"})

    @validates("contact")
    def check_contact(self, _name: str, value: str) -> str:
        if "@" not in value:
            raise ValueError("a contact is an address")
        assert value != "assert@", "that is none"
        return value


@event.listens_for(Article, "before_insert")
@event.listens_for(Article, "before_update")
def make_slug(_mapper: object, _connection: object, article: Article) -> None:
    article.slug = article.title.lower().replace(" ", "-")


class ArticleRead(BaseModel):
    title: str
    slug: str | None
    contact: str


class Articles(ServiceBase[Article, Anything, Anything]):
    pass


class Plain(Timestamps, Versioned, IntegerKey, Base, table=True):
    """Nothing but columns, two of which notice edits."""

    name: str
    data: Any = Field(default=None, nullable=True, sa_type=MutableJSON)
    more: Any = Field(default=None, sa_column=Column(MutableDict.as_mutable(JSON()), nullable=True))


class Plains(ServiceBase[Plain, Anything, Anything]):
    pass


class Careful(IntegerKey, Base, table=True):
    """Sees to its attributes itself."""

    name: str

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.title() if name == "name" else value)


class Carefuls(ServiceBase[Careful, Anything, Anything]):
    pass


@pytest.fixture
async def articles(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as database:
        await database.create_all()
        async with database.session() as session:
            await Articles(session).create({"title": "Old Title"})
        yield database


async def stored(database: Database) -> ArticleRead:
    async with database.reader() as session:
        return await Articles(session).into(ArticleRead).one()


async def test_listeners_and_validators_run_and_the_answer_is_what_they_made(
    articles: Database,
) -> None:
    async with articles.session() as session:
        with count_statements(articles) as statements:
            changed = await Articles(session).update(1, {"title": "New Title", "contact": "x@y"})
        statements.expect(3)
        assert (changed.slug, changed.contact, changed.version) == ("new-title", "x@y", 2)
        assert changed.updated_at > changed.created_at
        schema = await Articles(session).update(1, {"title": "Newer"}, into=ArticleRead)
    assert schema == await stored(articles)
    assert schema == ArticleRead(title="Newer", slug="newer", contact="x@y")


async def test_a_refused_value_is_told_with_its_field_and_changes_nothing(
    articles: Database,
) -> None:
    async with articles.session() as session:
        held = await Articles(session).get(1)
        with pytest.raises(RefusedByModel) as caught:
            await Articles(session).update(1, {"title": "New", "contact": "nonsense"})
        assert caught.value.problems == (("contact", "a contact is an address"),)
        assert caught.value.fields == ("contact",)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, InvalidChanges)
        assert (held.title, held.contact) == ("Old Title", "a@b")
        with pytest.raises(RefusedByModel):
            await Articles(session).create({"title": "x", "contact": "nonsense"})
    assert await stored(articles) == ArticleRead(title="Old Title", slug="old-title", contact="a@b")


async def test_keys_and_versions_count_as_they_do_without_listeners(articles: Database) -> None:
    async with articles.session() as session:
        with pytest.raises(NotFound):
            await Articles(session).update(2, {"title": "x"})
        with pytest.raises(StaleVersion):
            await Articles(session).update(1, {"title": "x"}, version=7)
        changed = await Articles(session).update(1, {"title": "x"}, version=1)
        assert changed.version == 2


@pytest.fixture
def flushes(articles: Database) -> Iterator[list[Any]]:
    heard: list[Any] = []

    def listen(session: Any, _context: object, _objects: object) -> None:
        heard.extend(session.dirty)

    from colonnade.session.sync_session import WritingSyncSession

    event.listen(WritingSyncSession, "before_flush", listen)
    yield heard
    event.remove(WritingSyncSession, "before_flush", listen)


async def test_who_watches_the_flushes_of_sessions_sees_the_update(
    articles: Database, flushes: list[Any]
) -> None:
    async with articles.session() as session:
        made = await Plains(session).create({"name": "a"})
        changed = await Plains(session).update(made.id, {"name": "b"})
        assert flushes == [changed]


async def test_an_update_that_nobody_listens_to_is_one_statement(articles: Database) -> None:
    async with articles.session() as session:
        made = await Plains(session).create({"name": "a"})
        with count_statements(articles) as statements:
            await Plains(session).update(made.id, {"data": {"a": 1}, "more": {"b": 2}})
        statements.expect(2 if articles.engine.dialect.name == "mariadb" else 1)
        assert made.data == {"a": 1}
        made.data["a"] = 2
        made.more["b"] = 3
        await session.flush()
    async with articles.reader() as session:
        found = await Plains(session).where().one()
        assert (found.data, found.more) == ({"a": 2}, {"b": 3})


async def test_a_setattr_of_the_models_own_is_called(articles: Database) -> None:
    async with articles.session() as session:
        key = (await Carefuls(session).create({"name": "ann"})).id
        changed = await Carefuls(session).update(key, {"name": "bob"})
        assert changed.name == "Bob"


async def test_only_attributes_that_change_are_asked_for_listeners(guild: Database) -> None:
    heard: list[Any] = []

    def listen(_target: object, value: Any, _old: object, _initiator: object) -> None:
        heard.append(value)

    event.listen(Sheet.pages, "set", listen)
    try:
        async with guild.session() as session:
            sheet = await SheetService(session).create({"title": "a"})
            heard.clear()
            with count_statements(guild) as statements:
                await SheetService(session).update(sheet.id, {"title": "b"})
            statements.expect(2 if guild.engine.dialect.name == "mariadb" else 1)
            await SheetService(session).update(sheet.id, {"pages": 7})
            assert heard == [7]
    finally:
        event.remove(Sheet.pages, "set", listen)


async def test_an_assertion_of_a_validator_is_a_refusal_too(articles: Database) -> None:
    async with articles.session() as session:
        for write in (
            lambda: Articles(session).update(1, {"contact": "assert@"}),
            lambda: Articles(session).create({"title": "New", "contact": "assert@"}),
        ):
            with pytest.raises(RefusedByModel) as caught:
                await write()
            assert caught.value.fields == ("contact",)
    assert (await stored(articles)).contact != "assert@"
