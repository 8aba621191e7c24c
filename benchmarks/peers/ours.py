"""Colonnade's three ways: entities, ``into(Schema)`` and ``.json``, each through a reader."""

from __future__ import annotations

from typing import ClassVar

from colonnade import ServiceBase
from colonnade.query import Query
from peers.connections import DatabaseContestant
from peers.contestant import LIST, PAGE, PARENTS, ReadContestant, age_of, first_of, key_of
from peers.schemas import (
    HEROES,
    HEROES_WITH_TEAM,
    TEAMS_WITH_HEROES,
    HeroCreate,
    HeroPage,
    HeroRead,
    HeroUpdate,
    HeroWithTeam,
    TeamRead,
    TeamWithHeroes,
)
from peers.tables import Hero, Team


class HeroService(ServiceBase[Hero, HeroCreate, HeroUpdate]):
    def newest(self, number: int) -> Query[Hero]:
        return self.where(active=True, age__gte=age_of(number)).order_by("-id")


class TeamService(ServiceBase[Team, TeamRead, TeamRead]):
    def from_first(self, number: int) -> Query[Team]:
        return self.where(id__gte=first_of(number)).order_by("id").limit(PARENTS)


class Entities(DatabaseContestant, ReadContestant):
    """The model's objects, made into schemas as the other ORM contestants do it."""

    name: ClassVar[str] = "Colonnade, entities"

    async def get(self, number: int) -> bytes:
        async with self.db.reader() as session:
            hero = await HeroService(session).get(key_of(number))
        return HeroRead.model_validate(hero).model_dump_json().encode()

    async def flat(self, number: int) -> bytes:
        async with self.db.reader() as session:
            heroes = await HeroService(session).newest(number).limit(LIST).all()
        return HEROES.dump_json(HEROES.validate_python(heroes, from_attributes=True))

    async def to_one(self, number: int) -> bytes:
        async with self.db.reader() as session:
            heroes = await HeroService(session).newest(number).limit(LIST).load("team").all()
        found = HEROES_WITH_TEAM.validate_python(heroes, from_attributes=True)
        return HEROES_WITH_TEAM.dump_json(found)

    async def nested(self, number: int) -> bytes:
        async with self.db.reader() as session:
            teams = await TeamService(session).from_first(number).load("heroes").all()
        found = TEAMS_WITH_HEROES.validate_python(teams, from_attributes=True)
        return TEAMS_WITH_HEROES.dump_json(found)

    async def page(self, number: int) -> bytes:
        async with self.db.reader() as session:
            found = await HeroService(session).newest(number).page(2, size=PAGE)
        answer = {"items": found.items, "total": found.total}
        page = HeroPage.model_validate(answer, from_attributes=True)
        return page.model_dump_json().encode()


class Into(DatabaseContestant, ReadContestant):
    """Schemas, written by Pydantic."""

    name: ClassVar[str] = "Colonnade, into(Schema)"

    async def get(self, number: int) -> bytes:
        async with self.db.reader() as session:
            hero = await HeroService(session).into(HeroRead).get(key_of(number))
        return hero.model_dump_json().encode()

    async def flat(self, number: int) -> bytes:
        async with self.db.reader() as session:
            newest = HeroService(session).newest(number).limit(LIST)
            return HEROES.dump_json(await newest.into(HeroRead).all())

    async def to_one(self, number: int) -> bytes:
        async with self.db.reader() as session:
            newest = HeroService(session).newest(number).limit(LIST)
            return HEROES_WITH_TEAM.dump_json(await newest.into(HeroWithTeam).all())

    async def nested(self, number: int) -> bytes:
        async with self.db.reader() as session:
            teams = TeamService(session).from_first(number).into(TeamWithHeroes)
            return TEAMS_WITH_HEROES.dump_json(await teams.all())

    async def page(self, number: int) -> bytes:
        async with self.db.reader() as session:
            newest = HeroService(session).newest(number).into(HeroRead)
            return (await newest.page(2, size=PAGE)).model_dump_json().encode()


class Json(DatabaseContestant, ReadContestant):
    """Bytes."""

    name: ClassVar[str] = "Colonnade, .json"

    async def get(self, number: int) -> bytes:
        async with self.db.reader() as session:
            return await HeroService(session).into(HeroRead).json.get(key_of(number))

    async def flat(self, number: int) -> bytes:
        async with self.db.reader() as session:
            newest = HeroService(session).newest(number).limit(LIST)
            return await newest.into(HeroRead).json.all()

    async def to_one(self, number: int) -> bytes:
        async with self.db.reader() as session:
            newest = HeroService(session).newest(number).limit(LIST)
            return await newest.into(HeroWithTeam).json.all()

    async def nested(self, number: int) -> bytes:
        async with self.db.reader() as session:
            teams = TeamService(session).from_first(number)
            return await teams.into(TeamWithHeroes).json.all()

    async def page(self, number: int) -> bytes:
        async with self.db.reader() as session:
            return await HeroService(session).newest(number).into(HeroRead).json.page(2, size=PAGE)
