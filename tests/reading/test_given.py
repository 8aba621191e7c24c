"""Answers that depend on who asks: a value comes with the question, one statement serves all."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import event, select
from tests.conduit import (
    ANN,
    BOB,
    CID,
    Article,
    ArticleRead,
    ArticleService,
    AuthorRead,
    Base,
    CommentService,
    PersonService,
    fill,
)

from colonnade import Avg, Count, Database, Exists, Given, Max, Min, Rows, Sum, check_schema
from colonnade.errors import InvalidCursor, InvalidOperand, InvalidSchema, UnknownField, UsageError
from colonnade.testing import count_statements


def seen(articles: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (
            item["title"],
            item["author"]["name"],
            item["author"]["following"],
            [tag["name"] for tag in item["tags"]],
            item["favourites"],
            item["favourited"],
        )
        for item in articles
    ]


WHAT_BOB_SEES = [
    ("one", "ann", True, ["new", "old"], 2, True),
    ("two", "ann", True, [], 1, False),
    ("three", "bob", False, ["new"], 1, False),
]
WHAT_CID_SEES = [
    ("one", "ann", True, ["new", "old"], 2, True),
    ("two", "ann", True, [], 1, True),
    ("three", "bob", True, ["new"], 1, False),
]


async def test_a_list_shows_each_viewer_what_is_theirs(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead).order_by("id")
        for viewer, expected in [(BOB, WHAT_BOB_SEES), (CID, WHAT_CID_SEES)]:
            mine = articles.given(viewer=viewer)
            assert seen([item.model_dump() for item in await mine.all()]) == expected
            assert seen(json.loads(await mine.json.all())) == expected


async def test_a_page_with_flags_counts_and_tags_takes_three_statements(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead).order_by("id").given(viewer=BOB)
        with count_statements(conduit) as statements:
            page = await articles.page(size=3)
        statements.expect(3)
        assert seen([item.model_dump() for item in page.items]) == WHAT_BOB_SEES
        statements.clear()
        with count_statements(conduit) as statements:
            assert json.loads(await articles.json.page(size=3)) == page.model_dump()
        statements.expect(1 if session.family == "postgresql" else 3)


async def test_the_database_writes_flags_and_counts_as_json(conduit: Database) -> None:
    async with conduit.reader() as session:
        plan = ArticleService(session).into(ArticleRead).json.plan()
        if session.family == "postgresql":
            assert plan.endswith("as JSON: 1 statement, written by the database")


@pytest.mark.parametrize("face", ["rows", "json"])
async def test_one_statement_serves_every_viewer(conduit: Database, face: str) -> None:
    texts = []
    for viewer in (ANN, BOB, CID, None):
        async with conduit.reader() as session:
            articles = ArticleService(session).into(ArticleRead).given(viewer=viewer)
            with count_statements(conduit) as statements:
                await (articles.page(size=2) if face == "rows" else articles.json.page(size=2))
            texts.append(statements.statements)
    assert texts[1:] == texts[:1] * 3


async def test_what_was_compiled_for_one_viewer_serves_the_next(conduit: Database) -> None:
    compiled: set[Any] = set()

    def note(*given: Any) -> None:
        compiled.add(given[4].compiled)

    async def read(viewer: int) -> None:
        async with conduit.session(scope={"viewer": viewer}) as session:
            await ArticleService(session).into(ArticleRead).order_by("-favourited").scroll(size=2)

    for engine in conduit.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    await read(1)
    compiled.discard(None)  # BEGIN
    assert len(compiled) == 2
    for viewer in range(2, 9):
        await read(viewer)
    compiled.discard(None)
    assert len(compiled) == 2


async def test_the_session_s_scope_gives_the_values_too(conduit: Database) -> None:
    async with conduit.reader(scope={"viewer": CID}) as session:
        articles = ArticleService(session).into(ArticleRead).order_by("id")
        assert seen([item.model_dump() for item in await articles.all()]) == WHAT_CID_SEES
        mine = articles.given(viewer=BOB)
        assert seen([item.model_dump() for item in await mine.all()]) == WHAT_BOB_SEES
        async with session.scoped(viewer=BOB):
            assert seen([item.model_dump() for item in await articles.all()]) == WHAT_BOB_SEES
        assert seen([item.model_dump() for item in await articles.all()]) == WHAT_CID_SEES


async def test_given_none_is_nobody(conduit: Database) -> None:
    nobody = [
        ("one", "ann", False, ["new", "old"], 2, False),
        ("two", "ann", False, [], 1, False),
        ("three", "bob", False, ["new"], 1, False),
    ]
    async with conduit.reader(scope={"viewer": None}) as session:
        articles = ArticleService(session).into(ArticleRead).order_by("id")
        assert seen([item.model_dump() for item in await articles.all()]) == nobody
        assert seen(json.loads(await articles.json.all())) == nobody


VERBS: dict[str, Any] = {
    "all": lambda p: p.all(),
    "first": lambda p: p.first(),
    "one_or_none": lambda p: p.one_or_none(),
    "get": lambda p: p.get(1),
    "count": lambda p: p.count(),
    "exists": lambda p: p.exists(),
    "page": lambda p: p.page(),
    "slice": lambda p: p.slice(),
    "scroll": lambda p: p.scroll(),
    "json.all": lambda p: p.json.all(),
    "json.first": lambda p: p.json.first(),
    "json.get": lambda p: p.json.get(1),
    "json.page": lambda p: p.json.page(),
    "json.slice": lambda p: p.json.slice(),
    "json.scroll": lambda p: p.json.scroll(),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_an_unbound_value_is_told_before_any_statement(conduit: Database, verb: str) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead)
        with count_statements(conduit) as statements, pytest.raises(UsageError) as caught:
            await VERBS[verb](articles)
        statements.expect(0)
    assert (
        caught.value.message
        == "ArticleRead.favourited awaits the value 'viewer', and nobody gave it"
    )
    assert caught.value.hint is not None
    assert ".given(viewer=…)" in caught.value.hint
    assert "db.session(scope={'viewer': …})" in caught.value.hint


async def test_streams_await_the_values_too(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead).order_by("id")
        with pytest.raises(UsageError, match="awaits the value 'viewer'"):
            articles.stream()
        found = [item.model_dump() async for item in articles.given(viewer=BOB).stream(batch=2)]
        assert seen(found) == WHAT_BOB_SEES
        parts = [part async for part in articles.given(viewer=BOB).json.stream(batch=2)]
        assert seen(json.loads(b"".join(parts))) == WHAT_BOB_SEES
    async with conduit.session(scope={"viewer": BOB}) as session:
        streamed = ArticleService(session).into(ArticleRead).order_by("id").stream(batch=2)
        assert seen([item.model_dump() async for item in streamed]) == WHAT_BOB_SEES


async def test_given_makes_a_copy(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead)
        assert (await articles.given(viewer=BOB).get(2)).favourited is False
        mine = articles.given(viewer=CID)
        assert (await mine.given(viewer=BOB).get(2)).favourited is False
        assert (await mine.where(title="two").order_by("id").limit(1).one()).favourited is True
        with pytest.raises(UsageError):
            await articles.get(2)


async def test_an_unknown_name_or_a_value_that_does_not_fit_is_refused_at_once(
    conduit: Database,
) -> None:
    async with conduit.reader(scope={"viewer": "nobody"}) as session:
        articles = ArticleService(session).into(ArticleRead)
        with pytest.raises(UnknownField) as unknown:
            articles.given(viewr=1)
        assert unknown.value.message == "ArticleRead awaits no value 'viewr'"
        assert unknown.value.hint == "did you mean 'viewer'? ArticleRead has: viewer"
        with pytest.raises(InvalidOperand, match="id takes int, not this str"):
            articles.given(viewer="nobody")
        with count_statements(conduit) as statements, pytest.raises(InvalidOperand):
            await articles.all()
        statements.expect(0)
        assert (await articles.given(viewer="2").get(1)).favourited is True


def test_a_session_takes_no_value_that_nothing_awaits() -> None:
    db = Database("sqlite://")
    with pytest.raises(UsageError) as caught:
        db.session(scope={"viewr": 1})
    assert caught.value.message == "no model has a scope 'viewr'"
    assert "did you mean 'viewer'?" in str(caught.value.hint)


def test_given_is_named_by_an_identifier() -> None:
    with pytest.raises(InvalidSchema, match="Given is named by an identifier, not 'a b'"):
        Given("a b")
    assert Given("viewer") == Given("viewer")


async def test_conditions_and_order_may_be_about_flags(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead).given(viewer=BOB)
        liked = articles.having(favourited=True)
        assert [item.title for item in await liked.all()] == ["one"]
        assert await liked.count() == 1
        assert await articles.having(favourited=False).count() == 2
        assert await articles.given(viewer=ANN).having(favourited=True).exists()
        assert json.loads(await liked.json.page())["total"] == 1
        ordered = await articles.order_by("-favourited", "-id").all()
        assert [item.title for item in ordered] == ["one", "three", "two"]
        page = await articles.order_by("favourited").scroll(size=2)
        assert [item.title for item in page.items] == ["two", "three"]
        page = await articles.order_by("favourited").scroll(size=2, after=page.next)
        assert [item.title for item in page.items] == ["one"]
        page = await articles.order_by("favourited").scroll(size=1, before=page.previous)
        assert [item.title for item in page.items] == ["three"]


async def test_a_cursor_belongs_to_the_viewer_whose_list_it_is_and_not_to_who_is_shown_it(
    conduit: Database,
) -> None:
    async with conduit.reader() as session:
        shown = ArticleService(session).into(ArticleRead).order_by("id")
        after = (await shown.given(viewer=BOB).scroll(size=1)).next
        page = await shown.given(viewer=CID).scroll(size=1, after=after)
        assert [(item.title, item.favourited) for item in page.items] == [("two", True)]
        for listed in (shown.order_by("favourited"), shown.having(favourited=False)):
            after = (await listed.given(viewer=BOB).scroll(size=1)).next
            with pytest.raises(InvalidCursor):
                await listed.given(viewer=CID).scroll(size=1, after=after)


class Figures(BaseModel):
    name: str
    articles: Annotated[int, Count("articles").where(year__gte=Given("since"))]
    years: Annotated[int, Sum("articles.year").where(year__between=Given("span"))]
    mean: Annotated[float | None, Avg("articles.year").where(year__in=Given("years"))]
    first: Annotated[str | None, Min("articles.title").where(title__contains=Given("part"))]
    last: Annotated[int | None, Max("articles.year").where(author__active=Given("active"))]
    edited: Annotated[bool, Exists("articles.editor")]


async def test_every_aggregate_and_operator_takes_given_values(conduit: Database) -> None:
    async with conduit.reader() as session:
        people = PersonService(session).into(Figures).order_by("id")
        asked = people.given(
            since=2020, span=(2019, 2020), years=[2019, 2020], part="w", active=True
        )
        ann, bob, cid = await asked.all()
        assert ann == Figures(
            name="ann", articles=1, years=4039, mean=2019.5, first="two", last=2020, edited=True
        )
        assert bob == Figures(
            name="bob", articles=1, years=0, mean=None, first=None, last=2021, edited=True
        )
        assert (cid.articles, cid.edited) == (0, False)
        assert json.loads(await asked.json.all()) == [item.model_dump() for item in (ann, bob, cid)]
        nothing = people.given(since=None, span=None, years=[], part=None, active=None)
        assert (await nothing.first()) == Figures(
            name="ann", articles=0, years=0, mean=None, first=None, last=None, edited=True
        )
        with pytest.raises(InvalidOperand) as caught:
            people.given(years=None)
        assert caught.value.hint == "give an empty list"


class CommentRead(BaseModel):
    text: str
    author: AuthorRead


class Thread(BaseModel):
    title: str
    comments: list[CommentRead]
    mine: Annotated[list[CommentRead], Rows("-id", where={"author_id": Given("viewer")})] = Field(
        validation_alias="comments"
    )


async def test_collections_and_what_is_nested_in_them_take_given_values(conduit: Database) -> None:
    async with conduit.reader(scope={"viewer": CID}) as session:
        threads = ArticleService(session).into(Thread)
        with count_statements(conduit) as statements:
            found = await threads.given(viewer=BOB).get(1)
        statements.expect(3)
        assert [(c.text, c.author.following) for c in found.comments] == [
            ("first", False),
            ("second", True),
        ]
        assert [c.text for c in found.mine] == ["first"]
        assert json.loads(await threads.given(viewer=BOB).json.get(1)) == found.model_dump()
        assert [c.text for c in (await threads.get(3)).mine] == ["third"]
        assert json.loads(await threads.json.get(3))["mine"][0]["text"] == "third"
        mine = threads.where(id=1)
        other = ArticleService(session).into(
            Thread, comments=Rows(where={"author__name": Given("name")})
        )
        assert [c.text for c in (await other.given(name="ann").get(1)).comments] == ["second"]
        assert [c.text for c in (await mine.one()).comments] == ["first", "second"]
        with pytest.raises(UsageError) as caught:
            await other.get(1)
        assert caught.value.message == "Thread.comments awaits the value 'name', and nobody gave it"


async def test_rows_of_nobody_are_none(conduit: Database) -> None:
    async with conduit.reader() as session:
        assert (await ArticleService(session).into(Thread).given(viewer=None).get(1)).mine == []


class ByAuthor(BaseModel):
    author_id: int
    articles: Annotated[int, Count()]
    recent: Annotated[int, Count().where(year__gte=Given("since"))]
    liked: Annotated[bool, Exists("fans").where(id=Given("viewer"))]


class Total(BaseModel):
    articles: Annotated[int, Count()]
    liked: Annotated[bool, Exists("fans").where(id=Given("viewer"))]


async def test_groups_take_given_values(conduit: Database) -> None:
    async with conduit.reader(scope={"viewer": BOB}) as session:
        groups = ArticleService(session).into(ByAuthor).given(since=2020).order_by("author_id")
        assert [tuple(item.model_dump().values()) for item in await groups.all()] == [
            (ANN, 2, 1, True),
            (BOB, 1, 1, False),
        ]
        assert [item.author_id for item in await groups.having(liked=True).all()] == [ANN]
        assert [item.author_id for item in await groups.order_by("liked").all()] == [BOB, ANN]
        assert await groups.given(viewer=ANN).having(liked=True).count() == 1
        assert (await groups.get(ANN)).liked is True
        after = (await groups.order_by("liked").scroll(size=1)).next
        with pytest.raises(InvalidCursor):
            await groups.order_by("liked").given(viewer=ANN).scroll(size=1, after=after)
        nothing = ArticleService(session).where(year=1).into(Total)
        assert await nothing.one() == Total(articles=0, liked=False)


async def test_a_select_of_your_own_reads_what_depends_on_who_asks(conduit: Database) -> None:
    statement = select(Article).where(Article.id == 1)  # type: ignore[arg-type]
    async with conduit.reader(scope={"viewer": BOB}) as session:
        (found,) = await session.read(statement, into=ArticleRead)
        assert (found.favourited, found.author.following) == (True, True)
        (found,) = await session.read(statement, into=ArticleRead, given={"viewer": ANN})
        assert (found.favourited, found.author.following) == (False, False)
        with pytest.raises(UnknownField):
            await session.read(statement, into=ArticleRead, given={"viewr": ANN})
    async with conduit.reader() as session:
        with pytest.raises(UsageError, match="awaits the value 'viewer'"):
            await session.read(statement, into=ArticleRead)


class Edited(BaseModel):
    title: str
    editor: AuthorRead | None
    editors_fans: Annotated[bool, Exists("editor.followers").where(id=Given("viewer"))]


async def test_a_figure_about_one_object_s_children_is_false_without_the_object(
    conduit: Database,
) -> None:
    async with conduit.reader(scope={"viewer": CID}) as session:
        found = await ArticleService(session).into(Edited).order_by("id").all()
        assert [(item.editor and item.editor.following, item.editors_fans) for item in found] == [
            (None, False),
            (True, True),
            (True, True),
        ]


async def test_values_are_no_literals_in_the_statement(conduit: Database) -> None:
    async with conduit.reader() as session:
        articles = ArticleService(session).into(ArticleRead).given(viewer=-987654321)
        with count_statements(conduit) as statements:
            await articles.page(size=1)
        assert not any("987654321" in text for text in statements.statements)


class Odd(BaseModel):
    name: str
    wrong: Annotated[bool, Exists("articles").where(editor_id__isnull=Given("edited"))]


class OnOne(BaseModel):
    title: str
    wrong: Annotated[bool, Exists("author")]


class Misspelt(BaseModel):
    title: str
    wrong: Annotated[bool, Exists("fan")]


class NoBool(BaseModel):
    title: str
    wrong: Annotated[str, Exists("fans")]


@pytest.mark.parametrize(
    ("model", "schema", "message"),
    [
        ("person", Odd, "'isnull' makes another statement of each value"),
        ("article", OnOne, "author is one object, and Exists is about many"),
        ("article", Misspelt, "Article has no relation 'fan'"),
        ("article", NoBool, "is a bool"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_the_check(
    model: str, schema: type[BaseModel], message: str
) -> None:
    service: Any = PersonService if model == "person" else ArticleService
    with pytest.raises((InvalidSchema, InvalidOperand), match=message):
        check_schema(service.model, schema)


async def test_writes_answer_with_what_depends_on_who_asks(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await fill(database)
    payload = {"id": 9, "title": "new", "year": 2022, "author_id": ANN}
    async with database.session(scope={"viewer": BOB}) as session:
        articles = ArticleService(session)
        created = await articles.create(payload, into=ArticleRead)
        assert (created.author.following, created.favourited) == (True, False)
        many = [payload | {"id": 10}, payload | {"id": 11, "author_id": BOB}]
        found = await articles.create_many(many, into=ArticleRead, given={"viewer": CID})
        assert [item.author.following for item in found] == [True, True]
        updated = await articles.update(1, {"title": "uno"}, into=ArticleRead)
        assert (updated.title, updated.favourited) == ("uno", True)
        updated = await articles.update(
            1, {"title": "eins"}, into=ArticleRead, given={"viewer": ANN}
        )
        assert (updated.title, updated.favourited) == ("eins", False)
        unchanged = await articles.update(1, {}, into=ArticleRead, given={"viewer": CID})
        assert unchanged.favourited is True
        thread = await articles.update(1, {"year": 2018}, into=Thread)
        assert [comment.text for comment in thread.mine] == ["first"]


async def test_an_unbound_value_stops_a_write_before_it_begins(conduit: Database) -> None:
    payload = {"title": "new", "year": 2022, "author_id": ANN}
    async with conduit.session() as session:
        articles = ArticleService(session)
        with count_statements(conduit) as statements:
            with pytest.raises(UsageError, match="awaits the value 'viewer'"):
                await articles.create(payload, into=ArticleRead)
            with pytest.raises(UsageError, match="awaits the value 'viewer'"):
                await articles.update(1, {"title": "x"}, into=ArticleRead)
            with pytest.raises(UnknownField, match="awaits no value 'viewr'"):
                await articles.create(payload, into=ArticleRead, given={"viewr": 1})
            with pytest.raises(InvalidOperand):
                await articles.create(payload, into=ArticleRead, given={"viewer": "x"})
            untyped: Any = articles
            with pytest.raises(UsageError, match="given= is for the schema of into="):
                await untyped.create(payload, given={"viewer": 1})
            with pytest.raises(UsageError, match="nothing to fill a schema from"):
                await untyped.create_many([payload], given={"viewer": 1}, returning=False)
        statements.expect(0)


async def test_a_query_takes_the_value_itself(conduit: Database) -> None:
    async with conduit.reader() as session:
        comments = CommentService(session)
        with pytest.raises(InvalidOperand) as caught:
            comments.where(author_id=Given("viewer"))
        assert caught.value.hint == "hand in the value itself"
        with pytest.raises(InvalidOperand):
            ArticleService(session).into(ArticleRead).having(favourites=Given("viewer"))
        with pytest.raises(InvalidOperand, match="takes int, not this Given"):
            comments.where(author_id__in=[1, Given("viewer")])
