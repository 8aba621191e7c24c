"""How a session gets its values, keeps to them, and lets go of them by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import MetaData, func, insert, select, text, update
from sqlalchemy.orm import column_property, make_transient_to_detached, registry, selectinload
from sqlmodel import Field, SQLModel
from tests.scope.guilds import (
    OURS,
    THEIRS,
    Country,
    CountryService,
    Hero,
    HeroPower,
    HeroRead,
    HeroService,
    Mission,
    MissionService,
    Note,
    NoteService,
    Team,
    TeamService,
    everything,
)

from colonnade import Database, Scope, Session
from colonnade.errors import (
    ColumnNotLoaded,
    Deadlock,
    NotFound,
    OutOfScope,
    RelationshipNotLoaded,
    ScopeUnbound,
    SessionClosed,
    UsageError,
)
from colonnade.testing import count_statements, rolled_back

UNBOUND: dict[str, Callable[[Session], Awaitable[Any]]] = {
    "entities": lambda s: HeroService(s).where().all(),
    "rows": lambda s: HeroService(s).into(HeroRead).all(),
    "documents": lambda s: HeroService(s).into(HeroRead).json.all(),
    "count": lambda s: HeroService(s).where().count(),
    "exists": lambda s: HeroService(s).where().exists(),
    "get": lambda s: HeroService(s).get(10),
    "get many": lambda s: HeroService(s).get_many([10]),
    "create": lambda s: HeroService(s).create({"name": "x"}),
    "update": lambda s: HeroService(s).update(10, {"age": 1}),
    "delete": lambda s: HeroService(s).delete(10),
    "relation of an unscoped model": lambda s: CountryService(s).where(teams__name="x").all(),
    "link": lambda s: s.execute(select(HeroPower)),
    "policy": lambda s: NoteService(s).where().all(),
    "core": lambda s: s.execute(select(Hero.__table__)),  # type: ignore[attr-defined]
    "columns": lambda s: s.execute(select(Hero.name)),
    "subquery": lambda s: s.execute(select(select(Hero.name).subquery())),
    "session get": lambda s: s.get(Hero, 10),
    "update statement": lambda s: s.execute(update(Hero).values(age=1)),
    "insert statement": lambda s: s.execute(insert(Hero).values(name="x", guild_id=1)),
    "reference": lambda s: s.execute(insert(Mission).values(title="x", hero_id=10)),
    "merge": lambda s: s.merge(Hero(id=10, name="x")),
}


@pytest.mark.parametrize("way", UNBOUND)
async def test_without_a_value_nothing_is_asked_of_a_model_with_a_scope(
    db: Database, way: str
) -> None:
    with count_statements(db) as statements:
        async with db.session() as session:
            with pytest.raises(ScopeUnbound) as caught:
                await UNBOUND[way](session)
            assert not session.in_transaction()
    statements.expect(0)
    assert "session.unscoped(" in str(caught.value.hint)


async def test_flushing_an_object_without_a_value_sends_nothing(db: Database) -> None:
    with count_statements(db) as statements, pytest.raises(ScopeUnbound):
        async with db.session() as session:
            session.add(Hero(name="x", guild_id=OURS))
    statements.expect(0)


async def test_models_without_scopes_need_no_values(db: Database) -> None:
    async with db.session() as session:
        assert [country.name for country in await CountryService(session).where().all()]
        assert await session.scalar(text("SELECT 1")) == 1


async def test_a_scope_without_a_value_holds_by_itself(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        assert await HeroService(session).where(name="our gone").count() == 0
        async with session.unscoped("deleted"):
            assert await HeroService(session).where(name="our gone").count() == 1
            assert await HeroService(session).where(name="their gone").count() == 0
        assert await HeroService(session).where(name="our gone").count() == 0


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ({"gild": 1}, "no model has a scope 'gild'\nhint: did you mean 'guild'"),
        ({"deleted": True}, "'deleted' takes no value"),
        ({"guild": None}, "None is no value for the scope 'guild'"),
    ],
)
async def test_a_value_that_means_nothing_is_refused_at_once(
    db: Database, scope: dict[str, Any], told: str
) -> None:
    for opening in (db.session, db.reader):
        with pytest.raises(UsageError) as caught:
            opening(scope=scope)
        assert told in str(caught.value)
    with pytest.raises(UsageError):
        await db.run(lambda _: None, scope=scope)  # type: ignore[arg-type, return-value]


async def test_lifting_a_scope_that_nothing_has_is_refused(db: Database) -> None:
    async with db.session() as session:
        with pytest.raises(UsageError, match="no model has a scope 'gild'"):
            async with session.unscoped("gild"):
                raise AssertionError


async def test_a_unit_that_is_run_again_has_its_values_each_time(db: Database) -> None:
    seen: list[list[str]] = []

    async def work(session: Session) -> str:
        seen.append([team.name for team in await TeamService(session).where().all()])
        if len(seen) == 1:
            raise Deadlock("for once")
        return seen[-1][0]

    assert await db.run(work, scope={"guild": THEIRS}) == "their team"
    assert seen == [["their team"]] * 2


async def test_readers_and_snapshots_keep_to_their_values(db: Database) -> None:
    for snapshot in (False, True):
        async with db.reader(snapshot=snapshot, scope={"guild": THEIRS}) as reader:
            assert [team.name for team in await TeamService(reader).where().all()] == ["their team"]
            async with reader.scoped(guild=OURS):
                teams = await TeamService(reader).where().all()
                assert [team.name for team in teams] == ["our team"]


async def test_sessions_on_one_connection_keep_to_their_own_values(db: Database) -> None:
    async with rolled_back(db), db.session(scope={"guild": OURS}) as ours:
        hero = await HeroService(ours).create({"name": "new"})
        async with db.session(scope={"guild": THEIRS}) as theirs:
            with pytest.raises(NotFound):
                await HeroService(theirs).get(hero.id)
            assert (await TeamService(theirs).where().one()).name == "their team"
        assert (await TeamService(ours).where().one()).name == "our team"


async def test_savepoints_and_streams_keep_to_the_values(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        async with session.savepoint():
            assert await TeamService(session).where().count() == 1
        names = [name async for name in await session.stream_scalars(select(Team.name))]
        assert names == ["our team"]


async def test_the_identity_map_gives_nothing_out_of_scope_back(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        async with session.unscoped("guild"):
            theirs = await session.get_one(Hero, 20)
        assert await session.get(Hero, 20) is None
        with pytest.raises(NotFound):
            await HeroService(session).get(20)
        with pytest.raises(NotFound):
            await HeroService(session).get_many([20])
        assert theirs.name == "their boss"


async def test_what_goes_out_of_scope_in_a_unit_is_not_got_again(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        hero = await session.get_one(Hero, 10)
        hero.soft_delete()
        assert await session.get(Hero, 10) is None
        marked = await HeroService(session).update(11, {"deleted_at": datetime.now(UTC)})
        assert marked.is_deleted
        assert await session.get(Hero, 11) is None
        with pytest.raises(NotFound):
            await HeroService(session).update(11, {"age": 3})
        await session.rollback()


async def test_an_object_that_the_session_holds_is_the_one_it_gets(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        hero = await session.get_one(Hero, 10)
        hero.age = 41
        with count_statements(db) as statements:
            assert await session.get(Hero, 10) is hero
        assert [sent.split()[0] for sent in statements.statements] == ["UPDATE", "SELECT"]
        assert hero.age == 41
        await session.rollback()


async def test_relations_that_were_loaded_under_other_values_are_forgotten(db: Database) -> None:
    loaded = select(Country).options(selectinload(Country.teams))
    async with db.session(scope={"guild": OURS}) as session:
        async with session.unscoped("guild"):
            country = (await session.scalars(loaded)).one()
            assert len(country.teams) == 2
        with pytest.raises(RelationshipNotLoaded):
            _ = country.teams
        assert country.name == "Norway"
        assert (await session.scalars(loaded)).one() is country
        assert [team.name for team in country.teams] == ["our team"]
        async with session.scoped(guild=THEIRS):
            await session.refresh(country, ["teams"])
            assert [team.name for team in country.teams] == ["their team"]


async def test_columns_computed_of_rows_under_other_values_are_forgotten(
    database: Database,
) -> None:
    tables = MetaData()

    class Fresh(SQLModel, registry=registry(metadata=tables)):
        pass

    class Page(Fresh, table=True):
        __scopes__ = (Scope("guild", column="guild_id"),)
        id: int | None = Field(default=None, primary_key=True)
        guild_id: int = Field(default=None)
        book_id: int = Field(foreign_key="book.id")

    class Book(Fresh, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str

    Book.pages = column_property(  # type: ignore[attr-defined] # declared late
        select(func.count(Page.id)).where(Page.book_id == Book.id).scalar_subquery()  # type: ignore[arg-type]
    )
    Book.label = column_property(Book.name + "!")  # type: ignore[attr-defined] # as above
    async with database.engine.begin() as connection:
        await connection.run_sync(tables.create_all)
    async with database.session(scope={"guild": OURS}) as session:
        async with session.unscoped("guild"):
            session.add(Book(id=1, name="b"))
            await session.flush()
            session.add_all([Page(guild_id=guild, book_id=1) for guild in (OURS, OURS, THEIRS)])
            await session.flush()
            session.expunge_all()
            book: Any = (await session.scalars(select(Book))).one()
            assert book.pages == 3
        with pytest.raises(ColumnNotLoaded):
            _ = book.pages
        assert (book.name, book.label) == ("b", "b!")
        assert (await session.scalars(select(Book))).one() is book
        assert book.pages == 2
        async with session.scoped(guild=THEIRS):
            await session.refresh(book, ["pages"])
            assert book.pages == 1


async def test_what_waits_is_written_under_the_values_it_was_made_under(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        first = Team(name="first")
        session.add(first)
        async with session.scoped(guild=THEIRS):
            second = Team(name="second")
            session.add(second)
        third = Team(name="third")
        session.add(third)
        await session.flush()
        assert [team.guild_id for team in (first, second, third)] == [OURS, THEIRS, OURS]
        await session.rollback()


async def test_the_values_before_hold_again_after_an_exception(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(LookupError):
            async with session.unscoped("guild", "deleted"):
                raise LookupError
        assert await TeamService(session).where().count() == 1
        assert session.scope.values == {"guild": OURS}
        assert session.scope.lifted == frozenset()


async def test_binding_a_value_ends_its_lifting(db: Database) -> None:
    async with db.session() as session, session.unscoped("guild"):
        assert await TeamService(session).where().count() == 2
        async with session.scoped(guild=OURS):
            assert await TeamService(session).where().count() == 1
        assert await TeamService(session).where().count() == 2


async def test_after_the_end_a_session_takes_no_values(db: Database) -> None:
    for opening in (db.session, db.reader):
        async with opening(scope={"guild": OURS}) as session:
            pass
        with pytest.raises(SessionClosed):
            async with session.scoped(guild=THEIRS):
                raise AssertionError


async def test_a_deleted_row_is_restored_where_its_scope_is_lifted(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        async with session.unscoped("deleted"):
            hero = await HeroService(session).get(12)
            hero.restore()
        assert (await HeroService(session).get(12)).name == "our gone"
        await session.rollback()


async def test_what_a_refused_create_left_is_forgotten(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(OutOfScope) as caught:
            await HeroService(session).create({"name": "x", "team_id": 20})
        assert (caught.value.model, caught.value.fields) == ("Team", ("team_id",))
        assert "Hero.team_id refers to a Team outside of the scope, or to none" in str(caught.value)
        assert (await HeroService(session).create({"name": "y", "team_id": 10})).guild_id == OURS
        await session.rollback()


async def test_an_object_of_another_session_is_looked_up_before_it_is_written(
    db: Database,
) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        hero = await session.get_one(Hero, 10)
    async with db.session(scope={"guild": OURS}) as session:
        session.add(hero)
        hero.age = 7
        with count_statements(db) as statements:
            await session.flush()
        assert [sent.split()[0] for sent in statements.statements] == ["SELECT", "UPDATE"]
        hero.age = 8
        with count_statements(db) as statements:
            await session.flush()
        assert [sent.split()[0] for sent in statements.statements] == ["UPDATE"]
        await session.rollback()
    async with db.session(scope={"guild": OURS}) as session:
        hero = await session.get_one(Hero, 10)
    async with db.session(scope={"guild": THEIRS}) as session:
        await session.delete(hero)
        with pytest.raises(OutOfScope, match="a Hero that is to be changed"):
            await session.flush()
        await session.rollback()


async def test_objects_that_the_session_has_read_are_not_looked_up_again(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        team = await session.get_one(Team, 10)
        boss = await session.get_one(Hero, 10)
        with count_statements(db) as statements:
            session.add_all([Hero(name="x", team=team, mentor=boss), Hero(name="y", team_id=10)])
            await session.flush()
        assert not [sent for sent in statements.statements if sent.startswith("SELECT")]
        await session.rollback()


async def test_refreshing_what_is_out_of_scope_finds_nothing(db: Database) -> None:
    theirs = Hero(id=20, guild_id=THEIRS, name="their boss")
    make_transient_to_detached(theirs)
    async with db.session(scope={"guild": OURS}) as session:
        session.add(theirs)
        with pytest.raises(NotFound, match="no Hero has this key any more"):
            await session.refresh(theirs)
        await session.rollback()


async def test_rows_writes_nothing_of_models_with_scopes(db: Database) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        with pytest.raises(UsageError, match="is for SELECT"):
            await session.rows(insert(Team).values(name="x", guild_id=THEIRS).returning(Team.id))


async def test_a_scope_with_several_values_at_once_is_a_condition(db: Database) -> None:
    async with everything(db, reader="bob") as session, session.scoped(reader="ann"):
        notes = [note.text for note in await NoteService(session).where().all()]
        assert notes == ["ann's", "for all"]
        assert await session.scalar(select(Note.id).where(Note.id == 2)) is None


async def test_a_relation_is_followed_in_scope_by_models_without_a_column_of_their_own(
    db: Database,
) -> None:
    async with db.session(scope={"guild": OURS}) as session:
        assert [m.title for m in await MissionService(session).where().all()] == ["our mission"]
        async with session.unscoped("deleted"):
            assert await MissionService(session).where().count() == 2


async def test_what_a_write_takes_out_of_scope_is_answered_with_its_own_columns(
    db: Database,
) -> None:
    async with db.session(scope={"guild": OURS, "reader": "ann"}) as session:
        heroes, notes = HeroService(session), NoteService(session)
        kept = await heroes.get(11)
        marked = await heroes.update(10, {"deleted_at": datetime.now(UTC)})
        assert (marked.name, marked.is_deleted) == ("our boss", True)
        with pytest.raises(RelationshipNotLoaded):
            _ = marked.team
        assert await heroes.where(id=11).update_all({"deleted_at": datetime.now(UTC)}) == 1
        assert kept.is_deleted
        bobs = await notes.create({"text": "x", "owner": "bob"})
        assert (bobs.public, await notes.where(id=bobs.id).exists()) == (False, False)
        async with session.unscoped("deleted"):
            gone = await heroes.get(12)
        new = await heroes.create({"name": "new"})
        assert await heroes.where(id=new.id).delete_all() == 1
        assert gone in session
        await session.rollback()
