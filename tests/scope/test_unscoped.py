"""Single objects that a scope may hide: refused where expected, shown where it is lifted."""

import json
from typing import Annotated, Any, Optional

import pytest
from pydantic import AliasPath, BaseModel, Field, ValidationError, field_validator
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field as Column
from sqlmodel import Relationship, SQLModel

from colonnade import (
    Count,
    Database,
    Exists,
    Group,
    Requires,
    Scope,
    ServiceBase,
    Unscoped,
    check_schema,
)
from colonnade.errors import InvalidSchema
from colonnade.models import IntegerKey, SoftDelete, utc_now
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class OfShop(SQLModel):
    __scopes__ = (Scope("shop", column="shop_id"),)

    shop_id: int = Column(default=None, index=True)


class Language(SoftDelete, IntegerKey, Base, table=True):
    __scopes__ = (Scope("retired", lambda language: language.deleted_at.is_(None)),)

    name: str


class Film(SoftDelete, OfShop, IntegerKey, Base, table=True):
    __scopes__ = (Scope("withdrawn", lambda film: film.deleted_at.is_(None)),)

    title: str
    language_id: int = Column(foreign_key="language.id")
    sequel_id: int | None = Column(default=None, foreign_key="film.id")
    language: Language = Relationship()
    sequel: Optional["Film"] = Relationship(sa_relationship_kwargs={"remote_side": "Film.id"})
    rentals: list["Rental"] = Relationship(back_populates="film")


class Rental(OfShop, IntegerKey, Base, table=True):
    film_id: int = Column(foreign_key="film.id")
    film: Film = Relationship(back_populates="rentals")


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class RentalService(ServiceBase[Rental, Anything, Anything]):
    pass


class FilmService(ServiceBase[Film, Anything, Anything]):
    pass


class Named(BaseModel):
    name: str


class FilmRead(BaseModel):
    title: str


class Strict(BaseModel):
    id: int
    film: FilmRead


class Hideable(BaseModel):
    id: int
    film: FilmRead | None


class Lifted(BaseModel):
    id: int
    film: Annotated[FilmRead, Unscoped("withdrawn")]


class LanguageLifted(BaseModel):
    title: str
    language: Annotated[Named, Unscoped("retired")]


class BothLifted(BaseModel):
    id: int
    film: Annotated[LanguageLifted, Unscoped("withdrawn")]


class Shown(BaseModel):
    id: int
    title: Annotated[str, Unscoped("withdrawn")] = Field(
        validation_alias=AliasPath("film", "title")
    )


class Spoken(BaseModel):
    language: Annotated[str, Unscoped("withdrawn", "retired")] = Field(
        validation_alias=AliasPath("film", "language", "name")
    )


class Wrong(BaseModel):
    title: Annotated[str, Unscoped("withdrawn", "retired")] = Field(
        validation_alias=AliasPath("film", "title")
    )


class Reached(BaseModel):
    id: int
    title: str = Field(validation_alias=AliasPath("film", "title"))


class ByTitle(BaseModel):
    title: Annotated[str, Group("film.title")]
    rentals: Annotated[int, Count()]


class ByFilm(BaseModel):
    film: Annotated[FilmRead, Unscoped("withdrawn")]
    rentals: Annotated[int, Count()]


class Seen(BaseModel):
    id: int
    film: FilmRead

    @field_validator("film", mode="before")
    @classmethod
    def name_what_is_gone(cls, value: Any) -> Any:
        return {"title": "gone"} if value is None else value


@pytest.fixture
async def shop(database: Database) -> Database:
    """A shop with two films, of which the second is withdrawn, and its language retired."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session(scope={"shop": 1}) as session:
        session.add_all([Language(id=1, name="no"), Language(id=2, name="se")])
        await session.flush()
        session.add_all(
            [Film(id=1, title="one", language_id=1), Film(id=2, title="two", language_id=2)]
        )
        await session.flush()
        session.add_all([Rental(id=1, film_id=1), Rental(id=2, film_id=2)])
        await session.flush()
        (await session.get_one(Film, 2)).deleted_at = utc_now()
        (await session.get_one(Language, 2)).deleted_at = utc_now()
    return database


@pytest.mark.parametrize(
    ("schema", "field"),
    [(Strict, "film"), (Reached, "title"), (ByTitle, "title")],
)
def test_the_check_names_a_field_that_a_scope_may_leave_empty(
    schema: type[BaseModel], field: str
) -> None:
    with pytest.raises(InvalidSchema) as caught:
        check_schema(Rental, schema)
    error = caught.value
    # The shop of a rental is that of its film: what one is in, so is the other.
    told = "film" if schema is Reached else field
    assert error.message == (
        f"{schema.__name__}.{told} takes no None, and the scope 'withdrawn' of Film may hide what "
        "belongs there"
    )
    lifting = ', or lift the scope for it: Annotated[…, Unscoped("withdrawn")]'
    # What rows are grouped by is in scope.
    assert error.hint == "annotate it as … | None" + ("" if schema is ByTitle else lifting)


def test_the_check_looks_at_every_depth() -> None:
    class Inner(BaseModel):
        title: str
        language: Named

    class Outer(BaseModel):
        film: Annotated[Inner, Unscoped("withdrawn")]

    class Shelf(BaseModel):
        title: str
        rentals: list[Strict]

    with pytest.raises(
        InvalidSchema, match=r"Inner\.language takes no None, and the scope 'retired'"
    ):
        check_schema(Rental, Outer)
    with pytest.raises(InvalidSchema, match=r"Strict\.film takes no None"):
        check_schema(Film, Shelf)


@pytest.mark.parametrize("schema", [Hideable, Lifted, BothLifted, Shown, Spoken, ByFilm, Seen])
def test_the_check_passes_what_takes_none_or_lifts_the_scope(schema: type[BaseModel]) -> None:
    check_schema(Rental, schema)


async def test_a_list_in_order_of_what_is_hidden_is_scrolled_whole(shop: Database) -> None:
    async with shop.reader(scope={"shop": 1}) as session:
        for order, expected in [("film.title", [1, 2]), ("-film.title", [2, 1])]:
            rentals = RentalService(session).into(Hideable).order_by(order)
            assert [item.id for item in await rentals.all()] == expected
            page = await rentals.scroll(size=1)
            assert [item.id for item in page.items] == expected[:1]
            page = await rentals.scroll(size=1, after=page.next)
            assert [item.id for item in page.items] == expected[1:]
            page = await rentals.scroll(size=1, before=page.previous)
            assert [item.id for item in page.items] == expected[:1]


async def test_a_lifted_scope_shows_what_it_hid(shop: Database) -> None:
    async with shop.reader(scope={"shop": 1}) as session:
        rentals = RentalService(session)
        with pytest.raises(ValidationError):
            await rentals.into(Strict).all()
        hidden = await rentals.into(Hideable).order_by("id").all()
        assert [item.film and item.film.title for item in hidden] == ["one", None]
        for schema in (Lifted, BothLifted, ByFilm):
            asked = rentals.into(schema).order_by("film.title")
            assert [item.film.title for item in await asked.all()] == ["one", "two"]
            assert [item["film"]["title"] for item in json.loads(await asked.json.all())] == [
                "one",
                "two",
            ]
        spoken = await rentals.into(Spoken).order_by("id").all()
        assert [item.language for item in spoken] == ["no", "se"]
        both = await rentals.into(BothLifted).get(2)
        assert both.film.language.name == "se"
        assert [item.title for item in await rentals.into(Shown).order_by("id").all()] == [
            "one",
            "two",
        ]


async def test_a_scope_is_lifted_for_the_field_and_for_nothing_else(shop: Database) -> None:
    class Wide(BaseModel):
        id: int
        film: Annotated[LanguageLifted, Unscoped("withdrawn")]
        plain: FilmRead | None = Field(validation_alias="film")

    async with shop.reader(scope={"shop": 1}) as session:
        rentals = RentalService(session).into(Wide)
        found = await rentals.order_by("id").all()
        assert [(item.film.title, item.plain and item.plain.title) for item in found] == [
            ("one", "one"),
            ("two", None),
        ]
        assert await rentals.where(film__title="two").count() == 0
        assert await rentals.where(film__title="two").all() == []
        assert [item.id for item in await rentals.order_by("film.title nulls first").all()] == [
            2,
            1,
        ]


async def test_other_scopes_of_the_object_hold(shop: Database) -> None:
    async with shop.session(scope={"shop": 1}) as session, session.unscoped("shop"):
        # As only a write past the scopes can leave it.
        (await session.get_one(Film, 1)).shop_id = 2
    async with shop.reader(scope={"shop": 1}) as session:

        class Loose(BaseModel):
            id: int
            film: Annotated[FilmRead | None, Unscoped("withdrawn")]

        found = await RentalService(session).into(Loose).order_by("id").all()
        assert [item.film and item.film.title for item in found] == [None, "two"]


async def test_statements_that_differ_in_what_is_lifted_share_nothing_that_is_cached(
    shop: Database,
) -> None:
    from sqlalchemy import event

    async with shop.session(scope={"shop": 1}) as session:
        # Whoever listens gets SQLAlchemy's own way, and its cache.
        event.listen(session.sync_session, "do_orm_execute", lambda state: None)
        rentals = RentalService(session)
        for _ in range(2):
            lifted = await rentals.into(Lifted).order_by("id").all()
            assert [item.film.title for item in lifted] == ["one", "two"]
            hidden = await rentals.into(Hideable).order_by("id").all()
            assert [item.film and item.film.title for item in hidden] == ["one", None]


async def test_a_write_answers_with_what_is_lifted(shop: Database) -> None:
    async with shop.session(scope={"shop": 1}) as session:
        async with session.unscoped("withdrawn"):
            created = await RentalService(session).create({"id": 3, "film_id": 2}, into=Lifted)
        assert created.film.title == "two"
        with count_statements(shop) as statements:
            page = await RentalService(session).into(Lifted).page()
        statements.expect(1)
        assert page.total == 3


class Misspelt(BaseModel):
    film: Annotated[FilmRead, Unscoped("withdrawnn")]


class Bare(BaseModel):
    id: Annotated[int, Unscoped("withdrawn")]


class Many(BaseModel):
    rentals: Annotated[list[Strict], Unscoped("shop")]


@pytest.mark.parametrize(
    ("model", "schema", "message", "hint"),
    [
        (Rental, Misspelt, "Misspelt.film: Film has no scope 'withdrawnn'", "'withdrawn'"),
        (Rental, Wrong, "Wrong.title: no single object on the way has a scope 'retired'", None),
        (Rental, Bare, "Bare.id is no relation to one object", None),
        (Film, Many, "Many.rentals is no relation to one object", None),
    ],
)
def test_what_cannot_be_lifted_is_refused(
    model: type[Any], schema: type[BaseModel], message: str, hint: str | None
) -> None:
    with pytest.raises(InvalidSchema) as caught:
        check_schema(model, schema)
    assert caught.value.message.startswith(message)
    assert hint is None or hint in str(caught.value.hint)
    with pytest.raises(InvalidSchema, match="Unscoped takes the names of scopes"):
        Unscoped()


async def test_code_that_looks_at_one_object_twice_cannot_lift_its_scope_once(
    shop: Database,
) -> None:
    class Twice(BaseModel):
        shown: Annotated[FilmRead, Unscoped("withdrawn")] = Field(validation_alias="film")
        plain: FilmRead | None = Field(validation_alias="film")
        note: Annotated[str, Requires("film.title")] = "none"

    with pytest.raises(InvalidSchema, match="is read twice"):
        check_schema(Rental, Twice)


async def test_figures_of_a_lifted_object_keep_to_their_own_scopes(shop: Database) -> None:
    class Rented(BaseModel):
        title: str
        rented: Annotated[bool, Exists("rentals")]

    class WithRented(BaseModel):
        film: Annotated[Rented, Unscoped("withdrawn")]

    async with shop.reader(scope={"shop": 1}) as session:
        found = await RentalService(session).into(WithRented).get(2)
        assert (found.film.title, found.film.rented) == ("two", True)
