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
    OURS,
    Country,
    CountryRead,
    CountryService,
    Hero,
    HeroPower,
    HeroRead,
    HeroService,
    Mission,
    MissionRead,
    MissionService,
    Note,
    NoteService,
    Power,
    PowerRead,
    PowerService,
    Team,
    TeamRead,
    TeamService,
)

from colonnade import Count, Database, Max, Rows, Session
from colonnade.errors import NotFound, UniqueViolation

Probe = Callable[[Session], Awaitable[Any]]

HEROES: Any = Hero.__table__
TEAMS: Any = Team.__table__
LINKS: Any = HeroPower.__table__
MISSIONS: Any = Mission.__table__
Other: Any = aliased(Hero)
Mate: Any = aliased(Team, name="mate")
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


def statements() -> dict[str, Any]:
    """Selects of users' own, in every shape in which a table may occur."""
    inner = select(Hero.name, Hero.team_id).subquery("inner_heroes")
    listed = select(Hero).cte("listed")
    core = select(HEROES.c.name, HEROES.c.id, HEROES.c.mentor_id)
    chain = (
        select(HEROES.c.id, HEROES.c.name)
        .where(HEROES.c.mentor_id.is_(None))
        .cte("chain", recursive=True)
    )
    pupils = HEROES.alias("pupils")
    chain = chain.union_all(
        select(pupils.c.id, pupils.c.name).join(chain, pupils.c.mentor_id == chain.c.id)
    )
    beside = select(Hero.name.label("mate")).where(Hero.team_id == Team.id).lateral("beside")
    mentors = HEROES.alias("mentors")
    return {
        "entity": select(Hero),
        "columns": select(Hero.name, Hero.age),
        "labels": select(Hero.name.label("x")),
        "bundle": select(Bundle("hero", Hero.name, Hero.age)),
        "alias": select(Other),
        "alias columns": select(Other.name),
        "two aliases": select(Hero.name, Other.name).join(Other, true()),
        "cartesian": select(Hero.name, Team.name).where(Hero.team_id == Team.id),
        "core": core,
        "core star": select(HEROES),
        "core alias": select(mentors.c.name),
        "alias of an alias": select(mentors.alias("again").c.name),
        "join": select(Hero.name, Team.name).join(Team),
        "join relation": select(Hero, Team).join(Hero.team),
        "join of type": select(Hero, Mate).join(Hero.team.of_type(Mate)),
        "join core": select(HEROES.c.name, TEAMS.c.name).join_from(
            HEROES, TEAMS, HEROES.c.team_id == TEAMS.c.id
        ),
        "outer join": select(Hero.name, Team.name).outerjoin(Team),
        "outer from unscoped": select(Country.name, Team.name).outerjoin(Country.teams),
        "outer chain": select(Country.name, Team.name, Hero.name)
        .outerjoin(Country.teams)
        .outerjoin(Team.heroes),
        "inner in outer": select(Country.name, TEAMS.c.name, HEROES.c.name).outerjoin(
            TEAMS.join(HEROES, HEROES.c.team_id == TEAMS.c.id), TEAMS.c.country_id == Country.id
        ),
        "outer in outer": select(Country.name, TEAMS.c.name, HEROES.c.name).outerjoin(
            TEAMS.outerjoin(HEROES, HEROES.c.team_id == TEAMS.c.id),
            TEAMS.c.country_id == Country.id,
        ),
        "outer core": select(TEAMS.c.name, HEROES.c.name).select_from(
            TEAMS.outerjoin(HEROES, HEROES.c.team_id == TEAMS.c.id)
        ),
        "outer from alias": select(mentors.c.name, HEROES.c.name).select_from(
            mentors.outerjoin(HEROES, HEROES.c.mentor_id == mentors.c.id)
        ),
        "outer or": select(Country.name, Team.name).outerjoin(
            Team, or_(Team.country_id == Country.id, true())
        ),
        "many to many": select(Hero.name, Power.name).join(Hero.powers),
        "outer many to many": select(Power.name, Hero.name).outerjoin(Power.heroes),
        "link": select(HeroPower.hero_id),
        "link core": select(LINKS.c.hero_id),
        "self": select(Hero.name, Other.name).join(Hero.mentor.of_type(Other)),
        "self outer": select(Hero.name, Other.name).outerjoin(Hero.pupils.of_type(Other)),
        "through policy": select(Mission.title),
        "subquery": select(inner.c.name),
        "subquery join": select(Team.name, inner.c.name).join(inner, inner.c.team_id == Team.id),
        "subquery outer": select(Country.name, inner.c.name).outerjoin(inner, true()),
        "entity of subquery": select(aliased(Hero, select(Hero).subquery())),
        "cte": select(listed.c.name),
        "entity of cte": select(aliased(Hero, listed)),
        "recursive": select(chain.c.name),
        "union": union(select(Hero.name), select(Team.name)),
        "union all core": union_all(core, core),
        "union as subquery": select(union(select(Hero.name), select(Power.name)).subquery()),
        "entities of union": select(Hero).from_statement(
            union(select(Hero), select(Hero).where(Hero.age > 1))
        ),
        "from statement": select(Hero).from_statement(select(Hero)),
        "scalar subquery": select(Country.name, select(func.max(Hero.name)).scalar_subquery()),
        "correlated": select(
            Team.name,
            select(func.max(Hero.name)).where(Hero.team_id == Team.id).scalar_subquery(),
        ),
        "correlated to unscoped": select(
            Country.name,
            select(func.max(Team.name)).where(Team.country_id == Country.id).scalar_subquery(),
        ),
        "in": select(Team.name).where(Team.id.in_(select(Hero.team_id))),
        "order by subquery": select(Team.name).order_by(
            select(func.count(Hero.id)).where(Hero.team_id == Team.id).scalar_subquery()
        ),
        "group": select(Hero.name, func.count()).group_by(Hero.name),
        "having": select(Hero.name, func.max(Hero.age))
        .group_by(Hero.name)
        .having(func.max(Hero.age) >= 0),
        "distinct": select(Hero.name).distinct(),
        "window": select(Hero.name, func.row_number().over(order_by=Hero.id)),
        "case": select(case((Hero.age > 1, Hero.name), else_=Hero.name)),
        "or": select(Hero.name).where(or_(Hero.age > 1, true())),
        "raw or": select(Hero.name).where(text("1 = 0 OR 1 = 1")),
        "raw or beside": select(Hero.name).where(Hero.age >= 0, text("1 = 0 OR 1 = 1")),
        "literal or": select(Hero.name).where(literal_column("1 = 0 OR 1 = 1")),
        "raw or in a join": select(Country.name, Team.name).outerjoin(Team, text("1 = 0 OR 1 = 1")),
        "named guild": select(Hero.name).where(Hero.guild_id == 2),
        "not ours": select(Hero.name).where(Hero.guild_id != 1),
        "deleted": select(Hero.name).where(Hero.deleted_at.is_not(None)),
        "any": select(Team.name).where(Team.heroes.any(Hero.age >= 0)),
        "has": select(Hero.name).where(Hero.team.has(Team.name.like("their%"))),
        "policy": select(Note.text),
        "policy or": select(Note.text).where(or_(Note.id == 1, true())),
        "lock": select(Hero).with_for_update(),
        "limit": select(Hero).limit(100).offset(0),
        "limited eager": select(Team).options(joinedload(Team.heroes)).limit(100),
        "joined": select(Hero).options(joinedload(Hero.team), joinedload(Hero.mentor)),
        "joined inner": select(Team).options(joinedload(Team.heroes, innerjoin=True)),
        "joined many": select(Team).options(joinedload(Team.heroes).joinedload(Hero.powers)),
        "joined unscoped": select(Country).options(
            joinedload(Country.teams).joinedload(Team.heroes).joinedload(Hero.missions)
        ),
        "selectin": select(Hero).options(
            selectinload(Hero.team),
            selectinload(Hero.mentor),
            selectinload(Hero.pupils),
            selectinload(Hero.powers),
            selectinload(Hero.missions),
        ),
        "selectin unscoped": select(Country).options(
            selectinload(Country.teams).selectinload(Team.heroes)
        ),
        "subqueryload": select(Team).options(subqueryload(Team.heroes).subqueryload(Hero.powers)),
        "subqueryload unscoped": select(Country).options(subqueryload(Country.teams)),
        "immediate": select(Hero).options(immediateload(Hero.team), immediateload(Hero.mentor)),
        "contains eager": select(Country)
        .outerjoin(Country.teams)
        .options(contains_eager(Country.teams)),
        "contains eager alias": select(Country)
        .outerjoin(Country.teams.of_type(Mate))
        .options(contains_eager(Country.teams.of_type(Mate))),
        "filtered eager": select(Country).options(
            selectinload(Country.teams.and_(Team.name.like("%team")))
        ),
        "load only": select(Hero).options(load_only(Hero.name)),
        "defer": select(Hero).options(defer(Hero.age), undefer(Hero.name)),
        "polymorphic": select(with_polymorphic(Hero, [])),
        "populate": select(Hero).execution_options(populate_existing=True),
        "bound": select(Hero.name).where(Hero.age >= bindparam("age", 0)),
        "in list": select(Hero).where(Hero.id.in_([10, 12, 20, 22])),
        "by key": select(Hero).where(Hero.id == 20),
        "literal beside": select(literal("x"), Hero.name),
        "nested twice": select(select(select(Hero.name).subquery()).subquery()),
        "exists column": select(
            Country.name, exists().where(Team.country_id == Country.id, Team.id == 20)
        ),
        "lateral": select(Team.name, beside.c.mate).join(beside, true()),
        "lateral alone": select(lateral(select(Hero.name)).c.name),
        "full": select(Team.name, Hero.name).outerjoin(Hero, Hero.team_id == Team.id, full=True),
        "full alias": select(Mate.name, Other.name).outerjoin(
            Other, Other.team_id == Mate.id, full=True
        ),
        "tablesample": select(func.count()).select_from(HEROES.tablesample(func.bernoulli(100))),
        "sampled": select(HEROES.tablesample(func.bernoulli(100)).c.name),
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


def services() -> dict[str, Probe]:
    """The library's own ways: entities, rows and documents."""
    found: dict[str, Probe] = {}
    schemas: list[tuple[type[Any], type[Any]]] = [
        (HeroService, HeroRead),
        (TeamService, TeamRead),
        (PowerService, PowerRead),
        (MissionService, MissionRead),
        (CountryService, CountryRead),
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
                (CountryService if stats is ByCountry else HeroService)(s).into(stats)
                if stats is not TeamStats
                else TeamService(s).into(stats),
                verb,
            )()
    found["few children"] = lambda s: (
        TeamService(s).into(TeamRead, heroes=Rows("-name", limit=2)).all()
    )
    found["read"] = lambda s: s.read(select(Hero), into=HeroRead)
    found["read columns"] = lambda s: s.read(
        select(Team.id, Team.name, func.count(Hero.id).label("heroes"))
        .outerjoin(Team.heroes)
        .group_by(Team.id, Team.name),
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
        {"guild_id": 2},
        {"guild_id__in": [1, 2]},
        {"deleted_at__isnull": False},
        {"id__in": [10, 12, 20, 22]},
    ]
    found["load"] = lambda s: HeroService(s).where().load(*loads).all()
    found["load countries"] = lambda s: CountryService(s).where().load("teams.heroes").all()
    found["get many"] = lambda s: HeroService(s).get_many([10, 11], load=loads)
    found["get loaded"] = lambda s: HeroService(s).get(10, load=loads)
    found["notes"] = lambda s: NoteService(s).where().all()
    found["ordered by a relation"] = lambda s: (
        HeroService(s).where().order_by("-team.name", "mentor.name").all()
    )
    for lookup in filters:
        found[f"where {lookup}"] = lambda s, lookup=lookup: HeroService(s).where(lookup).all()
        found[f"rows where {lookup}"] = lambda s, lookup=lookup: (
            HeroService(s).where(lookup).into(HeroRead).all()
        )
        found[f"json where {lookup}"] = lambda s, lookup=lookup: (
            HeroService(s).where(lookup).into(HeroRead).json.all()
        )
    found["expression"] = lambda s: HeroService(s).where(or_(Hero.age > 1, true())).all()
    return found


def sessions_own() -> dict[str, Probe]:
    """The ways of a session beside execute."""

    async def streamed(session: Session) -> Any:
        statement = select(Hero).options(selectinload(Hero.powers), selectinload(Hero.team))
        whole = [hero async for hero in await session.stream_scalars(select(Hero))]
        if session.get_bind().dialect.name in ("mysql", "mariadb"):
            # Its driver reads nothing else while a result is being read.
            return whole
        parts = await session.stream_scalars(statement.execution_options(yield_per=2))
        return whole, [hero async for hero in parts]

    async def queried(session: Session) -> Any:
        return await session.run_sync(
            lambda sync: (
                Query(Hero, sync).all(),
                Query(Hero.name, sync).filter(Hero.age >= 0).all(),
                Query(Team, sync).options(joinedload(Team.heroes)).all(),
                Query(Hero, sync).filter_by(id=20).first(),
                sync.get(Hero, 20),
            )
        )

    async def refreshed(session: Session) -> Any:
        heroes = (await session.scalars(select(Hero))).all()
        for hero in heroes:
            await session.refresh(hero, ["team", "mentor", "pupils", "powers", "missions"])
        return heroes

    async def expired(session: Session) -> Any:
        hero = await session.get_one(Hero, 13)
        session.expire(hero)
        await session.refresh(hero)
        await session.refresh(hero, ["team", "mentor", "powers"])
        return hero, hero.team, hero.mentor, hero.powers

    async def got(session: Session) -> Any:
        return [await session.get(Hero, key) for key in (10, 12, 20, 22, 23)]

    async def listed(session: Session, **options: Any) -> Any:
        return (await session.scalars(select(Hero), execution_options=options)).all()

    async def merging(session: Session, key: int) -> None:
        async with session.savepoint():
            await session.merge(Hero(id=key, name="mine"))
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
            Hero, 13, options=[selectinload(Hero.team), joinedload(Hero.mentor)]
        ),
        "merge": merged,
        "own cache": lambda s: listed(s, compiled_cache={}),
        "uncached": lambda s: listed(s, compiled_cache=None),
        "own schemas": lambda s: listed(s, schema_translate_map={"elsewhere": None}),
        "scalar": lambda s: s.scalar(select(func.max(Hero.name))),
        "min": lambda s: s.scalar(select(func.max(Team.name))),
    }


def probes(kind: str) -> dict[str, Probe]:
    found: dict[str, Probe] = {**services(), **sessions_own()}
    for name, statement in statements().items():
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
    db: Database, way: str
) -> None:
    scope = {"guild": OURS, "reader": "ann"}
    opened = {
        "session": lambda: db.session(scope=scope),
        "reader": lambda: db.reader(scope=scope),
        "snapshot": lambda: db.reader(snapshot=True, scope=scope),
    }[way]
    # A snapshot is a reader with a transaction: the library's own ways will do.
    ways = services() if way == "snapshot" else probes(kind_of(db))
    assert len(ways) > (100 if way == "snapshot" else 250)
    if way == "reader":
        del ways["rows: lock"]
        # PostgreSQL has no cursor without a transaction.
        del ways["stream"]
    async with opened() as session:
        assert await leaks(db, session, ways) == []


async def test_the_probes_would_find_a_leak(db: Database) -> None:
    if db.family != "sqlite":
        # The probes are what is looked at here, and they are the same everywhere.
        return
    ways = probes(kind_of(db))
    for name in ("refresh expired", "merge", "get loaded", "get many"):
        del ways[name]
    async with db.session() as session, session.unscoped("guild", "deleted", "reader"):
        shown = {name for name, probe in ways.items() if _hidden(written(await probe(session)))}
    # Some have nothing to show in any scope: keys, titles, single numbers.
    assert len(shown) > 0.8 * len(ways)


def _hidden(answer: str) -> bool:
    return any(word in answer for word in (*HIDDEN, "bob's"))


async def test_what_is_left_is_what_there_would_be_without_the_others(db: Database) -> None:
    """The same answers as on a database in which the other rows had never been."""
    ways = {name: probe for name, probe in probes(kind_of(db)).items() if "count:" not in name}
    names = ("guild", "deleted", "reader")
    async with db.session(scope={"guild": OURS, "reader": "ann"}) as session:
        async with session.unscoped(*names):
            # What leads from one guild into the other cannot be there without the other.
            await session.execute(delete(HeroPower).where(LINKS.c.hero_id.in_([13, 23])))
            await session.execute(delete(Hero).where(Hero.id.in_([13, 23])))
        for name in ("refresh expired", "get loaded", "merge", "query"):
            del ways[name]
        scoped = await answers(session, ways)
        async with session.unscoped(*names):
            hidden = [12, *range(20, 23)]
            await session.execute(delete(HeroPower).where(LINKS.c.hero_id.in_(hidden)))
            await session.execute(delete(Mission).where(MISSIONS.c.hero_id.in_(hidden)))
            await session.execute(update(Hero).where(Hero.id.in_(hidden)).values(mentor_id=None))
            await session.execute(delete(Hero).where(Hero.id.in_(hidden)))
            await session.execute(delete(Team).where(Team.id == 20))
            await session.execute(delete(Power).where(Power.id == 20))
            await session.execute(delete(Note).where(Note.id == 2))
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
