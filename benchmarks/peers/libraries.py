"""The peers: advanced-alchemy and FastCRUD, each told as its documentation tells it."""

from __future__ import annotations

from typing import Any, ClassVar

from advanced_alchemy.filters import LimitOffset
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService
from fastcrud import FastCRUD, JoinConfig
from sqlalchemy.orm import joinedload, selectinload

from peers.connections import EngineContestant
from peers.contestant import LIST, PAGE, PARENTS, ReadContestant, age_of, first_of, key_of
from peers.mapped import Hero, Team
from peers.schemas import (
    HEROES,
    HEROES_WITH_TEAM,
    TEAMS_WITH_HEROES,
    HeroPage,
    HeroRead,
    HeroWithTeam,
    TeamRead,
    TeamWithHeroes,
)


class HeroService(SQLAlchemyAsyncRepositoryService[Hero]):  # type: ignore[misc] # typed only with the peers installed
    class Repo(SQLAlchemyAsyncRepository[Hero]):  # type: ignore[misc]
        model_type = Hero

    repository_type = Repo


class TeamService(SQLAlchemyAsyncRepositoryService[Team]):  # type: ignore[misc]
    class Repo(SQLAlchemyAsyncRepository[Team]):  # type: ignore[misc]
        model_type = Team

    repository_type = Repo


class AdvancedAlchemy(EngineContestant, ReadContestant):
    """A service over a repository; ``to_schema`` makes the answer."""

    name: ClassVar[str] = "advanced-alchemy"

    async def get(self, number: int) -> bytes:
        async with self.session() as session:
            heroes = HeroService(session=session)
            hero = heroes.to_schema(await heroes.get(key_of(number)), schema_type=HeroRead)
        written: bytes = hero.model_dump_json().encode()
        return written

    async def flat(self, number: int) -> bytes:
        async with self.session() as session:
            heroes = HeroService(session=session)
            found = await heroes.get_many(*self._newest(number), order_by=("id", True))
            return HEROES.dump_json(heroes.to_schema(found, schema_type=HeroRead).items)

    async def to_one(self, number: int) -> bytes:
        async with self.session() as session:
            heroes = HeroService(session=session, load=[joinedload(Hero.team)])
            found = await heroes.get_many(*self._newest(number), order_by=("id", True))
            answer = heroes.to_schema(found, schema_type=HeroWithTeam)
        return HEROES_WITH_TEAM.dump_json(answer.items)

    async def nested(self, number: int) -> bytes:
        async with self.session() as session:
            teams = TeamService(session=session, load=[selectinload(Team.heroes)])
            found = await teams.get_many(
                Team.id >= first_of(number), LimitOffset(PARENTS, 0), order_by=("id", False)
            )
            answer = teams.to_schema(found, schema_type=TeamWithHeroes)
        return TEAMS_WITH_HEROES.dump_json(answer.items)

    async def page(self, number: int) -> bytes:
        cut = LimitOffset(PAGE, PAGE)
        async with self.session() as session:
            heroes = HeroService(session=session)
            found, total = await heroes.get_many_and_count(
                Hero.active.is_(True), Hero.age >= age_of(number), cut, order_by=("id", True)
            )
            answer = heroes.to_schema(found, total, filters=[cut], schema_type=HeroRead)
        return HeroPage(items=answer.items, total=answer.total).model_dump_json().encode()

    def _newest(self, number: int) -> tuple[Any, ...]:
        return Hero.active.is_(True), Hero.age >= age_of(number), LimitOffset(LIST, 0)


class Fastcrud(EngineContestant, ReadContestant):
    """``FastCRUD`` with schemas that choose the columns; no count where none is asked for."""

    name: ClassVar[str] = "FastCRUD"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heroes: Any = FastCRUD(Hero)
        self.teams: Any = FastCRUD(Team)

    async def get(self, number: int) -> bytes:
        async with self.session() as session:
            hero = await self.heroes.get(
                session, schema_to_select=HeroRead, return_as_model=True, id=key_of(number)
            )
        written: bytes = hero.model_dump_json().encode()
        return written

    async def flat(self, number: int) -> bytes:
        async with self.session() as session:
            found = await self.heroes.get_multi(
                session,
                limit=LIST,
                schema_to_select=HeroRead,
                return_as_model=True,
                return_total_count=False,
                **self._newest(number),
            )
        return HEROES.dump_json(found["data"])

    async def to_one(self, number: int) -> bytes:
        async with self.session() as session:
            found = await self.heroes.get_multi_joined(
                session,
                limit=LIST,
                schema_to_select=HeroWithTeam,
                return_as_model=True,
                return_total_count=False,
                nest_joins=True,
                joins_config=[
                    JoinConfig(
                        model=Team,
                        join_on=Hero.team_id == Team.id,
                        join_prefix="team_",
                        schema_to_select=TeamRead,
                    )
                ],
                **self._newest(number),
            )
        return HEROES_WITH_TEAM.dump_json(found["data"])

    async def nested(self, number: int) -> bytes:
        async with self.session() as session:
            found = await self.teams.get_multi_joined(
                session,
                limit=PARENTS,
                schema_to_select=TeamWithHeroes,
                return_as_model=True,
                return_total_count=False,
                nest_joins=True,
                sort_columns="id",
                joins_config=[
                    JoinConfig(
                        model=Hero,
                        join_on=Hero.team_id == Team.id,
                        join_prefix="heroes_",
                        schema_to_select=HeroRead,
                        relationship_type="one-to-many",
                        sort_columns="id",
                        nested_limit=1000,  # without one, `limit` counts heroes, not teams
                    )
                ],
                id__gte=first_of(number),
            )
        return TEAMS_WITH_HEROES.dump_json(found["data"])

    async def page(self, number: int) -> bytes:
        async with self.session() as session:
            found = await self.heroes.get_multi(
                session,
                offset=PAGE,
                limit=PAGE,
                schema_to_select=HeroRead,
                return_as_model=True,
                **self._newest(number),
            )
        page = HeroPage(items=found["data"], total=found["total_count"])
        return page.model_dump_json().encode()

    def _newest(self, number: int) -> dict[str, Any]:
        return {
            "active": True,
            "age__gte": age_of(number),
            "sort_columns": "id",
            "sort_orders": "desc",
        }
