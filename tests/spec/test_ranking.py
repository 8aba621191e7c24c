"""Rank: the rows first that answer a search best."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.guild import Hero

from colonnade import Database, ServiceBase, any_of
from colonnade.errors import InvalidOperand, UnknownField
from colonnade.models import IntegerKey, full_text
from colonnade.ordering import missing_index, sort_keys_of, with_primary_key
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Paper(IntegerKey, Base, table=True):
    __table_args__ = (full_text("body"),)
    title: str = Field(max_length=80)
    body: str = Field(max_length=500)


class Anything(SQLModel):
    model_config = {"extra": "allow"}


class PaperService(ServiceBase[Paper, Anything, Anything]):
    pass


@pytest.fixture
async def papers(database: Database) -> AsyncIterator[Database]:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    bodies = (
        "nothing to see here at all but words of other kinds",
        "one walrus stands among a great many words about other animals of the sea",
        "walrus walrus walrus",
        "more words about other things, without it",
    )
    async with database.session() as session:
        for number, body in enumerate(bodies):
            await PaperService(session).create({"title": f"t{number % 2}", "body": body})
    yield database
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)


async def test_the_rows_come_first_that_answer_best(papers: Database) -> None:
    async with papers.reader() as session:
        found = PaperService(session).where(title__isnull=False, body__match="walrus", id__gt=0)
        assert [paper.id for paper in await found.order_by("-body__match").all()] == [3, 2]
        assert [paper.id for paper in await found.order_by("body.match").all()] == [2, 3]
        page = await found.order_by("-body__match", "body").page(2, size=1)
        assert ([paper.id for paper in page.items], page.total) == ([2], 2)


async def test_what_is_not_searched_for_has_no_rank(papers: Database) -> None:
    async with papers.reader() as session:
        service = PaperService(session)
        with count_statements(papers) as statements:
            for query in (
                service.where(),
                service.where(any_of(body__match="walrus", id=1)),
                service.where(body__contains="walrus"),
            ):
                with pytest.raises(InvalidOperand, match="nothing is searched for") as caught:
                    await query.order_by("-body__match").all()
                assert caught.value.hint is not None
                assert "where(body__match=…)" in caught.value.hint
        statements.expect(0)


async def test_a_list_in_order_of_rank_is_not_scrolled(papers: Database) -> None:
    async with papers.reader() as session:
        query = PaperService(session).where(body__match="walrus").order_by("-body__match")
        with pytest.raises(InvalidOperand, match="cannot be scrolled"):
            await query.scroll()


def test_a_rank_is_no_column() -> None:
    terms = sort_keys_of(Hero, ("-name__match", "name"))
    assert [(item.column.name, item.rank) for item in with_primary_key(Hero, terms)] == [
        ("name", "match"),
        ("name", None),
        ("id", None),
    ]
    assert not terms[0].nullable
    assert "ranked" in str(missing_index(Hero, terms))
    for name in ("name__mtch", "name__contains", "match"):
        with pytest.raises(UnknownField):
            sort_keys_of(Hero, (name,))


def test_no_search_hides_behind_another_name() -> None:
    terms: Any = sort_keys_of(Hero, ("-team__name__match",))
    assert [step.name for step in terms[0].steps] == ["team"]
