"""Every way to read: none of them shows a row of another guild, nor one that is deleted.

Each probe is a way to ask. What it answers with is written out in full, relations too, and looked
through for names that only other guilds' and deleted rows have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from sqlalchemy import (
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    inspect,
    lambda_stmt,
    lateral,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    union,
    union_all,
    update,
)
from sqlalchemy.orm import (
    Bundle,
    Query,
    aliased,
    contains_eager,
    defer,
    immediateload,
    joinedload,
    load_only,
    selectinload,
    subqueryload,
    undefer,
    with_polymorphic,
)
from tests.scope.guilds import (
    CountryRead,
    HeroRead,
    MissionRead,
    PowerRead,
    TeamRead,
)

from colonnade import Count, Database, Max, Rows, Session
from colonnade.errors import NotFound, UniqueViolation

Probe = Callable[[Session], Awaitable[Any]]

HIDDEN = ("their", "gone")


def written(answer: Any, seen: set[int] | None = None) -> str:
    """An answer with everything that was loaded with it, as text."""
    seen = set() if seen is None else seen
    if isinstance(answer, bytes):
        return answer.decode()
    if isinstance(answer, BaseModel) and not hasattr(type(answer), "__table__"):
        return answer.model_dump_json()
    if hasattr(type(answer), "__table__"):
        if id(answer) in seen:
            return ""
        seen.add(id(answer))
        loaded = inspect(answer).dict
        return written([loaded[name] for name in loaded if not name.startswith("_")], seen)
    if isinstance(answer, dict):
        return written(list(answer.values()), seen)
    if isinstance(answer, str | int | float | None):
        return repr(answer)
    if isinstance(answer, Iterable):
        return " ".join(written(item, seen) for item in answer)
    return repr(answer)


def rows(statement: Any) -> Probe:
    async def probe(session: Session) -> Any:
        result = await session.execute(statement)
        return result.unique().all()

    return probe


def statements(g: Any) -> dict[str, Any]:
    """Selects of users' own, in every shape in which a table may occur."""
    inner = select(g.Hero.name, g.Hero.team_id).subquery("inner_heroes")
    listed = select(g.Hero).cte("listed")
    core = select(g.heroes.c.name, g.heroes.c.id, g.heroes.c.mentor_id)
    chain = (
        select(g.heroes.c.id, g.heroes.c.name)
        .where(g.heroes.c.mentor_id.is_(None))
        .cte("chain", recursive=True)
    )
    pupils = g.heroes.alias("pupils")
    chain = chain.union_all(
        select(pupils.c.id, pupils.c.name).join(chain, pupils.c.mentor_id == chain.c.id)
    )
    beside = select(g.Hero.name.label("mate")).where(g.Hero.team_id == g.Team.id).lateral("beside")
    mentors = g.heroes.alias("mentors")
    hero = g.Hero
    return {
        "entity": select(g.Hero),
        "lambda": lambda_stmt(lambda: select(hero)),
        "function": func.max(g.Hero.name),
        "exists in a case": select(
            case((exists().where(g.Hero.id == 20), "their row"), else_="no row")
        ),
        "window over a join": select(
            g.Hero.name, func.max(g.Team.name).over(partition_by=g.Hero.age)
        ).join(g.Team),
        "columns": select(g.Hero.name, g.Hero.age),
        "labels": select(g.Hero.name.label("x")),
        "bundle": select(Bundle("hero", g.Hero.name, g.Hero.age)),
        "alias": select(g.Other),
        "alias columns": select(g.Other.name),
        "two aliases": select(g.Hero.name, g.Other.name).join(g.Other, true()),
        "cartesian": select(g.Hero.name, g.Team.name).where(g.Hero.team_id == g.Team.id),
        "core": core,
        "core star": select(g.heroes),
        "core alias": select(mentors.c.name),
        "alias of an alias": select(mentors.alias("again").c.name),
        "join": select(g.Hero.name, g.Team.name).join(g.Team),
        "join relation": select(g.Hero, g.Team).join(g.Hero.team),
        "join of type": select(g.Hero, g.Mate).join(g.Hero.team.of_type(g.Mate)),
        "join core": select(g.heroes.c.name, g.teams.c.name).join_from(
            g.heroes, g.teams, g.heroes.c.team_id == g.teams.c.id
        ),
        "outer join": select(g.Hero.name, g.Team.name).outerjoin(g.Team),
        "outer from unscoped": select(g.Country.name, g.Team.name).outerjoin(g.Country.teams),
        "outer chain": select(g.Country.name, g.Team.name, g.Hero.name)
        .outerjoin(g.Country.teams)
        .outerjoin(g.Team.heroes),
        "inner in outer": select(g.Country.name, g.teams.c.name, g.heroes.c.name).outerjoin(
            g.teams.join(g.heroes, g.heroes.c.team_id == g.teams.c.id),
            g.teams.c.country_id == g.Country.id,
        ),
        "outer in outer": select(g.Country.name, g.teams.c.name, g.heroes.c.name).outerjoin(
            g.teams.outerjoin(g.heroes, g.heroes.c.team_id == g.teams.c.id),
            g.teams.c.country_id == g.Country.id,
        ),
        "outer core": select(g.teams.c.name, g.heroes.c.name).select_from(
            g.teams.outerjoin(g.heroes, g.heroes.c.team_id == g.teams.c.id)
        ),
        "outer from alias": select(mentors.c.name, g.heroes.c.name).select_from(
            mentors.outerjoin(g.heroes, g.heroes.c.mentor_id == mentors.c.id)
        ),
        "outer or": select(g.Country.name, g.Team.name).outerjoin(
            g.Team, or_(g.Team.country_id == g.Country.id, true())
        ),
        "many to many": select(g.Hero.name, g.Power.name).join(g.Hero.powers),
        "outer many to many": select(g.Power.name, g.Hero.name).outerjoin(g.Power.heroes),
        "link": select(g.HeroPower.hero_id),
        "link core": select(g.links.c.hero_id),
        "self": select(g.Hero.name, g.Other.name).join(g.Hero.mentor.of_type(g.Other)),
        "self outer": select(g.Hero.name, g.Other.name).outerjoin(g.Hero.pupils.of_type(g.Other)),
        "through policy": select(g.Mission.title),
        "subquery": select(inner.c.name),
        "subquery join": select(g.Team.name, inner.c.name).join(
            inner, inner.c.team_id == g.Team.id
        ),
        "subquery outer": select(g.Country.name, inner.c.name).outerjoin(inner, true()),
        "entity of subquery": select(aliased(g.Hero, select(g.Hero).subquery())),
        "cte": select(listed.c.name),
        "entity of cte": select(aliased(g.Hero, listed)),
        "recursive": select(chain.c.name),
        "union": union(select(g.Hero.name), select(g.Team.name)),
        "union all core": union_all(core, core),
        "union as subquery": select(union(select(g.Hero.name), select(g.Power.name)).subquery()),
        "entities of union": select(g.Hero).from_statement(
            union(select(g.Hero), select(g.Hero).where(g.Hero.age > 1))
        ),
        "from statement": select(g.Hero).from_statement(select(g.Hero)),
        "scalar subquery": select(g.Country.name, select(func.max(g.Hero.name)).scalar_subquery()),
        "correlated": select(
            g.Team.name,
            select(func.max(g.Hero.name)).where(g.Hero.team_id == g.Team.id).scalar_subquery(),
        ),
        "correlated to unscoped": select(
            g.Country.name,
            select(func.max(g.Team.name))
            .where(g.Team.country_id == g.Country.id)
            .scalar_subquery(),
        ),
        "in": select(g.Team.name).where(g.Team.id.in_(select(g.Hero.team_id))),
        "order by subquery": select(g.Team.name).order_by(
            select(func.count(g.Hero.id)).where(g.Hero.team_id == g.Team.id).scalar_subquery()
        ),
        "group": select(g.Hero.name, func.count()).group_by(g.Hero.name),
        "having": select(g.Hero.name, func.max(g.Hero.age))
        .group_by(g.Hero.name)
        .having(func.max(g.Hero.age) >= 0),
        "distinct": select(g.Hero.name).distinct(),
        "window": select(g.Hero.name, func.row_number().over(order_by=g.Hero.id)),
        "case": select(case((g.Hero.age > 1, g.Hero.name), else_=g.Hero.name)),
        "or": select(g.Hero.name).where(or_(g.Hero.age > 1, true())),
        "raw or": select(g.Hero.name).where(text("1 = 0 OR 1 = 1")),
        "raw or beside": select(g.Hero.name).where(g.Hero.age >= 0, text("1 = 0 OR 1 = 1")),
        "literal or": select(g.Hero.name).where(literal_column("1 = 0 OR 1 = 1")),
        "raw or in a join": select(g.Country.name, g.Team.name).outerjoin(
            g.Team, text("1 = 0 OR 1 = 1")
        ),
        "named guild": select(g.Hero.name).where(g.Hero.guild_id == g.theirs),
        "not ours": select(g.Hero.name).where(g.Hero.guild_id != g.ours),
        "deleted": select(g.Hero.name).where(g.Hero.deleted_at.is_not(None)),
        "any": select(g.Team.name).where(g.Team.heroes.any(g.Hero.age >= 0)),
        "has": select(g.Hero.name).where(g.Hero.team.has(g.Team.name.like("their%"))),
        "policy": select(g.Note.text),
        "policy or": select(g.Note.text).where(or_(g.Note.id == 1, true())),
        "lock": select(g.Hero).with_for_update(),
        "limit": select(g.Hero).limit(100).offset(0),
        "limited eager": select(g.Team).options(joinedload(g.Team.heroes)).limit(100),
        "joined": select(g.Hero).options(joinedload(g.Hero.team), joinedload(g.Hero.mentor)),
        "joined inner": select(g.Team).options(joinedload(g.Team.heroes, innerjoin=True)),
        "joined many": select(g.Team).options(joinedload(g.Team.heroes).joinedload(g.Hero.powers)),
        "joined unscoped": select(g.Country).options(
            joinedload(g.Country.teams).joinedload(g.Team.heroes).joinedload(g.Hero.missions)
        ),
        "selectin": select(g.Hero).options(
            selectinload(g.Hero.team),
            selectinload(g.Hero.mentor),
            selectinload(g.Hero.pupils),
            selectinload(g.Hero.powers),
            selectinload(g.Hero.missions),
        ),
        "selectin unscoped": select(g.Country).options(
            selectinload(g.Country.teams).selectinload(g.Team.heroes)
        ),
        "subqueryload": select(g.Team).options(
            subqueryload(g.Team.heroes).subqueryload(g.Hero.powers)
        ),
        "subqueryload unscoped": select(g.Country).options(subqueryload(g.Country.teams)),
        "immediate": select(g.Hero).options(
            immediateload(g.Hero.team), immediateload(g.Hero.mentor)
        ),
        "contains eager": select(g.Country)
        .outerjoin(g.Country.teams)
        .options(contains_eager(g.Country.teams)),
        "contains eager alias": select(g.Country)
        .outerjoin(g.Country.teams.of_type(g.Mate))
        .options(contains_eager(g.Country.teams.of_type(g.Mate))),
        "filtered eager": select(g.Country).options(
            selectinload(g.Country.teams.and_(g.Team.name.like("%team")))
        ),
        "load only": select(g.Hero).options(load_only(g.Hero.name)),
        "defer": select(g.Hero).options(defer(g.Hero.age), undefer(g.Hero.name)),
        "polymorphic": select(with_polymorphic(g.Hero, [])),
        "populate": select(g.Hero).execution_options(populate_existing=True),
        "bound": select(g.Hero.name).where(g.Hero.age >= bindparam("age", 0)),
        "in list": select(g.Hero).where(g.Hero.id.in_([10, 12, 20, 22])),
        "by key": select(g.Hero).where(g.Hero.id == 20),
        "literal beside": select(literal("x"), g.Hero.name),
        "nested twice": select(select(select(g.Hero.name).subquery()).subquery()),
        "exists column": select(
            g.Country.name, exists().where(g.Team.country_id == g.Country.id, g.Team.id == 20)
        ),
        "lateral": select(g.Team.name, beside.c.mate).join(beside, true()),
        "lateral alone": select(lateral(select(g.Hero.name)).c.name),
        "full": select(g.Team.name, g.Hero.name).outerjoin(
            g.Hero, g.Hero.team_id == g.Team.id, full=True
        ),
        "full alias": select(g.Mate.name, g.Other.name).outerjoin(
            g.Other, g.Other.team_id == g.Mate.id, full=True
        ),
        "tablesample": select(func.count()).select_from(g.heroes.tablesample(func.bernoulli(100))),
        "sampled": select(g.heroes.tablesample(func.bernoulli(100)).c.name),
    }


#: What a database cannot do at all.
MISSING: dict[str, set[str]] = {
    "sqlite": {"lateral", "lateral alone", "tablesample", "sampled"},
    "mariadb": {"lateral", "lateral alone", "full", "full alias", "tablesample", "sampled"},
    "postgresql": set(),
}


class TeamStats(BaseModel):
    """Figures of the children, as fields of the parent."""

    name: str
    count: Annotated[int, Count("heroes")]
    last: Annotated[str | None, Max("heroes.name")]


class ByTeam(BaseModel):
    """Groups by what a relation has."""

    team_id: int | None
    count: Annotated[int, Count()]
    last: Annotated[str | None, Max("name")]
    mentors: Annotated[str | None, Max("mentor.name")]


class ByCountry(BaseModel):
    name: str
    teams: Annotated[int, Count("teams")]
    last: Annotated[str | None, Max("teams.name")]


class TeamCount(BaseModel):
    id: int
    name: str
    heroes: int


async def streamed_all(query: Any) -> list[Any]:
    return [item async for item in query.stream()]


async def scrolled_back(query: Any) -> list[Any]:
    first = await query.scroll(size=1)
    if first.next is None:
        return [first]
    second = await query.scroll(size=1, after=first.next)
    return [first, second, await query.scroll(size=1, after=second.previous)]


async def each(projection: Any) -> list[Any]:
    """By key, theirs too, of which there is none."""
    found = []
    for key in (1, 10, 11, 12, 20, 22):
        try:
            found += [await projection.get(key), await projection.json.get(key)]
        except NotFound:
            found.append(None)
    return found


def services(g: Any) -> dict[str, Probe]:
    """The library's own ways: entities, rows and documents."""
    found: dict[str, Probe] = {}
    schemas: list[tuple[type[Any], type[Any]]] = [
        (g.HeroService, HeroRead),
        (g.TeamService, TeamRead),
        (g.PowerService, PowerRead),
        (g.MissionService, MissionRead),
        (g.CountryService, CountryRead),
    ]
    for kind, schema in schemas:
        name = kind.__name__
        verbs: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "all": lambda q: q.all(),
            "first": lambda q: q.first(),
            "page": lambda q: q.page(1, size=100),
            "page without count": lambda q: q.page(1, size=100, count="none"),
            "estimated page": lambda q: q.page(1, size=100, count="estimated"),
            "scroll": lambda q: q.scroll(size=100),
            "scroll back": lambda q: scrolled_back(q),
            "stream": lambda q: streamed_all(q),
        }
        for verb, ask in verbs.items():
            found[f"{name}.{verb}"] = lambda s, kind=kind, ask=ask: ask(kind(s).where())
            found[f"{name}.into.{verb}"] = lambda s, kind=kind, ask=ask, schema=schema: ask(
                kind(s).into(schema)
            )
        found[f"{name}.json.all"] = lambda s, kind=kind, schema=schema: (
            kind(s).into(schema).json.all()
        )
        found[f"{name}.json.page"] = lambda s, kind=kind, schema=schema: (
            kind(s).into(schema).json.page(1, size=100)
        )
        found[f"{name}.json.scroll"] = lambda s, kind=kind, schema=schema: (
            kind(s).into(schema).json.scroll(size=100)
        )
        found[f"{name}.json.stream"] = lambda s, kind=kind, schema=schema: streamed_all(
            kind(s).into(schema).json
        )
        found[f"{name}.get"] = lambda s, kind=kind, schema=schema: each(kind(s).into(schema))
    for stats in (TeamStats, ByTeam, ByCountry):
        for verb in ("all", "count", "first"):
            found[f"{stats.__name__}.{verb}"] = lambda s, stats=stats, verb=verb: getattr(
                (g.CountryService if stats is ByCountry else g.HeroService)(s).into(stats)
                if stats is not TeamStats
                else g.TeamService(s).into(stats),
                verb,
            )()
    found["few children"] = lambda s: (
        g.TeamService(s).into(TeamRead, heroes=Rows("-name", limit=2)).all()
    )
    found["read"] = lambda s: s.read(select(g.Hero), into=HeroRead)
    found["read columns"] = lambda s: s.read(
        select(g.Team.id, g.Team.name, func.count(g.Hero.id).label("heroes"))
        .outerjoin(g.Team.heroes)
        .group_by(g.Team.id, g.Team.name),
        into=TeamCount,
    )
    loads = ("team.country", "mentor.team", "pupils.powers", "powers.heroes", "missions.hero")
    filters: list[dict[str, Any]] = [
        {"team__name__contains": "e"},
        {"team__country__name": "Norway"},
        {"mentor__name__contains": "e"},
        {"pupils__name__contains": "e"},
        {"powers__name__contains": "e"},
        {"powers__heroes__name__contains": "e"},
        {"missions__title__contains": "e"},
        {"guild_id": g.theirs},
        {"guild_id__in": [g.ours, g.theirs]},
        {"deleted_at__isnull": False},
        {"id__in": [10, 12, 20, 22]},
    ]
    found["load"] = lambda s: g.HeroService(s).where().load(*loads).all()
    found["load countries"] = lambda s: g.CountryService(s).where().load("teams.heroes").all()
    found["get many"] = lambda s: g.HeroService(s).get_many([10, 11], load=loads)
    found["get loaded"] = lambda s: g.HeroService(s).get(10, load=loads)
    found["notes"] = lambda s: g.NoteService(s).where().all()
    found["ordered by a relation"] = lambda s: (
        g.HeroService(s).where().order_by("-team.name", "mentor.name").all()
    )
    for lookup in filters:
        found[f"where {lookup}"] = lambda s, lookup=lookup: g.HeroService(s).where(lookup).all()
        found[f"rows where {lookup}"] = lambda s, lookup=lookup: (
            g.HeroService(s).where(lookup).into(HeroRead).all()
        )
        found[f"json where {lookup}"] = lambda s, lookup=lookup: (
            g.HeroService(s).where(lookup).into(HeroRead).json.all()
        )
    found["expression"] = lambda s: g.HeroService(s).where(or_(g.Hero.age > 1, true())).all()
    return found


def sessions_own(g: Any) -> dict[str, Probe]:
    """The ways of a session beside execute."""

    async def streamed(session: Session) -> Any:
        statement = select(g.Hero).options(selectinload(g.Hero.powers), selectinload(g.Hero.team))
        whole = [hero async for hero in await session.stream_scalars(select(g.Hero))]
        if session.get_bind().dialect.name in ("mysql", "mariadb"):
            # Its driver reads nothing else while a result is being read.
            return whole
        parts = await session.stream_scalars(statement.execution_options(yield_per=2))
        return whole, [hero async for hero in parts]

    async def queried(session: Session) -> Any:
        return await session.run_sync(
            lambda sync: (
                Query(g.Hero, sync).all(),
                Query(g.Hero.name, sync).filter(g.Hero.age >= 0).all(),
                Query(g.Team, sync).options(joinedload(g.Team.heroes)).all(),
                Query(g.Hero, sync).filter_by(id=20).first(),
                sync.get(g.Hero, 20),
            )
        )

    async def refreshed(session: Session) -> Any:
        heroes = (await session.scalars(select(g.Hero))).all()
        for hero in heroes:
            await session.refresh(hero, ["team", "mentor", "pupils", "powers", "missions"])
        return heroes

    async def expired(session: Session) -> Any:
        hero = await session.get_one(g.Hero, 13)
        session.expire(hero)
        await session.refresh(hero)
        await session.refresh(hero, ["team", "mentor", "powers"])
        return hero, hero.team, hero.mentor, hero.powers

    async def got(session: Session) -> Any:
        return [await session.get(g.Hero, key) for key in (10, 12, 20, 22, 23)]

    async def listed(session: Session, **options: Any) -> Any:
        return (await session.scalars(select(g.Hero), execution_options=options)).all()

    async def merging(session: Session, key: int) -> None:
        async with session.savepoint():
            await session.merge(g.Hero(id=key, name="mine"))
            await session.flush()

    async def merged(session: Session) -> Any:
        if not session._writes:
            return None
        for key in (12, 20):
            with pytest.raises(UniqueViolation):
                await merging(session, key)
        return None

    return {
        "stream": streamed,
        "query": queried,
        "refresh": refreshed,
        "refresh expired": expired,
        "get": got,
        "get loaded": lambda s: s.get(
            g.Hero, 13, options=[selectinload(g.Hero.team), joinedload(g.Hero.mentor)]
        ),
        "merge": merged,
        "own cache": lambda s: listed(s, compiled_cache={}),
        "uncached": lambda s: listed(s, compiled_cache=None),
        "own schemas": lambda s: listed(s, schema_translate_map={"elsewhere": None}),
        "scalar": lambda s: s.scalar(select(func.max(g.Hero.name))),
        "min": lambda s: s.scalar(select(func.max(g.Team.name))),
    }


def probes(g: Any, kind: str) -> dict[str, Probe]:
    found: dict[str, Probe] = {**services(g), **sessions_own(g)}
    for name, statement in statements(g).items():
        if name not in MISSING[kind]:
            found[f"rows: {name}"] = rows(statement)
            if isinstance(statement, Select) and name != "lock":
                found[f"count: {name}"] = rows(select(func.max(statement.subquery().c[0])))
    return found


def kind_of(db: Database) -> str:
    return "mariadb" if db.family == "mysql" else db.family


async def leaks(db: Database, session: Session, ways: dict[str, Probe]) -> list[str]:
    found = []
    for name, probe in ways.items():
        answer = written(await probe(session))
        found += [f"{name}: {answer}" for word in HIDDEN if word in answer]
        found += [f"{name}: bob's" for _ in [0] if "bob's" in answer]
    return found


@pytest.mark.parametrize("way", ["session", "reader", "snapshot"])
async def test_no_way_to_read_shows_a_row_of_another_guild_or_a_deleted_one(
    filled_db: tuple[Database, Any], way: str
) -> None:
    db, g = filled_db
    scope = {"guild": g.ours, "reader": "ann"}
    opened = {
        "session": lambda: db.session(scope=scope),
        "reader": lambda: db.reader(scope=scope),
        "snapshot": lambda: db.reader(snapshot=True, scope=scope),
    }[way]
    # A snapshot is a reader with a transaction: the library's own ways will do.
    ways = services(g) if way == "snapshot" else probes(g, kind_of(db))
    assert len(ways) > (100 if way == "snapshot" else 250)
    if way == "reader":
        del ways["rows: lock"]
        # PostgreSQL has no cursor without a transaction.
        del ways["stream"]
    async with opened() as session:
        assert await leaks(db, session, ways) == []


async def test_the_probes_would_find_a_leak(filled_db: tuple[Database, Any]) -> None:
    db, g = filled_db
    if db.family != "sqlite":
        # The probes are what is looked at here, and they are the same everywhere.
        return
    ways = probes(g, kind_of(db))
    for name in ("refresh expired", "merge", "get loaded", "get many"):
        del ways[name]
    async with db.session() as session, session.unscoped("guild", "deleted", "reader"):
        shown = {name for name, probe in ways.items() if _hidden(written(await probe(session)))}
    # Some have nothing to show in any scope: keys, titles, single numbers.
    assert len(shown) > 0.8 * len(ways)


def _hidden(answer: str) -> bool:
    return any(word in answer for word in (*HIDDEN, "bob's"))


async def test_what_is_left_is_what_there_would_be_without_the_others(
    filled_db: tuple[Database, Any],
) -> None:
    """The same answers as on a database in which the other rows had never been."""
    db, g = filled_db
    ways = {name: probe for name, probe in probes(g, kind_of(db)).items() if "count:" not in name}
    names = ("guild", "deleted", "reader")
    async with db.session(scope={"guild": g.ours, "reader": "ann"}) as session:
        async with session.unscoped(*names):
            # What leads from one guild into the other cannot be there without the other.
            await session.execute(delete(g.HeroPower).where(g.links.c.hero_id.in_([13, 23])))
            await session.execute(delete(g.Hero).where(g.Hero.id.in_([13, 23])))
        for name in ("refresh expired", "get loaded", "merge", "query"):
            del ways[name]
        scoped = await answers(session, ways)
        async with session.unscoped(*names):
            hidden = [12, *range(20, 23)]
            await session.execute(delete(g.HeroPower).where(g.links.c.hero_id.in_(hidden)))
            await session.execute(delete(g.Mission).where(g.missions.c.hero_id.in_(hidden)))
            await session.execute(
                update(g.Hero).where(g.Hero.id.in_(hidden)).values(mentor_id=None)
            )
            await session.execute(delete(g.Hero).where(g.Hero.id.in_(hidden)))
            await session.execute(delete(g.Team).where(g.Team.id == 20))
            await session.execute(delete(g.Power).where(g.Power.id == 20))
            await session.execute(delete(g.Note).where(g.Note.id == 2))
            alone = await answers(session, ways)
        await session.rollback()
    assert [name for name in ways if scoped[name] != alone[name]] == []


async def answers(session: Session, ways: dict[str, Probe]) -> dict[str, list[str]]:
    found = {}
    for name, probe in ways.items():
        # What an earlier probe has loaded with an object is not this one's answer.
        session.expunge_all()
        found[name] = sorted(written(await probe(session)).split())
    return found
