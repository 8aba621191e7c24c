"""Every way to write: none of them changes a row of another guild, or ties one to ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from sqlalchemy import (
    Insert,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import aliased, make_transient_to_detached
from tests.scope.guilds import (
    OURS,
    Country,
    CountryService,
    Hero,
    HeroPower,
    HeroService,
    Mission,
    MissionService,
    Power,
    PowerService,
    Team,
    TeamService,
)

from colonnade import Database, Session
from colonnade.errors import ColonnadeError, NotFound, OutOfScope, UsageError
from colonnade.writing import bulk_insert

Attempt: TypeAlias = Callable[[Session], Awaitable[Any]]
Refused: TypeAlias = dict[str, tuple[type[ColonnadeError], Attempt]]

HEROES: Any = Hero.__table__
TEAMS: Any = Team.__table__
POWERS: Any = Power.__table__
LINKS: Any = HeroPower.__table__
MISSIONS: Any = Mission.__table__
Other: Any = aliased(Hero)
NAMES = ("guild", "deleted", "reader")


def run(statement: Any, *rows: dict[str, Any], **options: Any) -> Attempt:
    async def attempt(session: Session) -> Any:
        parameters = list(rows) if len(rows) > 1 else rows[0] if rows else None
        await session.execute(statement, parameters, execution_options=options)

    return attempt


def adding(*items: Any) -> Attempt:
    """The objects are made by the call, since a failed flush leaves nothing of them."""

    async def attempt(session: Session) -> None:
        session.add_all([make() for make in items])
        await session.flush()

    return attempt


def detached(kind: type[Any], key: Any, **values: Any) -> Any:
    """An object as another session would have left it."""
    item = kind(**values)
    for name, value in key.items():
        setattr(item, name, value)
    make_transient_to_detached(item)
    return item


def their_hero() -> Any:
    return detached(Hero, {"id": 20}, guild_id=2, name="their boss", age=40, team_id=20)


async def changing(session: Session) -> None:
    hero = their_hero()
    session.add(hero)
    hero.age = 99
    await session.flush()


async def deleting(session: Session) -> None:
    await session.delete(their_hero())
    await session.flush()


async def merging_blindly(session: Session) -> None:
    hero = await session.merge(their_hero(), load=False)
    hero.age = 99
    await session.flush()


async def moving(session: Session) -> None:
    hero = await session.get_one(Hero, 10)
    hero.guild_id = 2
    await session.flush()


async def pointing(session: Session) -> None:
    hero = await session.get_one(Hero, 10)
    hero.team_id = 20
    await session.flush()


async def relating(session: Session) -> None:
    hero = await session.get_one(Hero, 10, options=[])
    hero.team = detached(Team, {"id": 20}, guild_id=2, name="their team")
    await session.flush()


async def appending(session: Session) -> None:
    hero = await HeroService(session).get(10, load=["powers"])
    hero.powers.append(detached(Power, {"id": 20}, guild_id=2, name="their power"))
    await session.flush()


async def adopting(session: Session) -> None:
    team = await TeamService(session).get(10, load=["heroes"])
    team.heroes.append(their_hero())
    await session.flush()


async def reparenting(session: Session) -> None:
    mission = await session.get_one(Mission, 10)
    mission.hero_id = 20
    await session.flush()


async def saving_in_bulk(session: Session) -> None:
    await session.run_sync(
        lambda sync: sync.bulk_update_mappings(Hero, [{"id": 20, "age": 99}])  # type: ignore[arg-type]
    )


async def inserting_in_bulk(session: Session) -> None:
    await session.run_sync(
        lambda sync: sync.bulk_insert_mappings(Hero, [{"guild_id": 2, "name": "x"}])  # type: ignore[arg-type]
    )


#: What is refused, before or by the database, each for the reason beside it.
REFUSED: Refused = {
    "service update": (NotFound, lambda s: HeroService(s).update(20, {"age": 99})),
    "service update of a deleted row": (
        NotFound,
        lambda s: HeroService(s).update(12, {"age": 99}),
    ),
    "service delete": (NotFound, lambda s: HeroService(s).delete(20)),
    "service delete of a deleted row": (NotFound, lambda s: HeroService(s).delete(12)),
    "service delete in the unit": (NotFound, lambda s: PowerService(s).delete(20)),
    "service delete by policy": (NotFound, lambda s: MissionService(s).delete(20)),
    "service moves": (OutOfScope, lambda s: HeroService(s).update(10, {"guild_id": 2})),
    "service points": (OutOfScope, lambda s: HeroService(s).update(10, {"team_id": 20})),
    "service points to none": (OutOfScope, lambda s: HeroService(s).update(10, {"team_id": 99})),
    "service creates pointing": (
        OutOfScope,
        lambda s: HeroService(s).create({"name": "x", "team_id": 20}),
    ),
    "service creates by a mentor": (
        OutOfScope,
        lambda s: HeroService(s).create({"name": "x", "mentor_id": 20}),
    ),
    "service creates by a deleted mentor": (
        OutOfScope,
        lambda s: HeroService(s).create({"name": "x", "mentor_id": 12}),
    ),
    "service creates below": (
        OutOfScope,
        lambda s: MissionService(s).create({"title": "x", "hero_id": 20}),
    ),
    "service moves below": (
        OutOfScope,
        lambda s: MissionService(s).update(10, {"title": "x", "hero_id": 20}),
    ),
    "update all moves": (
        OutOfScope,
        lambda s: HeroService(s).where(id=10).update_all({"guild_id": 2}),
    ),
    "update all points": (
        OutOfScope,
        lambda s: HeroService(s).where(id=10).update_all({"team_id": 20}),
    ),
    "many with one stray": (
        OutOfScope,
        lambda s: HeroService(s).create_many([{"name": "x"}, {"name": "y", "team_id": 20}]),
    ),
    "many unseen with one stray": (
        OutOfScope,
        lambda s: HeroService(s).create_many(
            [{"name": "x"}, {"name": "y", "team_id": 20}], returning=False
        ),
    ),
    "many with one below": (
        OutOfScope,
        lambda s: MissionService(s).create_many(
            [{"title": "x", "hero_id": 10}, {"title": "y", "hero_id": 20}]
        ),
    ),
    "many unseen with one below": (
        OutOfScope,
        lambda s: MissionService(s).create_many(
            [{"title": "x", "hero_id": 10}, {"title": "y", "hero_id": 20}], returning=False
        ),
    ),
    "many by a deleted mentor": (
        OutOfScope,
        lambda s: HeroService(s).create_many([{"name": "x"}, {"name": "y", "mentor_id": 12}]),
    ),
    "add": (OutOfScope, adding(lambda: Hero(guild_id=2, name="x"))),
    "add pointing": (OutOfScope, adding(lambda: Hero(name="x", team_id=20))),
    "add a link": (OutOfScope, adding(lambda: HeroPower(hero_id=10, power_id=20))),
    "add a link of theirs": (OutOfScope, adding(lambda: HeroPower(hero_id=21, power_id=10))),
    "add a mission": (OutOfScope, adding(lambda: Mission(title="x", hero_id=20))),
    "add with a tree": (
        OutOfScope,
        adding(lambda: Team(name="x", heroes=[Hero(name="y", guild_id=2)])),
    ),
    "add with their object": (
        OutOfScope,
        adding(
            lambda: Hero(name="x", team=detached(Team, {"id": 20}, guild_id=2, name="their team"))
        ),
    ),
    "change what was detached": (OutOfScope, changing),
    "delete what was detached": (OutOfScope, deleting),
    "merge without a look": (OutOfScope, merging_blindly),
    "move": (OutOfScope, moving),
    "point": (OutOfScope, pointing),
    "relate": (OutOfScope, relating),
    "append": (OutOfScope, appending),
    "adopt": (OutOfScope, adopting),
    "reparent": (OutOfScope, reparenting),
    "bulk save": (UsageError, saving_in_bulk),
    "bulk insert mappings": (UsageError, inserting_in_bulk),
    "bulk insert": (
        OutOfScope,
        lambda s: bulk_insert(s, Hero, [{"name": "x", "guild_id": 2, "age": 1}]),
    ),
    "bulk insert pointing": (
        OutOfScope,
        lambda s: bulk_insert(
            s, Hero, [{"name": "x", "team_id": team, "age": 1} for team in (10, 20)]
        ),
    ),
    "update moves": (OutOfScope, run(update(Hero).where(Hero.id == 10).values(guild_id=2))),
    "update moves by column": (OutOfScope, run(update(Hero).values({Hero.guild_id: 2}))),
    "update moves core": (OutOfScope, run(update(HEROES).values(guild_id=2))),
    "update moves by parameter": (OutOfScope, run(update(HEROES), {"guild_id": 2})),
    "update moves by bind": (
        OutOfScope,
        run(update(Hero).values(guild_id=bindparam("g")), {"g": 2}),
    ),
    "update moves ordered": (
        OutOfScope,
        run(update(Hero).ordered_values((Hero.guild_id, 2), (Hero.age, 1))),
    ),
    "update moves by expression": (UsageError, run(update(Hero).values(guild_id=Hero.age))),
    "update points": (OutOfScope, run(update(Hero).values(team_id=20))),
    "update points core": (OutOfScope, run(update(HEROES).values({HEROES.c.team_id: 20}))),
    "update points by expression": (
        UsageError,
        run(update(Hero).values(team_id=Hero.mentor_id)),
    ),
    "update points by subquery": (
        UsageError,
        run(update(Hero).values(team_id=select(func.max(Team.id)).scalar_subquery())),
    ),
    "update by keys": (
        UsageError,
        run(update(Hero), {"id": 20, "age": 99}, {"id": 21, "age": 99}),
    ),
    "insert": (OutOfScope, run(insert(Hero).values(name="x", age=1, guild_id=2))),
    "insert core": (OutOfScope, run(insert(HEROES).values(name="x", age=1, guild_id=2))),
    "insert rows": (
        OutOfScope,
        run(insert(Hero), {"name": "x", "guild_id": 1}, {"name": "y", "guild_id": 2}),
    ),
    "insert rows core": (
        OutOfScope,
        run(insert(HEROES), {"name": "x", "age": 1, "guild_id": 2}),
    ),
    "insert some rows": (
        OutOfScope,
        run(insert(HEROES), {"name": "x", "guild_id": 1}, {"name": "y"}),
    ),
    "insert null": (OutOfScope, run(insert(Hero).values(name="x", age=1, guild_id=None))),
    "insert many values": (
        OutOfScope,
        run(insert(Hero).values([{"name": "x", "age": 1, "guild_id": guild} for guild in (1, 2)])),
    ),
    "insert tuples": (
        OutOfScope,
        run(insert(TEAMS).values([(90, 1, "x", None), (91, 2, "y", None)])),
    ),
    "insert pointing": (OutOfScope, run(insert(Hero).values(name="x", age=1, team_id=20))),
    "insert by expression": (
        UsageError,
        run(insert(Hero).values(name="x", age=1, guild_id=literal(1) + 1)),
    ),
    "insert pointing by expression": (
        UsageError,
        run(insert(Hero).values(name="x", age=1, team_id=literal(10) + 10)),
    ),
    "insert from select": (
        UsageError,
        run(insert(Hero).from_select(["name", "age", "guild_id"], select(Country.name, 1, 2))),
    ),
    "insert a link": (OutOfScope, run(insert(HeroPower).values(hero_id=10, power_id=20))),
    "insert a link core": (OutOfScope, run(insert(LINKS), {"hero_id": 11, "power_id": 20})),
    "insert by from_statement": (
        OutOfScope,
        run(
            select(Hero).from_statement(
                insert(Hero).values(name="x", age=1, guild_id=2).returning(Hero)
            )
        ),
    ),
}

#: What runs, and leaves them alone.
HARMLESS: dict[str, Attempt] = {
    "update": run(update(Hero).values(age=99)),
    "update by key": run(update(Hero).where(Hero.id == 20).values(age=99)),
    "update named": run(update(Hero).where(Hero.guild_id == 2).values(age=99)),
    "update raw": run(update(Hero).where(text("1 = 0 OR 1 = 1")).values(age=99)),
    "update core": run(update(HEROES).values(age=99)),
    "update fetch": run(update(Hero).values(age=99), synchronize_session="fetch"),
    "update evaluate": run(
        update(Hero).where(Hero.age >= 0).values(age=99), synchronize_session="evaluate"
    ),
    "update blind": run(update(Hero).values(age=99), synchronize_session=False),
    "update by parameter": run(update(HEROES), {"age": 99}),
    "update by many": run(
        update(HEROES).where(HEROES.c.id == bindparam("key")).values(age=bindparam("years")),
        {"key": 10, "years": 98},
        {"key": 20, "years": 99},
    ),
    "update expression": run(update(Hero).values(age=Hero.age + 1)),
    "update where in": run(update(Hero).where(Hero.team_id.in_(select(Team.id))).values(age=99)),
    "update exists": run(
        update(Team).where(exists().where(Hero.team_id == Team.id)).values(country_id=None)
    ),
    "update unscoped by them": run(
        update(Country).where(exists().where(Team.id == 20)).values(name="x")
    ),
    "update missions": run(update(Mission).values(title="x")),
    "update links": run(update(HeroPower).where(HeroPower.hero_id == 20).values(power_id=10)),
    "delete missions": run(delete(Mission)),
    "delete missions core": run(delete(MISSIONS)),
    "delete missions by key": run(delete(Mission).where(Mission.id == 20)),
    "delete links": run(delete(HeroPower)),
    "delete links core": run(delete(LINKS)),
    "delete raw": run(delete(HeroPower).where(text("1 = 0 OR 1 = 1"))),
    "delete fetch": run(delete(Mission), synchronize_session="fetch"),
    "delete in": run(delete(Mission).where(Mission.hero_id.in_(select(Hero.id)))),
    "update all": lambda s: HeroService(s).where().update_all({"age": 99}, everything=True),
    "update all of theirs": lambda s: HeroService(s).where(guild_id=2).update_all({"age": 99}),
    "update all by relation": lambda s: (
        HeroService(s).where(team__name__contains="their").update_all({"age": 99})
    ),
    "delete all": lambda s: MissionService(s).where().delete_all(everything=True),
    "delete all by key": lambda s: MissionService(s).where(id__in=[12, 20]).delete_all(),
    "service create": lambda s: HeroService(s).create({"name": "x", "team_id": 10}),
    "service clears": lambda s: HeroService(s).update(10, {"team_id": None}),
    "service update of an unscoped": lambda s: CountryService(s).update(1, {"name": "x"}),
    "bulk": lambda s: bulk_insert(s, Hero, [{"name": "x", "team_id": 10, "age": 1}]),
    "insert from select of theirs": run(
        insert(Country).from_select(["name"], select(Hero.name).where(Hero.guild_id == 2))
    ),
    "add": adding(lambda: Hero(name="x", team_id=10), lambda: Team(name="y")),
    "add a tree": adding(
        lambda: Team(id=77, name="x", heroes=[Hero(name="y", powers=[Power(name="z")])])
    ),
    "add by keys made here": adding(
        lambda: Team(id=77, name="x"), lambda: Hero(id=78, name="y", team_id=77, mentor_id=78)
    ),
    "insert by keys made here": run(
        insert(Hero), {"id": 78, "name": "x"}, {"id": 79, "name": "y", "mentor_id": 78}
    ),
}


def upserts(kind: str) -> tuple[dict[str, Attempt], Refused]:
    """What each database spells in its own way."""
    several = {
        "update from": run(
            update(Hero).where(Hero.team_id == Team.id, Team.guild_id == 2).values(age=99)
        ),
        "update from raw": run(
            update(Hero).where(Hero.team_id == Team.id, text("1 = 0 OR 1 = 1")).values(age=99)
        ),
    }
    using = run(
        delete(HeroPower).where(HeroPower.hero_id == Hero.id, Hero.guild_id == 2),
        synchronize_session=False,
    )
    if kind == "mysql":
        duplicate: Insert = mysql.insert(Team).values(name="their team")
        duplicate = duplicate.on_duplicate_key_update(country_id=None)  # type: ignore[attr-defined]
        harmless = several | {"delete using": using}
        return harmless, {"upsert": (UsageError, run(duplicate))}
    inserting: Any = sqlite.insert if kind == "sqlite" else postgresql.insert

    def upsert(values: dict[str, Any], **change: Any) -> Any:
        statement = inserting(Team).values(name="their team", **values)
        return statement.on_conflict_do_update(index_elements=["name"], **change)

    harmless = several | {
        "upsert": run(upsert({}, set_={"country_id": None})),
        "upsert where": run(upsert({}, set_={"country_id": None}, where=text("1 = 0 OR 1 = 1"))),
        "upsert nothing": run(inserting(Team).values(name="their team").on_conflict_do_nothing()),
        "upsert links": run(
            inserting(HeroPower)
            .values(hero_id=10, power_id=10)
            .on_conflict_do_update(index_elements=["hero_id", "power_id"], set_={"hero_id": 10})
        ),
        "update from alias": run(
            update(Hero).where(Hero.mentor_id == Other.id).values(age=Other.age)
        ),
        "update returning": run(update(Hero).values(age=99).returning(Hero.name)),
    }
    excluded = inserting(Team).values(name="x")
    excluded = excluded.on_conflict_do_update(
        index_elements=["name"], set_={"guild_id": excluded.excluded.country_id}
    )
    refused: Refused = {
        "upsert moves": (OutOfScope, run(upsert({}, set_={"guild_id": 2}))),
        "upsert inserts": (OutOfScope, run(upsert({"guild_id": 2}, set_={"country_id": 1}))),
        "upsert moves by another column": (UsageError, run(excluded)),
    }
    if kind == "sqlite":
        refused["replace"] = (
            UsageError,
            run(insert(Team).prefix_with("OR REPLACE").values(name="their team")),
        )
    else:
        harmless["delete using"] = using
        for name, inner in {
            "insert in a cte": insert(Hero).values(name="x", age=1, guild_id=2).returning(Hero.id),
            "update in a cte": update(Hero).values(team_id=20).returning(Hero.id),
        }.items():
            refused[name] = (UsageError, run(select(inner.cte("written").c.id)))
        gone = delete(Mission).returning(Mission.id).cte("gone")
        harmless["delete in a cte"] = run(select(gone.c.id))
    return harmless, refused


async def theirs(session: Session) -> list[str]:
    """Every row that is not ours, and every one that is deleted."""
    not_ours = [12, *range(20, 24)]
    return await shown(
        session,
        select(HEROES).where((HEROES.c.guild_id != OURS) | HEROES.c.deleted_at.is_not(None)),
        select(TEAMS).where(TEAMS.c.guild_id != OURS),
        select(POWERS).where(POWERS.c.guild_id != OURS),
        select(LINKS).where(LINKS.c.hero_id.in_(not_ours)),
        select(MISSIONS).where(MISSIONS.c.hero_id.in_(not_ours)),
    )


async def ties(session: Session) -> list[str]:
    """What leads from ours to theirs, of which there may be less afterwards."""
    return await shown(
        session,
        select(literal("team"), HEROES.c.id).where(HEROES.c.team_id == 20),
        select(literal("mentor"), HEROES.c.id).where(HEROES.c.mentor_id == 20),
        select(literal("link"), LINKS).where(LINKS.c.power_id == 20),
        select(literal("copied"), Country.name).where(Country.name.contains("their")),  # type: ignore[attr-defined]
    )


async def shown(session: Session, *statements: Any) -> list[str]:
    async with session.unscoped(*NAMES):
        found = [str(row) for part in statements for row in await session.execute(part)]
    return sorted(found)


async def refusing(session: Session, kind: type[ColonnadeError], attempt: Attempt) -> str | None:
    try:
        async with session.savepoint():
            await attempt(session)
            await session.flush()
    except kind:
        return None
    except ColonnadeError as error:
        return repr(error)
    return "nothing was refused"


async def test_what_reaches_outside_is_refused_and_changes_nothing(db: Database) -> None:
    wrong = {}
    async with db.session(scope={"guild": OURS, "reader": "ann"}) as session:
        before = await theirs(session), await ties(session)
        for name, (kind, attempt) in (REFUSED | upserts(db.family)[1]).items():
            said = await refusing(session, kind, attempt)
            session.expunge_all()
            if said is not None:
                wrong[name] = said
        assert wrong == {}
        assert (await theirs(session), await ties(session)) == before
        await session.rollback()


async def test_what_is_not_refused_leaves_the_others_alone(db: Database) -> None:
    changed = []
    async with db.session(scope={"guild": OURS, "reader": "ann"}) as session:
        rows, tied = await theirs(session), await ties(session)
        for name, attempt in (HARMLESS | upserts(db.family)[0]).items():
            savepoint = await session.begin_nested()
            await attempt(session)
            await session.flush()
            same = await theirs(session) == rows and set(await ties(session)) <= set(tied)
            await savepoint.rollback()
            session.expunge_all()
            if not same:
                changed.append(name)
        assert changed == []
        await session.rollback()
