"""A relation to one object of which the tables guarantee no uniqueness: the owner comes once."""

from datetime import UTC, datetime
from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel
from sqlalchemy import MetaData
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import foreign, registry, relationship, remote
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Count, Database, Scope, ServiceBase, Sum, not_, some
from colonnade.models import SoftDelete
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    people: list["Person"] = Relationship(back_populates="team")


class Maker(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str | None = None


class Award(Base, table=True):
    """A link with an order; a pair may be in it twice."""

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    badge_id: int = Field(foreign_key="badge.id")
    place: int


class Badge(SoftDelete, Base, table=True):
    __scopes__ = (Scope("deleted", lambda badge: badge.deleted_at.is_(None)),)
    id: int | None = Field(default=None, primary_key=True)
    text: str | None
    rank: int
    person_id: int | None = Field(default=None, foreign_key="person.id")
    maker_id: int | None = Field(default=None, foreign_key="maker.id")
    maker: Optional[Maker] = Relationship()  # noqa: UP045 # SQLModel wants it for relations
    person: Optional["Person"] = Relationship(back_populates="badge")
    stamps: list["Stamp"] = Relationship()


class Stamp(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    badge_id: int = Field(foreign_key="badge.id")


class Card(Base, table=True):
    """Its key has two columns."""

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    number: int = Field(primary_key=True)
    code: str


class Country(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    code: str
    name: str


class Person(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    country_code: str | None = None
    team_id: int | None = Field(default=None, foreign_key="team.id")
    before_id: int | None = Field(default=None, foreign_key="person.id")
    team: Team | None = Relationship(back_populates="people")
    badge: Optional[Badge] = Relationship(  # noqa: UP045 # as above
        back_populates="person",
        sa_relationship_kwargs={"uselist": False, "order_by": "Badge.rank.desc()"},
    )
    award: Optional[Badge] = Relationship(  # noqa: UP045 # as above
        link_model=Award,
        sa_relationship_kwargs={"uselist": False, "order_by": Award.place, "viewonly": True},  # type: ignore[dict-item] # a column
    )
    card: Optional[Card] = Relationship(sa_relationship_kwargs={"uselist": False})  # noqa: UP045
    after: Optional["Person"] = Relationship(
        sa_relationship_kwargs={"uselist": False, "remote_side": "Person.before_id"}
    )


Person.country = relationship(  # type: ignore[attr-defined] # declared late
    Country,
    primaryjoin=foreign(Person.country_code) == remote(Country.code),  # type: ignore[arg-type]
    viewonly=True,
)


class Holder(Base, table=True):
    """A ticket is joined with every row."""

    id: int | None = Field(default=None, primary_key=True)
    ticket: Optional["Ticket"] = Relationship(
        sa_relationship_kwargs={"uselist": False, "lazy": "joined", "order_by": "Ticket.id"}
    )


class Ticket(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    holder_id: int = Field(foreign_key="holder.id")


class BadgeRead(BaseModel):
    text: str | None
    maker: Optional["MakerRead"]


class MakerRead(BaseModel):
    name: str | None


class CardRead(BaseModel):
    code: str


class NameRead(BaseModel):
    name: str


class PersonRead(BaseModel):
    name: str
    badge: BadgeRead | None
    award: BadgeRead | None
    card: CardRead | None
    after: NameRead | None
    country: NameRead | None


class TeamRead(BaseModel):
    id: int
    people: list[PersonRead]


class People(ServiceBase[Person, Person, Person]):
    pass


class Holders(ServiceBase[Holder, Holder, Holder]):
    pass


class Teams(ServiceBase[Team, Team, Team]):
    pass


class Stamps(ServiceBase[Stamp, Stamp, Stamp]):
    pass


ANN = {
    "name": "Ann",
    "badge": {"text": "high", "maker": None},
    "award": {"text": "low", "maker": {"name": "Mint"}},
    "card": {"code": "b"},
    "after": {"name": "Ben"},
    "country": {"name": "Utopia"},
}
BEN = {
    "name": "Ben",
    "badge": None,
    "award": {"text": "high", "maker": None},
    "card": None,
    "after": None,
    "country": None,
}
CID = {
    "name": "Cid",
    "badge": {"text": None, "maker": None},
    "award": None,
    "card": {"code": "c"},
    "after": None,
    "country": {"name": "Utopia"},
}


@pytest.fixture
async def people(database: Database) -> Database:
    """Ann has two of everything and a third badge, the highest, that is deleted."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Team(id=1), Team(id=2), Maker(id=1, name="Mint"), Maker(id=2)])
        session.add_all(
            [Country(id=7, code="u", name="Utopia"), Country(id=8, code="u", name="Umbria")]
        )
        await session.flush()
        session.add(Person(id=1, name="Ann", team_id=1, country_code="u"))
        await session.flush()
        session.add_all(
            [
                Person(id=2, name="Ben", team_id=1, before_id=1),
                Person(id=3, name="Cid", team_id=2, before_id=1, country_code="u"),
            ]
        )
        await session.flush()
        deleted = datetime(2026, 1, 1, tzinfo=UTC)
        session.add_all(
            [
                Badge(id=1, text="low", rank=1, person_id=1, maker_id=1),
                Badge(id=2, text="high", rank=2, person_id=1),
                Badge(id=3, text="gone", rank=3, person_id=1, deleted_at=deleted),
                Badge(id=4, text=None, rank=1, person_id=3),
                Card(person_id=1, number=2, code="a"),
                Card(person_id=1, number=1, code="b"),
                Card(person_id=3, number=5, code="c"),
            ]
        )
        await session.flush()
        session.add_all(
            [
                Award(person_id=1, badge_id=2, place=2),
                Award(person_id=1, badge_id=1, place=1),
                Award(person_id=1, badge_id=1, place=1),
                Award(person_id=2, badge_id=2, place=9),
                Stamp(badge_id=1),
                Stamp(badge_id=2),
                Stamp(badge_id=2),
            ]
        )
    return database


async def test_rows_and_documents_have_each_owner_once_with_the_first(people: Database) -> None:
    async with people.reader() as session:
        query = People(session).into(PersonRead).order_by("id")
        with count_statements(people) as statements:
            found = [person.model_dump() for person in await query.all()]
        statements.expect(1)
        assert found == [ANN, BEN, CID]
        assert b'"Ann"' in await query.json.all()
        teams = Teams(session).into(TeamRead).order_by("id")
        assert [team.model_dump() for team in await teams.all()] == [
            {"id": 1, "people": [ANN, BEN]},
            {"id": 2, "people": [CID]},
        ]
        whole = [team.model_dump_json().encode() for team in await teams.all()]
        assert await teams.json.all() == b"[" + b",".join(whole) + b"]"
        assert [person.name async for person in query.stream(batch=1)] == ["Ann", "Ben", "Cid"]


def _told(person: Person) -> dict[str, Any]:
    return {
        "badge": person.badge and person.badge.text,
        "award": person.award and person.award.text,
        "card": person.card and person.card.code,
        "after": person.after and person.after.name,
        "country": person.country and person.country.name,  # type: ignore[attr-defined]
    }


async def test_objects_are_loaded_with_the_first_by_a_statement_each(people: Database) -> None:
    names = ("badge", "award", "card", "after", "country")
    expected = [
        {"badge": "high", "award": "low", "card": "b", "after": "Ben", "country": "Utopia"},
        {"badge": None, "award": "high", "card": None, "after": None, "country": None},
        {"badge": None, "award": None, "card": "c", "after": None, "country": "Utopia"},
    ]
    async with people.reader() as session:
        query = People(session).where().order_by("id").load(*names)
        with count_statements(people) as statements:
            found = await query.all()
        statements.expect(1 + len(names))
        assert [_told(person) for person in found] == expected
        assert found[2].badge is not None  # it has no text
        assert found[2].badge.id == 4
    async with people.reader() as session:
        teams = (
            await Teams(session)
            .where()
            .order_by("id")
            .load(*(f"people.{name}" for name in names), "people.badge.maker")
            .all()
        )
        loaded = [_told(person) for team in teams for person in team.people]
        assert sorted(map(str, loaded)) == sorted(map(str, expected))
    async with people.reader() as session:
        assert [_told(person) for person in await People(session).get_many([2, 1], load=names)] == [
            expected[1],
            expected[0],
        ]
    async with people.reader() as session:
        stamps = await Stamps(session).where().order_by("id").all()
        assert len(stamps) == 3
        query = People(session).where().order_by("id").load("badge")
        assert [person.name async for person in query.stream(batch=2)] == ["Ann", "Ben", "Cid"]
        assert "a statement of its own for badge" in await query.explain()


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ({"badge__text": "low"}, ["Ann"]),
        ({"badge__text": "high"}, ["Ann"]),
        ({"badge__text": "gone"}, []),
        ({"badge__text__isnull": False}, ["Ann"]),
        ({"badge__text__isnull": True}, ["Ben", "Cid"]),
        ({"badge__text": None}, ["Ben", "Cid"]),
        ({"badge__isnull": True}, ["Ben"]),
        ({"badge__isnull": False}, ["Ann", "Cid"]),
        ({"badge__maker__name": "Mint"}, ["Ann"]),
        ({"badge__maker__name__isnull": True}, ["Ann", "Ben", "Cid"]),
        ({"badge__maker__isnull": True}, ["Ann", "Ben", "Cid"]),
        ({"badge__text__not_in": []}, ["Ann", "Cid"]),
        ({"award__text__isnull": False}, ["Ann", "Ben"]),
        ({"award__text": "low"}, ["Ann"]),
        ({"card__code__in": ["a", "b", "c"]}, ["Ann", "Cid"]),
        ({"after__name__isnull": False}, ["Ann"]),
        ({"after__name": "Cid"}, ["Ann"]),
        ({"country__name__istartswith": "u"}, ["Ann", "Cid"]),
        ({"team__people__badge__text": "low"}, ["Ann", "Ben"]),
    ],
)
async def test_filters_through_it_find_each_owner_once(
    people: Database, conditions: dict[str, Any], names: list[str]
) -> None:
    async with people.reader() as session:
        query = People(session).where(**conditions)
        found = [person.name for person in await query.order_by("id").all()]
        assert found == names
        assert await query.count() == len(names)
        assert await query.exists() is bool(names)
        turned = [person.name for person in (await query.into(NameRead).order_by("id").all())]
        assert turned == names


async def test_filters_may_be_denied_and_nested(people: Database) -> None:
    async with people.reader() as session:
        query = People(session).where(not_(badge__text="low")).order_by("id")
        assert [person.name for person in await query.all()] == ["Ben", "Cid"]
        query = People(session).where(some("badge__stamps")).order_by("id")
        assert [person.name for person in await query.all()] == ["Ann"]


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("badge__text", [1, 2, 3]),
        ("-badge__text", [3, 2, 1]),
        ("badge__rank", [3, 1, 2]),
        ("award__text", [2, 1, 3]),
        ("-award__text", [3, 1, 2]),
        ("card__code", [1, 3, 2]),
        ("after__name", [1, 2, 3]),
        ("country__name", [1, 3, 2]),
        ("badge__maker__name", [1, 2, 3]),
    ],
)
async def test_an_order_by_it_has_each_owner_once(
    people: Database, name: str, ids: list[int]
) -> None:
    async with people.reader() as session:
        query = People(session).where().order_by(name)
        assert [person.id for person in await query.all()] == ids
        pages = [await query.page(number, size=2) for number in (1, 2)]
        assert [person.id for page in pages for person in page.items] == ids
        assert pages[0].total == 3
        after, scrolled = None, []
        for _ in range(3):
            page = await query.into(PersonRead).scroll(size=1, after=after)
            scrolled += [person.name for person in page.items]
            after = page.next
        assert after is None
        assert scrolled == [["Ann", "Ben", "Cid"][number - 1] for number in ids]


async def test_figures_are_of_the_first(people: Database) -> None:
    class Figures(BaseModel):
        everyone: Annotated[int, Count()]
        badges: Annotated[int, Count("badge")]
        ranks: Annotated[int, Sum("badge__rank")]

    class Stamped(BaseModel):
        name: str
        stamps: Annotated[int, Count("badge__stamps")]

    class TeamStamps(BaseModel):
        id: int
        stamps: Annotated[int, Count("people__badge__stamps")]

    async with people.reader() as session:
        (figures,) = await People(session).into(Figures).all()
        assert figures.model_dump() == {"everyone": 3, "badges": 2, "ranks": 3}
        stamped = await People(session).into(Stamped).order_by("id").all()
        assert [item.stamps for item in stamped] == [2, 0, 0]
        teams = await Teams(session).into(TeamStamps).order_by("id").all()
        assert [team.stamps for team in teams] == [2, 0]


@pytest.mark.parametrize("order", ["-after.after.name", "after.country.name", "-after.badge.rank"])
async def test_sorting_by_one_beyond_another_raises_no_warning(
    people: Database, order: str
) -> None:
    async with people.reader() as session:
        query = People(session).where().order_by(order, "id")
        names = [person.name for person in await query.all()]
        assert sorted(names) == ["Ann", "Ben", "Cid"]
        assert [person.name for person in await query.load("after.badge", "team").all()] == names
        assert [person.name for person in (await query.scroll(size=3)).items] == names
        assert [item.name for item in await query.into(NameRead).all()] == names


async def test_a_model_that_joins_it_by_itself_comes_once(people: Database) -> None:
    async with people.session() as session:
        session.add_all([Holder(id=1), Holder(id=2)])
        await session.flush()
        session.add_all([Ticket(id=number, holder_id=1) for number in (1, 2)])
    async with people.reader() as session:
        query = Holders(session).where().order_by("id")
        with pytest.warns(SAWarning, match="uselist=False"):
            found = await query.all()
        assert [holder.ticket and holder.ticket.id for holder in found] == [1, None]
    async with people.reader() as session:
        query = Holders(session).where().order_by("id")
        with pytest.warns(SAWarning, match="uselist=False"):
            assert [holder.id async for holder in query.stream(batch=2)] == [1, 2]
        page = await query.page(2, size=1)
        assert [holder.id for holder in page.items] == [2]


async def test_bulk_writes_meet_each_owner_once(people: Database) -> None:
    async with people.session() as session:
        service = People(session)
        assert await service.where(award__text__isnull=False).update_all({"name": "Dan"}) == 2
        assert await service.where(team__people__badge__text="low").count() == 2
        assert await service.where(after__isnull=True, country__isnull=False).count() == 1
