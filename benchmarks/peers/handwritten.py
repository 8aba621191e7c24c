"""Code without a library above the ORM: SQLAlchemy with Pydantic, and SQLModel as it documents."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload
from sqlmodel import col
from sqlmodel import select as select_models
from sqlmodel.ext.asyncio.session import AsyncSession as ModelSession

from peers import mapped, tables
from peers.connections import EngineContestant
from peers.contestant import LIST, PAGE, PARENTS, ReadContestant, age_of, first_of, key_of
from peers.schemas import (
    HEROES,
    HEROES_WITH_TEAM,
    TEAMS_WITH_HEROES,
    HeroPage,
    HeroRead,
    HeroWithTeam,
    TeamWithHeroes,
)


class HandwrittenOrm(EngineContestant, ReadContestant):
    """SQLAlchemy's session, its objects validated and written by Pydantic in one go."""

    name: ClassVar[str] = "SQLAlchemy ORM + Pydantic"

    async def get(self, number: int) -> bytes:
        async with self.session() as session:
            hero = await session.get(mapped.Hero, key_of(number))
        return HeroRead.model_validate(hero).model_dump_json().encode()

    async def flat(self, number: int) -> bytes:
        async with self.session() as session:
            heroes = (await session.scalars(self._newest(number).limit(LIST))).all()
        return HEROES.dump_json(HEROES.validate_python(heroes, from_attributes=True))

    async def to_one(self, number: int) -> bytes:
        statement = self._newest(number).limit(LIST).options(joinedload(mapped.Hero.team))
        async with self.session() as session:
            heroes = (await session.scalars(statement)).all()
        found = HEROES_WITH_TEAM.validate_python(heroes, from_attributes=True)
        return HEROES_WITH_TEAM.dump_json(found)

    async def nested(self, number: int) -> bytes:
        statement = (
            select(mapped.Team)
            .where(mapped.Team.id >= first_of(number))
            .order_by(mapped.Team.id)
            .limit(PARENTS)
            .options(selectinload(mapped.Team.heroes))
        )
        async with self.session() as session:
            teams = (await session.scalars(statement)).all()
        found = TEAMS_WITH_HEROES.validate_python(teams, from_attributes=True)
        return TEAMS_WITH_HEROES.dump_json(found)

    async def page(self, number: int) -> bytes:
        asked = self._newest(number)
        async with self.session() as session:
            heroes = (await session.scalars(asked.limit(PAGE).offset(PAGE))).all()
            counting = asked.order_by(None).with_only_columns(func.count())
            total = await session.scalar(counting)
        page = HeroPage.model_validate({"items": heroes, "total": total}, from_attributes=True)
        return page.model_dump_json().encode()

    def _newest(self, number: int) -> Any:
        hero = mapped.Hero
        return select(hero).where(hero.active, hero.age >= age_of(number)).order_by(hero.id.desc())


class HandwrittenSqlmodel(EngineContestant, ReadContestant):
    """SQLModel's session and ``exec``, each object through ``model_validate``."""

    name: ClassVar[str] = "SQLModel"

    async def get(self, number: int) -> bytes:
        async with ModelSession(self.engine) as session:
            hero = await session.get(tables.Hero, key_of(number))
            return HeroRead.model_validate(hero).model_dump_json().encode()

    async def flat(self, number: int) -> bytes:
        async with ModelSession(self.engine) as session:
            heroes = (await session.exec(self._newest(number).limit(LIST))).all()
            return HEROES.dump_json([HeroRead.model_validate(hero) for hero in heroes])

    async def to_one(self, number: int) -> bytes:
        team: Any = tables.Hero.team
        statement = self._newest(number).limit(LIST).options(selectinload(team))
        async with ModelSession(self.engine) as session:
            heroes = (await session.exec(statement)).all()
            found = [HeroWithTeam.model_validate(hero) for hero in heroes]
        return HEROES_WITH_TEAM.dump_json(found)

    async def nested(self, number: int) -> bytes:
        heroes: Any = tables.Team.heroes
        statement = (
            select_models(tables.Team)
            .where(tables.Team.id >= first_of(number))
            .order_by(col(tables.Team.id))
            .limit(PARENTS)
            .options(selectinload(heroes))
        )
        async with ModelSession(self.engine) as session:
            teams = (await session.exec(statement)).all()
            found = [TeamWithHeroes.model_validate(team) for team in teams]
        return TEAMS_WITH_HEROES.dump_json(found)

    async def page(self, number: int) -> bytes:
        hero = tables.Hero
        counting = (
            select_models(func.count())
            .select_from(hero)
            .where(hero.active, hero.age >= age_of(number))
        )
        async with ModelSession(self.engine) as session:
            heroes = (await session.exec(self._newest(number).limit(PAGE).offset(PAGE))).all()
            total = (await session.exec(counting)).one()
            items = [HeroRead.model_validate(hero) for hero in heroes]
        return HeroPage(items=items, total=total).model_dump_json().encode()

    def _newest(self, number: int) -> Any:
        hero = tables.Hero
        statement = select_models(hero).where(hero.active, hero.age >= age_of(number))
        return statement.order_by(col(hero.id).desc())
