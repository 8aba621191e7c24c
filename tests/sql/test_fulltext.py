"""``match``, on every database: what is found, in what order, and what is no search."""

from collections.abc import AsyncIterator
from typing import Any, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, bindparam, select, text
from sqlalchemy.orm import aliased, registry
from sqlmodel import Field, Relationship, SQLModel
from tests.guild import Hero

from colonnade import Database, ServiceBase, any_of, not_
from colonnade.errors import InvalidMapping, InvalidOperand, InvalidRequest, UnknownOperator
from colonnade.filters import OPERATORS, parse_lookups
from colonnade.filters.search_syntax import FullTextSearch
from colonnade.models import IntegerKey, UUIDKey, full_text


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Author(IntegerKey, Base, table=True):
    name: str = Field(max_length=80)
    notes: list["Note"] = Relationship(back_populates="author")


class Note(IntegerKey, Base, table=True):
    __table_args__ = (full_text("title", "body"),)
    title: str = Field(max_length=80)
    body: str | None = Field(default=None, max_length=500)
    author_id: int | None = Field(default=None, foreign_key="author.id")
    author: Optional[Author] = Relationship(back_populates="notes")  # noqa: UP045 # SQLModel wants it


class Anything(SQLModel):
    model_config = {"extra": "allow"}


class NoteService(ServiceBase[Note, Anything, Anything]):
    pass


class HeroService(ServiceBase[Hero, Anything, Anything]):
    pass


class AuthorService(ServiceBase[Author, Anything, Anything]):
    pass


NOTES = [
    ("Foxes", "the quick brown fox jumps over the lazy dog"),
    ("Dogs", "a brown dog sleeps; dogs, dogs and more brown dog"),
    ("Foxes again", "quick foxes run"),
    ("Cafés", "Zürich has many a café-bar, says O'Neill"),
    ("Nothing", None),
    ("Version", "release 1.2.300 of foo_bar"),
]


@pytest.fixture
async def notes(database: Database) -> AsyncIterator[Database]:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        author = await AuthorService(session).create({"name": "Ann"})
        for title, body in NOTES:
            await NoteService(session).create(
                {"title": title, "body": body, "author_id": author.id if body else None}
            )
    yield database
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)


async def ids(database: Database, *conditions: Any, **lookups: Any) -> list[int | None]:
    async with database.reader() as session:
        return [note.id for note in await NoteService(session).where(*conditions, **lookups).all()]


async def test_words_phrases_and_their_absence_are_found(notes: Database) -> None:
    assert await ids(notes, body__match="fox") == [1]
    assert await ids(notes, body__match="FOX quick") == [1]
    assert await ids(notes, body__match="quick") == [1, 3]
    assert await ids(notes, body__match="quick -lazy") == [3]
    assert await ids(notes, body__match='"brown dog"') == [2]
    assert await ids(notes, body__match="sleeps or foxes") == [2, 3]
    assert await ids(notes, body__match='"brown fox" or quick -fox') == [1, 3]
    assert await ids(notes, body__match="café-bar") == [4]
    assert await ids(notes, body__match="Zürich") == [4]
    assert await ids(notes, body__match="foo_bar") == [6]
    assert await ids(notes, body__match="nowhere") == []
    assert await ids(notes, title__match="foxes") == [1, 3]


async def test_a_row_matches_or_does_not_and_a_null_does_not(notes: Database) -> None:
    assert await ids(notes, not_(body__match="quick")) == [2, 4, 5, 6]
    assert await ids(notes, any_of(title__match="dogs", body__match="lazy")) == [1, 2]


async def test_a_search_goes_along_paths(notes: Database) -> None:
    async with notes.reader() as session:
        authors = AuthorService(session)
        assert await authors.where(notes__body__match="lazy").count() == 1
        assert await authors.where(notes__body__match="lazy sleeps").count() == 0


async def test_an_index_follows_every_write(notes: Database) -> None:
    async with notes.session() as session:
        service = NoteService(session)
        await service.update(1, {"body": "a red panda"})
        await service.delete(3)
        await service.update(2, {"title": "Panda"})
    assert await ids(notes, body__match="quick") == []
    assert await ids(notes, body__match="panda") == [1]
    assert await ids(notes, any_of(title__match="panda", body__match="panda")) == [1, 2]


async def test_the_rank_puts_the_best_first_by_the_same_value(notes: Database) -> None:
    match = OPERATORS["match"]
    assert match.rank is not None
    note = aliased(Note)
    bound = match.make_parameter("v0", Note.__table__.c.body.type)  # type: ignore[attr-defined]
    statement = (
        select(note.id)
        .where(match.build(note.body, bound))
        .order_by(match.rank(note.body, bound).desc())
    )
    async with notes.reader() as session:
        found = await session.execute(statement, {"v0": "dog"})
        assert found.scalars().all() == [2, 1]
        ranks = select(match.rank(note.body, bound)).order_by(note.id)
        best = (await session.execute(ranks, {"v0": "dog"})).scalars().all()
        assert [value > 0 for value in best] == [True, True, False, False, False, False]


@pytest.mark.parametrize("search", ["", "-fox", "fox or -dog", '"', "%_", "or", "--", "😀"])
def test_a_search_needs_a_word_to_find(search: str) -> None:
    with pytest.raises(InvalidOperand) as caught:
        parse_lookups(Note, {"body__match": search})
    assert caught.value.hint == "a search needs a word to find, of letters or digits"


def test_a_search_has_so_many_words_and_no_more() -> None:
    assert parse_lookups(Note, {"body__match": "a " * 50})
    with pytest.raises(InvalidOperand) as caught:
        parse_lookups(Note, {"body__match": "a " * 51})
    assert caught.value.hint == "a search has at most 50 words and phrases"
    with pytest.raises(InvalidOperand):
        parse_lookups(Note, {"body__match": None})


@given(search=st.text("ab fox\"'-*()@<>~+:\\%_{}^$!|&é😀\n\t.,", max_size=12))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_string_is_an_answer_or_refused(notes: Database, search: str) -> None:
    try:
        parse_lookups(Note, {"body__match": search})
    except InvalidRequest:
        return
    await ids(notes, body__match=search)
    await ids(notes, not_(title__match=f"{search} or fox"))


@pytest.mark.parametrize("search", ["*", "fox*", "+fox", "(fox", "~fox", "fox)", ">fox", "fox@3"])
async def test_signs_of_the_databases_languages_mean_nothing(notes: Database, search: str) -> None:
    if search == "*":
        with pytest.raises(InvalidOperand):
            await ids(notes, body__match=search)
        return
    found = await ids(notes, body__match=search)
    assert found == ([] if search == "fox@3" else [1])


async def test_without_an_index_a_search_is_refused_where_it_needs_one(heroes: Database) -> None:
    name = heroes.engine.dialect.name
    async with heroes.reader() as session:
        query = HeroService(session).where(name__match="ann")
        if name == "postgresql":
            assert await query.count() == 3
            return
        with pytest.raises(UnknownOperator, match=f"hero.name has no .* needs on {name}") as caught:
            await query.all()
        assert caught.value.hint == (
            "declare one: __table_args__ = (full_text('name'),), and create it"
        )


async def test_english_finds_other_forms_of_a_word(database: Database) -> None:
    class English(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Essay(IntegerKey, English, table=True):
        __table_args__ = (full_text("body", name="essay_search", config="english"),)
        body: str = Field(max_length=200)

    class EssayService(ServiceBase[Essay, Anything, Anything]):
        pass

    async with database.engine.begin() as connection:
        await connection.run_sync(English.metadata.create_all)
    async with database.session() as session:
        session.add(Essay(body="she was running home"))
    async with database.reader() as session:
        found = await EssayService(session).where(body__match="run").count()
    assert found == (0 if database.engine.dialect.name in ("mysql", "mariadb") else 1)


async def test_the_index_serves_the_search_on_postgresql(notes: Database) -> None:
    if notes.engine.dialect.name != "postgresql":
        pytest.skip("the others cannot search without")
    async with notes.engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        column = Note.__table__.c.body  # type: ignore[attr-defined]
        match = OPERATORS["match"]
        statement = select(Note.__table__).where(  # type: ignore[attr-defined]
            match.build(
                column, bindparam("v0", "fox", type_=FullTextSearch(), literal_execute=False)
            )
        )
        asked = statement.compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {asked}"))
        assert "Bitmap Index Scan on ft_note_title_body" in plan


def test_a_declaration_names_columns_and_a_configuration_that_are_there() -> None:
    with pytest.raises(InvalidMapping, match="names of columns"):
        full_text()
    with pytest.raises(InvalidMapping, match="small letters"):
        full_text("body", config="english'")

    class Alone(SQLModel, registry=registry(metadata=MetaData())):
        pass

    with pytest.raises(InvalidMapping, match="letter has no column 'boddy' to search"):

        class Letter(IntegerKey, Alone, table=True):
            __table_args__ = (full_text("boddy"),)
            body: str

    with pytest.raises(InvalidMapping, match=r"twice.body has two full-text indexes"):

        class Twice(IntegerKey, Alone, table=True):
            __table_args__ = (full_text("body"), full_text("body", name="more"))
            body: str


async def test_sqlite_searches_only_rows_that_it_numbers_for_good(sqlite_url: str) -> None:
    class Alone(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Letter(UUIDKey, Alone, table=True):
        __table_args__ = (full_text("body"),)
        body: str

    async with Database(sqlite_url) as database, database.engine.connect() as connection:
        with pytest.raises(InvalidMapping, match="one integer as primary key"):
            await connection.run_sync(Alone.metadata.create_all)
