"""What can be read can be asked for: hybrids, ``column_property``, synonyms and expressions."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from sqlalchemy import desc, func, literal, nulls_first
from tests.ledgers import ALLOWANCE, Book, BookService, Entry, Owner, OwnerService, fill

from colonnade import Avg, Count, Database, Group, Max, Rows, ServiceBase, Sum, every, some
from colonnade.errors import (
    InvalidChanges,
    InvalidOperand,
    InvalidRequest,
    UnknownField,
    UnknownOperator,
)
from colonnade.spec.memory import STATEMENTS
from colonnade.testing import count_statements

BOOK: Any = Book
ENTRY: Any = Entry
OWNER: Any = Owner


class BookRead(BaseModel):
    id: int
    due: int | None
    heading: str
    many: int
    debt: int


class Keyed(BaseModel):
    id: int


@pytest.fixture
async def ledgers(database: Database) -> Database:
    """The database with the rows of ``tests.ledgers``."""
    await fill(database)
    return database


async def found(database: Database, *conditions: Any, **lookups: Any) -> list[int]:
    """Return the keys of the books that answer, which all ways of asking agree on."""
    async with database.reader() as session:
        query = BookService(session).where(*conditions, **lookups)
        keys = [book.id for book in await query.all()]
        assert [book.id for book in await query.into(Keyed).all()] == keys
        assert await query.count() == len(keys)
        assert await query.exists() is bool(keys)
        return keys


async def ordered(database: Database, *order: Any) -> list[int]:
    """Return the keys in an order, which pages, both ways, and all ways of reading agree on."""
    async with database.reader() as session:
        query = BookService(session).order_by(*order)
        keys = [book.id for book in await query.all()]
        assert [book.id for book in await query.into(Keyed).all()] == keys
        assert [item["id"] for item in _parsed(await query.into(Keyed).json.all())] == keys
        assert [book.id async for book in query.stream(batch=2)] == keys
        assert [book.id for book in (await query.page(2, size=3)).items] == keys[3:]
        for size in (1, 3):
            assert await _scrolled(query, size) == keys
            assert await _scrolled(query.into(Keyed), size) == keys
        return keys


async def _scrolled(query: Any, size: int) -> list[int]:
    page = await query.scroll(size=size)
    keys = [book.id for book in page.items]
    while page.next is not None:
        before = page
        page = await query.scroll(size=size, after=page.next)
        keys += [book.id for book in page.items]
        back = await query.scroll(size=size, before=page.previous)
        assert [book.id for book in back.items] == [book.id for book in before.items]
    return keys


def _parsed(text: bytes) -> Any:
    import json

    return json.loads(text)


async def test_expressions_are_conditions_by_name(ledgers: Database) -> None:
    assert await found(ledgers, due__gt=0) == [1, 4]
    assert await found(ledgers, due=None) == [2]
    assert await found(ledgers, due__isnull=False) == [1, 3, 4]
    assert await found(ledgers, due__in=[0, 1]) == [1, 3]
    assert await found(ledgers, due__between=(1, 4)) == [1, 4]
    assert await found(ledgers, heading="Tea!") == [1]
    assert await found(ledgers, heading="tea!") == []
    assert await found(ledgers, heading__icontains="E!") == [3, 4]
    assert await found(ledgers, heading__endswith="r!") == [2]
    assert await found(ledgers, size_class="big") == [1, 3]
    assert await found(ledgers, large=True) == [1, 3]
    assert await found(ledgers, large__is=False) == [2, 4]
    assert await found(ledgers, size__gte=4) == [2, 4]
    assert await found(ledgers, rounded=9) == [1]
    assert await found(ledgers, unknown__isnull=False) == [1, 2, 3, 4]
    assert await found(ledgers, debt=7) == await found(ledgers, debt__gt=6, debt__lt=8) == [3]
    assert await found(ledgers, {"due__gte": 1}, heading__startswith="w") == [4]


async def test_a_column_property_obeys_the_scopes_of_the_tables_in_it(ledgers: Database) -> None:
    assert await found(ledgers, many=1) == [1, 3]
    assert await found(ledgers, many__gt=1) == [2, 4]
    assert await ordered(ledgers, "-many") == [4, 2, 3, 1]


async def test_a_comparator_of_the_hybrids_own_compares(ledgers: Database) -> None:
    assert await found(ledgers, folded="tEA") == [1]
    assert await found(ledgers, folded__startswith="T") == [1]
    assert await found(ledgers, folded__in=["Tea", "ale"]) == [1]
    with pytest.raises(UnknownOperator, match="takes no value that is bound") as caught:
        await found(ledgers, fussy="tea")
    assert caught.value.hint == "hand in the expression: where(Book.fussy == …)"
    assert await found(ledgers, fussy__startswith="T") == [1]


async def test_expressions_are_asked_for_through_relations(ledgers: Database) -> None:
    assert await found(ledgers, owner__label="Ann/Lee") == [1, 3]
    assert await found(ledgers, holder__label__isnull=True) == [2, 4]
    assert await found(ledgers, some("entries", twice__gte=6)) == [1, 3, 4]
    assert await found(ledgers, entries__twice=2) == [2, 4]
    assert await found(ledgers, every("entries", twice__gt=4)) == [1, 3]
    async with ledgers.reader() as session:
        owners = OwnerService(session)
        assert [owner.id for owner in await owners.where(books__many=2).all()] == [2]
        assert [owner.id for owner in await owners.where(books__heading="ALE!").all()] == [1]


async def test_expressions_sort_by_name_with_nulls_where_the_rule_puts_them(
    ledgers: Database,
) -> None:
    assert await ordered(ledgers, "due") == [3, 1, 4, 2]
    assert await ordered(ledgers, "-due") == [2, 4, 1, 3]
    assert await ordered(ledgers, "-due nulls last") == [4, 1, 3, 2]
    assert await ordered(ledgers, "due nulls first") == [2, 3, 1, 4]
    assert await ordered(ledgers, "debt", "-due") == [2, 4, 3, 1]
    assert await ordered(ledgers, "large", "-id") == [4, 2, 3, 1]
    assert await ordered(ledgers, "size", "debt") == [3, 1, 2, 4]
    assert await ordered(ledgers, "owner.label", "id") == [1, 3, 2, 4]
    assert await ordered(ledgers, "-holder.label nulls last", "-id") == [3, 1, 4, 2]


async def test_sqlalchemys_expressions_sort_as_they_are(ledgers: Database) -> None:
    lowered = func.lower(Book.title)
    assert await ordered(ledgers, lowered) == [3, 2, 1, 4]
    assert await ordered(ledgers, lowered.desc()) == [4, 1, 2, 3]
    assert await ordered(ledgers, BOOK.paid.desc()) == [2, 1, 3, 4]
    assert await ordered(ledgers, BOOK.paid.desc().nulls_last()) == [1, 3, 4, 2]
    assert await ordered(ledgers, nulls_first(BOOK.paid)) == [2, 4, 3, 1]
    assert await ordered(ledgers, BOOK.due, BOOK.id.desc()) == [3, 1, 4, 2]
    assert await ordered(ledgers, (BOOK.owed - BOOK.paid).desc()) == [2, 4, 1, 3]
    assert await ordered(ledgers, (BOOK.owed - BOOK.paid).desc().nulls_last()) == [4, 1, 3, 2]
    assert await ordered(ledgers, BOOK.owed > 6, "-id") == [4, 2, 3, 1]
    assert await ordered(ledgers, func.coalesce(BOOK.paid, 5), "id") == [4, 2, 3, 1]
    assert await ordered(ledgers, desc(BOOK.data["colour"].as_string())) == [4, 3, 1, 2]
    assert await ordered(ledgers, BOOK.many.desc(), BOOK.__table__.c.id.desc()) == [4, 2, 3, 1]
    assert await ordered(ledgers, lowered.label("word").desc(), lowered) == [4, 1, 2, 3]


async def test_an_attribute_handed_in_is_its_name(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        named = books.order_by("-title", "due nulls first")._spec
        assert (
            books.order_by(BOOK.title.desc(), nulls_first(BOOK.due))._spec.shape.order[:1]
            == (named.shape.order[:1])
        )
        assert books.order_by(BOOK.due)._spec == books.order_by("due")._spec


async def test_values_in_expressions_stay_apart_and_fill_no_cache(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        kept = len(STATEMENTS)
        for value in range(20):
            order = func.abs(BOOK.owed - literal(value), type_=BOOK.owed.type)
            keys = [book.id for book in await books.order_by(order, "id").all()]
            assert keys == sorted((1, 2, 3, 4), key=lambda key: (abs(_OWED[key] - value), key))
        assert len(STATEMENTS) == kept


_OWED = {1: 9, 2: 5, 3: 7, 4: 5}


async def test_a_value_that_is_called_for_is_called_for_each_time(ledgers: Database) -> None:
    try:
        assert await found(ledgers, allowed=10) == [1]
        ALLOWANCE["value"] = 3
        assert await found(ledgers, allowed=10) == [3]
    finally:
        ALLOWANCE["value"] = 1


async def test_a_cursor_keeps_and_compares_the_expression(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        page = await books.order_by("-due").scroll(size=1)
        with pytest.raises(InvalidRequest):
            await books.order_by("due").scroll(size=1, after=page.next)
        page = await books.order_by(func.coalesce(BOOK.paid, 5)).scroll(size=1)
        with pytest.raises(InvalidRequest):
            await books.order_by(func.coalesce(BOOK.paid, 6)).scroll(size=1, after=page.next)
        for order in ("unknown", func.round(BOOK.owed)):
            assert len(await books.order_by(order).all()) == 4
            with pytest.raises(InvalidOperand, match="no type"):
                await books.order_by(order).scroll(size=1)


class Totals(BaseModel):
    books: Annotated[int, Count()]
    settled: Annotated[int, Count().where(due=0)]
    due: Annotated[int, Sum("due")]
    mean: Annotated[float | None, Avg("due")]
    last: Annotated[str | None, Max("heading")]
    known: Annotated[int, Count("due")]


class ByClass(BaseModel):
    size_class: str
    heading: Annotated[str | None, Max("heading")]
    many: Annotated[int, Sum("many")]


class ByLabel(BaseModel):
    label: Annotated[str | None, Group("owner.label")]
    heading: str
    books: Annotated[int, Count()]


class OwnerRead(BaseModel):
    id: int
    due: Annotated[int, Sum("books.due")]
    twice: Annotated[int | None, Max("books.entries.twice")]
    settled: Annotated[int, Count("books").where(due=0)]


async def test_aggregates_are_of_expressions(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        totals = await BookService(session).into(Totals).one()
        assert totals == Totals(books=4, settled=1, due=5, mean=5 / 3, last=totals.last, known=3)
        owners = await OwnerService(session).into(OwnerRead).order_by("-due").all()
        assert owners == [
            OwnerRead(id=1, due=1, twice=8, settled=1),
            OwnerRead(id=2, due=0, twice=4, settled=0),
        ]


async def test_rows_are_grouped_by_expressions(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        classes = await books.into(ByClass).order_by("-many").all()
        assert [(item.size_class, item.many) for item in classes] == [("small", 5), ("big", 2)]
        assert await books.into(ByClass).having(size_class__icontains="BIG").count() == 1
        labels = await books.into(ByLabel).order_by("label", "-heading").all()
        told = [(item.label, item.heading, item.books) for item in labels]
        assert sorted(told, key=str) == sorted(
            [
                ("Ann/Lee", "Tea!", 1),
                ("Ann/Lee", "ALE!", 1),
                (None, "beer!", 1),
                (None, "wine!", 1),
            ],
            key=str,
        )


async def test_all_ways_of_reading_agree(ledgers: Database) -> None:
    expected = [
        {"id": 4, "due": 4, "heading": "wine!", "many": 3, "debt": 5},
        {"id": 1, "due": 1, "heading": "Tea!", "many": 1, "debt": 9},
    ]
    async with ledgers.reader() as session:
        query = BookService(session).where(due__gte=1).order_by("-due")
        assert [
            {
                "id": book.id,
                "due": book.due,
                "heading": book.heading,
                "many": vars(book)["many"],
                "debt": book.owed,
            }
            for book in await query.all()
        ] == expected
        assert [book.model_dump() for book in await query.into(BookRead).all()] == expected
        assert _parsed(await query.into(BookRead).json.all()) == expected


class EntryRead(BaseModel):
    amount: int


class Nested(BaseModel):
    id: int
    entries: Annotated[list[EntryRead], Rows(order_by="-twice", where={"twice__gt": 2}, limit=2)]


async def test_collections_are_sorted_by_expressions(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session).where(id=4)
        assert [item.amount for item in (await books.into(Nested).one()).entries] == [3, 2]
        turned = books.into(Nested, entries=Rows((ENTRY.amount * -1).desc()))
        assert [item.amount for item in (await turned.one()).entries] == [1, 2, 3]
        assert [item["amount"] for item in _parsed(await turned.json.one())["entries"]] == [1, 2, 3]
        for order in ("-twice", (ENTRY.amount + 1).desc()):
            (book,) = await books.load(entries=Rows(order)).all()
            assert [item.amount for item in book.entries] == [3, 2, 1]
        (owner,) = (
            await OwnerService(session).where(id=1).load(books=Rows("-paid nulls last")).all()
        )
        assert [book.id for book in owner.books] == [1, 3]


async def test_the_statements_are_as_many_as_for_columns(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        with count_statements(ledgers) as statements:
            await books.where(due__gt=0, owner__label="Ann/Lee").order_by("-many").all()
            await books.order_by(func.lower(BOOK.title)).scroll(size=2)
        statements.expect(2)


async def test_what_is_computed_is_not_written(ledgers: Database) -> None:
    async with ledgers.session() as session:
        with count_statements(ledgers) as statements:
            for name, why in {
                "due": "it is computed",
                "many": "it is computed",
                "debt": "name 'owed'",
                "loud": "a hybrid that has no SQL",
                "quiet": "computed in Python",
                "owner_first": "an association proxy",
            }.items():
                with pytest.raises(InvalidChanges, match=why) as caught:
                    await BookService(session).where(id=1).update_all({name: 1})
                assert caught.value.fields == (name,)
            with pytest.raises(InvalidChanges, match="AttributeError of its update, given an int"):
                await BookService(session).where(id=1).update_all({"heading": 1})
            changes = {"title": "Port", "heading": "Ale!"}
            with pytest.raises(InvalidChanges, match="set twice"):
                await BookService(session).where(id=1).update_all(changes)
        statements.expect(0)


class Writes(BaseModel):
    title: str
    debt: int = 0


async def test_a_payload_that_names_what_is_computed_is_refused(ledgers: Database) -> None:
    async with ledgers.session() as session:
        with count_statements(ledgers) as statements:
            with pytest.raises(InvalidChanges, match="name 'owed'"):
                await WritingService(session).create(Writes(title="Gin"))
            with pytest.raises(InvalidChanges, match="name 'owed'"):
                await WritingService(session).create_many([Writes(title="Gin")] * 2)
            with pytest.raises(InvalidChanges, match="name 'owed'"):
                await WritingService(session).update(1, Writes(title="Gin", debt=1))
        statements.expect(0)


class WritingService(ServiceBase[Book, Writes, Writes]):
    pass


async def test_what_cannot_be_asked_for_is_refused_with_what_can(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        with count_statements(ledgers) as statements:
            for name, hint in {
                "loud": "@loud.expression",
                "quiet": "make it a hybrid_property",
                "owner_first": "follow the relation: owner__first",
                "beyond": "hand in its expression: Book.beyond(…)",
                "duee": "did you mean 'due'?",
                "debtt": "did you mean 'debt'?",
                "headings": "did you mean 'heading'?",
            }.items():
                for ask in (lambda n: books.where(**{n: 1}), books.order_by):
                    with pytest.raises(UnknownField) as caught:
                        ask(name)
                    assert hint in str(caught.value.hint)
            with pytest.raises(UnknownOperator) as wrong:
                books.where(unknown=3)
            assert "annotate what it returns" in str(wrong.value.hint)
            with pytest.raises(UnknownOperator):
                books.where(heading__match="tea")
            with pytest.raises(UnknownField, match="a value, which has no 'x'"):
                books.order_by("due__x")
        statements.expect(0)


async def test_what_is_no_order_is_refused(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        for order in (3, None, ["due"], BOOK.owner, OWNER.first, OWNER.label, BOOK.data):
            with pytest.raises(InvalidOperand):
                books.order_by(order)
        with pytest.raises(InvalidOperand, match="does not join"):
            books.into(Totals).order_by(BOOK.title)


async def test_a_lookup_into_json_is_told_its_expression(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books, owners = BookService(session), OwnerService(session)
        for ask, hint in (
            (
                lambda: books.where(data__colour="red"),
                'where(Book.data["colour"].as_string() == …)',
            ),
            (lambda: books.where(data__a__0="x"), 'Book.data[("a", 0)].as_string() == …'),
            (lambda: books.where(data__colour__ne=1), 'Book.data["colour"].as_string() != …'),
            (
                lambda: books.where(data__colour__icontains="r"),
                'Book.data["colour"].as_string().icontains(…)',
            ),
            (
                lambda: owners.where(books__data__colour="red"),
                'where(Owner.books.any(Book.data["colour"].as_string() == …))',
            ),
            (lambda: books.order_by("-data__colour"), 'Book.data["colour"].as_string()'),
            (lambda: books.order_by("data.colour"), 'Book.data["colour"].as_string()'),
        ):
            with pytest.raises(InvalidRequest) as caught:
                ask()
            assert hint in str(caught.value.hint)
    assert await found(ledgers, BOOK.data["colour"].as_string() == "red") == [1]


async def test_the_plan_tells_that_no_index_serves_an_expression(ledgers: Database) -> None:
    async with ledgers.reader() as session:
        books = BookService(session)
        told = await books.order_by("-due").explain()
        assert "no index serves an order by due, which is computed for each row" in told
        told = await books.order_by(func.upper(BOOK.title)).explain()
        assert "no index serves an order by upper(ledger_book.title)" in told


async def test_update_all_sets_what_an_update_expression_says(ledgers: Database) -> None:
    async with ledgers.session() as session:
        assert await BookService(session).where(due__gte=4).update_all({"heading": "Port!"}) == 1
    assert await found(ledgers, title="Port") == [4]
