"""Every way to write: none of them changes a row of another guild, or ties one to ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import (
    Insert,
    bindparam,
    delete,
    exists,
    func,
    insert,
    lambda_stmt,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import make_transient_to_detached

from colonnade import Database, Session
from colonnade.errors import ColonnadeError, NotFound, OutOfScope, UsageError
from colonnade.filters import OPERATORS
from colonnade.writing import bulk_insert

Attempt: TypeAlias = Callable[[Session], Awaitable[Any]]
Refused: TypeAlias = dict[str, tuple[type[ColonnadeError], Attempt]]

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


def their_hero(g: Any) -> Any:
    return detached(g.Hero, {"id": 20}, guild_id=g.theirs, name="their boss", age=40, team_id=20)


async def changing(g: Any, session: Session) -> None:
    hero = their_hero(g)
    session.add(hero)
    hero.age = 99
    await session.flush()


async def deleting(g: Any, session: Session) -> None:
    await session.delete(their_hero(g))
    await session.flush()


async def merging_blindly(g: Any, session: Session) -> None:
    hero = await session.merge(their_hero(g), load=False)
    hero.age = 99
    await session.flush()


async def moving(g: Any, session: Session) -> None:
    hero = await session.get_one(g.Hero, 10)
    hero.guild_id = 2
    await session.flush()


async def pointing(g: Any, session: Session) -> None:
    hero = await session.get_one(g.Hero, 10)
    hero.team_id = 20
    await session.flush()


async def relating(g: Any, session: Session) -> None:
    hero = await session.get_one(g.Hero, 10, options=[])
    hero.team = detached(g.Team, {"id": 20}, guild_id=g.theirs, name="their team")
    await session.flush()


async def appending(g: Any, session: Session) -> None:
    hero = await g.HeroService(session).get(10, load=["powers"])
    hero.powers.append(detached(g.Power, {"id": 20}, guild_id=g.theirs, name="their power"))
    await session.flush()


async def adopting(g: Any, session: Session) -> None:
    team = await g.TeamService(session).get(10, load=["heroes"])
    team.heroes.append(their_hero(g))
    await session.flush()


async def reparenting(g: Any, session: Session) -> None:
    mission = await session.get_one(g.Mission, 10)
    mission.hero_id = 20
    await session.flush()


async def saving_in_bulk(g: Any, session: Session) -> None:
    await session.run_sync(
        lambda sync: sync.bulk_update_mappings(g.Hero, [{"id": 20, "age": 99}])  # type: ignore[arg-type]
    )


async def inserting_in_bulk(g: Any, session: Session) -> None:
    await session.run_sync(
        lambda sync: sync.bulk_insert_mappings(g.Hero, [{"guild_id": g.theirs, "name": "x"}])  # type: ignore[arg-type]
    )


def refused(g: Any) -> Refused:
    """What is refused, before or by the database, each for the reason beside it."""
    hero, other = g.Hero, g.theirs
    return {
        "service update": (NotFound, lambda s: g.HeroService(s).update(20, {"age": 99})),
        "service update of a deleted row": (
            NotFound,
            lambda s: g.HeroService(s).update(12, {"age": 99}),
        ),
        "service delete": (NotFound, lambda s: g.HeroService(s).delete(20)),
        "service delete of a deleted row": (NotFound, lambda s: g.HeroService(s).delete(12)),
        "service delete in the unit": (NotFound, lambda s: g.PowerService(s).delete(20)),
        "service delete by policy": (NotFound, lambda s: g.MissionService(s).delete(20)),
        "service moves": (
            OutOfScope,
            lambda s: g.HeroService(s).update(10, {"guild_id": g.theirs}),
        ),
        "service points": (OutOfScope, lambda s: g.HeroService(s).update(10, {"team_id": 20})),
        "service points to none": (
            OutOfScope,
            lambda s: g.HeroService(s).update(10, {"team_id": 99}),
        ),
        "service creates pointing": (
            OutOfScope,
            lambda s: g.HeroService(s).create({"name": "x", "team_id": 20}),
        ),
        "service creates by a mentor": (
            OutOfScope,
            lambda s: g.HeroService(s).create({"name": "x", "mentor_id": 20}),
        ),
        "service creates by a deleted mentor": (
            OutOfScope,
            lambda s: g.HeroService(s).create({"name": "x", "mentor_id": 12}),
        ),
        "service creates below": (
            OutOfScope,
            lambda s: g.MissionService(s).create({"title": "x", "hero_id": 20}),
        ),
        "service moves below": (
            OutOfScope,
            lambda s: g.MissionService(s).update(10, {"title": "x", "hero_id": 20}),
        ),
        "update all moves": (
            OutOfScope,
            lambda s: g.HeroService(s).where(id=10).update_all({"guild_id": g.theirs}),
        ),
        "update all points": (
            OutOfScope,
            lambda s: g.HeroService(s).where(id=10).update_all({"team_id": 20}),
        ),
        "many with one stray": (
            OutOfScope,
            lambda s: g.HeroService(s).create_many([{"name": "x"}, {"name": "y", "team_id": 20}]),
        ),
        "many unseen with one stray": (
            OutOfScope,
            lambda s: g.HeroService(s).create_many(
                [{"name": "x"}, {"name": "y", "team_id": 20}], returning=False
            ),
        ),
        "many with one below": (
            OutOfScope,
            lambda s: g.MissionService(s).create_many(
                [{"title": "x", "hero_id": 10}, {"title": "y", "hero_id": 20}]
            ),
        ),
        "many unseen with one below": (
            OutOfScope,
            lambda s: g.MissionService(s).create_many(
                [{"title": "x", "hero_id": 10}, {"title": "y", "hero_id": 20}], returning=False
            ),
        ),
        "many by a deleted mentor": (
            OutOfScope,
            lambda s: g.HeroService(s).create_many([{"name": "x"}, {"name": "y", "mentor_id": 12}]),
        ),
        "add": (OutOfScope, adding(lambda: g.Hero(guild_id=g.theirs, name="x"))),
        "add pointing": (OutOfScope, adding(lambda: g.Hero(name="x", team_id=20))),
        "add a link": (OutOfScope, adding(lambda: g.HeroPower(hero_id=10, power_id=20))),
        "add a link of theirs": (OutOfScope, adding(lambda: g.HeroPower(hero_id=21, power_id=10))),
        "add a mission": (OutOfScope, adding(lambda: g.Mission(title="x", hero_id=20))),
        "add with a tree": (
            OutOfScope,
            adding(lambda: g.Team(name="x", heroes=[g.Hero(name="y", guild_id=g.theirs)])),
        ),
        "add with their object": (
            OutOfScope,
            adding(
                lambda: g.Hero(
                    name="x",
                    team=detached(g.Team, {"id": 20}, guild_id=g.theirs, name="their team"),
                )
            ),
        ),
        "change what was detached": (OutOfScope, partial(changing, g)),
        "delete what was detached": (OutOfScope, partial(deleting, g)),
        "merge without a look": (OutOfScope, partial(merging_blindly, g)),
        "move": (OutOfScope, partial(moving, g)),
        "point": (OutOfScope, partial(pointing, g)),
        "relate": (OutOfScope, partial(relating, g)),
        "append": (OutOfScope, partial(appending, g)),
        "adopt": (OutOfScope, partial(adopting, g)),
        "reparent": (OutOfScope, partial(reparenting, g)),
        "bulk save": (UsageError, partial(saving_in_bulk, g)),
        "bulk insert mappings": (UsageError, partial(inserting_in_bulk, g)),
        "bulk insert": (
            OutOfScope,
            lambda s: bulk_insert(s, g.Hero, [{"name": "x", "guild_id": g.theirs, "age": 1}]),
        ),
        "bulk insert pointing": (
            OutOfScope,
            lambda s: bulk_insert(
                s, g.Hero, [{"name": "x", "team_id": team, "age": 1} for team in (10, 20)]
            ),
        ),
        "update moves": (
            OutOfScope,
            run(update(g.Hero).where(g.Hero.id == 10).values(guild_id=g.theirs)),
        ),
        "update moves by column": (
            OutOfScope,
            run(update(g.Hero).values({g.Hero.guild_id: g.theirs})),
        ),
        "update moves core": (OutOfScope, run(update(g.heroes).values(guild_id=g.theirs))),
        "update moves by parameter": (OutOfScope, run(update(g.heroes), {"guild_id": g.theirs})),
        "update moves by bind": (
            OutOfScope,
            run(update(g.Hero).values(guild_id=bindparam("g")), {"g": g.theirs}),
        ),
        "update moves ordered": (
            OutOfScope,
            run(update(g.Hero).ordered_values((g.Hero.guild_id, g.theirs), (g.Hero.age, 1))),
        ),
        "update moves by expression": (UsageError, run(update(g.Hero).values(guild_id=g.Hero.age))),
        "update of an alias moves": (OutOfScope, run(update(g.Other).values(guild_id=g.theirs))),
        "update of an alias points": (
            OutOfScope,
            run(update(g.heroes.alias()).values(team_id=20)),
        ),
        "update in a lambda": (
            UsageError,
            run(lambda_stmt(lambda: update(hero).values(guild_id=other))),
        ),
        "update by a function": (
            UsageError,
            run(update(g.Hero).values(guild_id=bindparam("f", callable_=lambda: g.theirs))),
        ),
        "update points": (OutOfScope, run(update(g.Hero).values(team_id=20))),
        "update points core": (OutOfScope, run(update(g.heroes).values({g.heroes.c.team_id: 20}))),
        "update points by expression": (
            UsageError,
            run(update(g.Hero).values(team_id=g.Hero.mentor_id)),
        ),
        "update points by subquery": (
            UsageError,
            run(update(g.Hero).values(team_id=select(func.max(g.Team.id)).scalar_subquery())),
        ),
        "update by keys": (
            UsageError,
            run(update(g.Hero), {"id": 20, "age": 99}, {"id": 21, "age": 99}),
        ),
        "insert": (OutOfScope, run(insert(g.Hero).values(name="x", age=1, guild_id=g.theirs))),
        "insert core": (
            OutOfScope,
            run(insert(g.heroes).values(name="x", age=1, guild_id=g.theirs)),
        ),
        "insert rows": (
            OutOfScope,
            run(
                insert(g.Hero),
                {"name": "x", "guild_id": g.ours},
                {"name": "y", "guild_id": g.theirs},
            ),
        ),
        "insert rows core": (
            OutOfScope,
            run(insert(g.heroes), {"name": "x", "age": 1, "guild_id": g.theirs}),
        ),
        "insert some rows": (
            OutOfScope,
            run(insert(g.heroes), {"name": "x", "guild_id": g.ours}, {"name": "y"}),
        ),
        "insert null": (OutOfScope, run(insert(g.Hero).values(name="x", age=1, guild_id=None))),
        "insert many values": (
            OutOfScope,
            run(
                insert(g.Hero).values(
                    [{"name": "x", "age": 1, "guild_id": guild} for guild in (g.ours, g.theirs)]
                )
            ),
        ),
        "insert tuples": (
            OutOfScope,
            run(insert(g.teams).values([(90, 1, "x", None), (91, 2, "y", None)])),
        ),
        "insert pointing": (OutOfScope, run(insert(g.Hero).values(name="x", age=1, team_id=20))),
        "insert by expression": (
            UsageError,
            run(insert(g.Hero).values(name="x", age=1, guild_id=literal(g.ours) + g.ours)),
        ),
        "insert pointing by expression": (
            UsageError,
            run(insert(g.Hero).values(name="x", age=1, team_id=literal(10) + 10)),
        ),
        "insert from select": (
            UsageError,
            run(
                insert(g.Hero).from_select(
                    ["name", "age", "guild_id"], select(g.Country.name, 1, literal(g.theirs))
                )
            ),
        ),
        "insert a link": (OutOfScope, run(insert(g.HeroPower).values(hero_id=10, power_id=20))),
        "insert a link core": (OutOfScope, run(insert(g.links), {"hero_id": 11, "power_id": 20})),
        "insert by from_statement": (
            OutOfScope,
            run(
                select(g.Hero).from_statement(
                    insert(g.Hero).values(name="x", age=1, guild_id=g.theirs).returning(g.Hero)
                )
            ),
        ),
    }


def harmless(g: Any) -> dict[str, Attempt]:
    """What runs, and leaves them alone."""
    mission = g.Mission
    return {
        "update": run(update(g.Hero).values(age=99)),
        "update by key": run(update(g.Hero).where(g.Hero.id == 20).values(age=99)),
        "update named": run(update(g.Hero).where(g.Hero.guild_id == g.theirs).values(age=99)),
        "update of an alias": run(update(g.Other).values(age=99)),
        "update of a named alias": run(update(g.heroes.alias("x")).values(age=99)),
        "delete in a lambda": run(lambda_stmt(lambda: delete(mission))),
        "update raw": run(update(g.Hero).where(text("1 = 0 OR 1 = 1")).values(age=99)),
        "update core": run(update(g.heroes).values(age=99)),
        "update fetch": run(update(g.Hero).values(age=99), synchronize_session="fetch"),
        "update evaluate": run(
            update(g.Hero).where(g.Hero.age >= 0).values(age=99), synchronize_session="evaluate"
        ),
        "update blind": run(update(g.Hero).values(age=99), synchronize_session=False),
        "update by parameter": run(update(g.heroes), {"age": 99}),
        "update by many": run(
            update(g.heroes)
            .where(g.heroes.c.id == bindparam("key"))
            .values(age=bindparam("years")),
            {"key": 10, "years": 98},
            {"key": 20, "years": 99},
        ),
        "update expression": run(update(g.Hero).values(age=g.Hero.age + 1)),
        "update where in": run(
            update(g.Hero).where(g.Hero.team_id.in_(select(g.Team.id))).values(age=99)
        ),
        "update exists": run(
            update(g.Team)
            .where(exists().where(g.Hero.team_id == g.Team.id))
            .values(country_id=None)
        ),
        "update unscoped by them": run(
            update(g.Country).where(exists().where(g.Team.id == 20)).values(name="x")
        ),
        "update missions": run(update(g.Mission).values(title="x")),
        "update links": run(
            update(g.HeroPower).where(g.HeroPower.hero_id == 20).values(power_id=10)
        ),
        "delete missions": run(delete(g.Mission)),
        "delete missions core": run(delete(g.missions)),
        "delete missions by key": run(delete(g.Mission).where(g.Mission.id == 20)),
        "delete links": run(delete(g.HeroPower)),
        "delete links core": run(delete(g.links)),
        "delete raw": run(delete(g.HeroPower).where(text("1 = 0 OR 1 = 1"))),
        "delete fetch": run(delete(g.Mission), synchronize_session="fetch"),
        "delete in": run(delete(g.Mission).where(g.Mission.hero_id.in_(select(g.Hero.id)))),
        "update all": lambda s: g.HeroService(s).where().update_all({"age": 99}, everything=True),
        "update all of theirs": lambda s: (
            g.HeroService(s).where(guild_id=g.theirs).update_all({"age": 99})
        ),
        "update all by relation": lambda s: (
            g.HeroService(s).where(team__name__contains="their").update_all({"age": 99})
        ),
        "delete all": lambda s: g.MissionService(s).where().delete_all(everything=True),
        "delete all by key": lambda s: g.MissionService(s).where(id__in=[12, 20]).delete_all(),
        "service create": lambda s: g.HeroService(s).create({"name": "x", "team_id": 10}),
        "service clears": lambda s: g.HeroService(s).update(10, {"team_id": None}),
        "service update of an unscoped": lambda s: g.CountryService(s).update(1, {"name": "x"}),
        "bulk": lambda s: bulk_insert(s, g.Hero, [{"name": "x", "team_id": 10, "age": 1}]),
        "insert from select of theirs": run(
            insert(g.Country).from_select(
                ["name"], select(g.Hero.name).where(g.Hero.guild_id == g.theirs)
            )
        ),
        "add": adding(lambda: g.Hero(name="x", team_id=10), lambda: g.Team(name="y")),
        "add a tree": adding(
            lambda: g.Team(id=77, name="x", heroes=[g.Hero(name="y", powers=[g.Power(name="z")])])
        ),
        "add by keys made here": adding(
            lambda: g.Team(id=77, name="x"),
            lambda: g.Hero(id=78, name="y", team_id=77, mentor_id=78),
        ),
        "insert by keys made here": run(
            insert(g.Hero), {"id": 78, "name": "x"}, {"id": 79, "name": "y", "mentor_id": 78}
        ),
    }


def upserts(g: Any, kind: str) -> tuple[dict[str, Attempt], Refused]:
    """What each database spells in its own way."""
    several = {
        "update from": run(
            update(g.Hero)
            .where(g.Hero.team_id == g.Team.id, g.Team.guild_id == g.theirs)
            .values(age=99)
        ),
        "update from raw": run(
            update(g.Hero).where(g.Hero.team_id == g.Team.id, text("1 = 0 OR 1 = 1")).values(age=99)
        ),
    }
    using = run(
        delete(g.HeroPower).where(g.HeroPower.hero_id == g.Hero.id, g.Hero.guild_id == g.theirs),
        synchronize_session=False,
    )
    if kind == "mysql":
        duplicate: Insert = mysql.insert(g.Team).values(name="their team")
        duplicate = duplicate.on_duplicate_key_update(country_id=None)  # type: ignore[attr-defined]
        harmless = several | {"delete using": using}
        return harmless, {"upsert": (UsageError, run(duplicate))}
    inserting: Any = sqlite.insert if kind == "sqlite" else postgresql.insert

    def upsert(values: dict[str, Any], **change: Any) -> Any:
        statement = inserting(g.Team).values(name="their team", **values)
        return statement.on_conflict_do_update(index_elements=["name"], **change)

    harmless = several | {
        "upsert": run(upsert({}, set_={"country_id": None})),
        "upsert where": run(upsert({}, set_={"country_id": None}, where=text("1 = 0 OR 1 = 1"))),
        "upsert nothing": run(inserting(g.Team).values(name="their team").on_conflict_do_nothing()),
        "upsert links": run(
            inserting(g.HeroPower)
            .values(hero_id=10, power_id=10)
            .on_conflict_do_update(index_elements=["hero_id", "power_id"], set_={"hero_id": 10})
        ),
        "update from alias": run(
            update(g.Hero).where(g.Hero.mentor_id == g.Other.id).values(age=g.Other.age)
        ),
        "update returning": run(update(g.Hero).values(age=99).returning(g.Hero.name)),
    }
    excluded = inserting(g.Team).values(name="x")
    excluded = excluded.on_conflict_do_update(
        index_elements=["name"], set_={"guild_id": excluded.excluded.country_id}
    )
    refused: Refused = {
        "upsert moves": (OutOfScope, run(upsert({}, set_={"guild_id": g.theirs}))),
        "upsert inserts": (OutOfScope, run(upsert({"guild_id": g.theirs}, set_={"country_id": 1}))),
        "upsert moves by another column": (UsageError, run(excluded)),
    }
    if kind == "sqlite":
        refused["replace"] = (
            UsageError,
            run(insert(g.Team).prefix_with("OR REPLACE").values(name="their team")),
        )
    else:
        harmless["delete using"] = using
        for name, inner in {
            "insert in a cte": insert(g.Hero)
            .values(name="x", age=1, guild_id=g.theirs)
            .returning(g.Hero.id),
            "update in a cte": update(g.Hero).values(team_id=20).returning(g.Hero.id),
        }.items():
            refused[name] = (UsageError, run(select(inner.cte("written").c.id)))
        gone = delete(g.Mission).returning(g.Mission.id).cte("gone")
        harmless["delete in a cte"] = run(select(gone.c.id))
    return harmless, refused


def not_of(table: Any, g: Any) -> Any:
    """Letter by letter, on MariaDB too."""
    return OPERATORS["ne"].build(table.c.guild_id, g.ours)


async def theirs(g: Any, session: Session) -> list[str]:
    """Every row that is not ours, and every one that is deleted."""
    not_ours = [12, *range(20, 24)]
    return await shown(
        session,
        select(g.heroes).where(not_of(g.heroes, g) | g.heroes.c.deleted_at.is_not(None)),
        select(g.teams).where(not_of(g.teams, g)),
        select(g.powers).where(not_of(g.powers, g)),
        select(g.links).where(g.links.c.hero_id.in_(not_ours)),
        select(g.missions).where(g.missions.c.hero_id.in_(not_ours)),
    )


async def ties(g: Any, session: Session) -> list[str]:
    """What leads from ours to theirs, of which there may be less afterwards."""
    return await shown(
        session,
        select(literal("team"), g.heroes.c.id).where(g.heroes.c.team_id == 20),
        select(literal("mentor"), g.heroes.c.id).where(g.heroes.c.mentor_id == 20),
        select(literal("link"), g.links).where(g.links.c.power_id == 20),
        select(literal("copied"), g.Country.name).where(g.Country.name.contains("their")),  # type: ignore[attr-defined]
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


async def test_what_reaches_outside_is_refused_and_changes_nothing(
    filled_db: tuple[Database, Any],
) -> None:
    db, g = filled_db
    wrong = {}
    async with db.session(scope={"guild": g.ours, "reader": "ann"}) as session:
        before = await theirs(g, session), await ties(g, session)
        for name, (kind, attempt) in (refused(g) | upserts(g, db.family)[1]).items():
            said = await refusing(session, kind, attempt)
            session.expunge_all()
            if said is not None:
                wrong[name] = said
        assert wrong == {}
        assert (await theirs(g, session), await ties(g, session)) == before
        await session.rollback()


async def test_what_is_not_refused_leaves_the_others_alone(
    filled_db: tuple[Database, Any],
) -> None:
    db, g = filled_db
    changed = []
    async with db.session(scope={"guild": g.ours, "reader": "ann"}) as session:
        rows, tied = await theirs(g, session), await ties(g, session)
        for name, attempt in (harmless(g) | upserts(g, db.family)[0]).items():
            savepoint = await session.begin_nested()
            await attempt(session)
            await session.flush()
            same = await theirs(g, session) == rows and set(await ties(g, session)) <= set(tied)
            await savepoint.rollback()
            session.expunge_all()
            if not same:
                changed.append(name)
        assert changed == []
        await session.rollback()
