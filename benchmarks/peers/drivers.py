"""The limit: the drivers alone, with SQL written by hand, and JSON that the server builds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from peers.connections import AiosqliteContestant, AsyncpgContestant
from peers.contestant import LIST, PAGE, PARENTS, ReadContestant, age_of, first_of, key_of

HERO = "h.id, h.name, h.secret_name, h.age, h.active, h.rank, h.joined, h.team_id"
TEAM = "t.id, t.name, t.city, t.founded"
FILTERED = "FROM hero h WHERE h.active AND h.age >= $1"
NEWEST = f"ORDER BY h.id DESC LIMIT {LIST}"
GET = f"SELECT {HERO} FROM hero h WHERE h.id = $1"
FLAT = f"SELECT {HERO} {FILTERED} {NEWEST}"
TO_ONE = f"""
    SELECT {HERO}, t.id, t.name, t.city, t.founded
    FROM hero h JOIN team t ON t.id = h.team_id WHERE h.active AND h.age >= $1 {NEWEST}
"""
TEAMS = f"SELECT {TEAM} FROM team t WHERE t.id >= $1 ORDER BY t.id LIMIT {PARENTS}"
SECOND_PAGE = f"SELECT {HERO} {FILTERED} ORDER BY h.id DESC LIMIT {PAGE} OFFSET {PAGE}"
COUNT = f"SELECT count(*) {FILTERED}"

HERO_NAMES = ("id", "name", "secret_name", "age", "active", "rank", "joined", "team_id")
TEAM_NAMES = ("id", "name", "city", "founded")
_TEAM_AT = len(HERO_NAMES)


class AsyncpgRows(AsyncpgContestant, ReadContestant):
    """Rows through asyncpg, written by orjson; no round trip goes into resetting a connection."""

    name: ClassVar[str] = "asyncpg, rows"

    async def get(self, number: int) -> bytes:
        async with self.pool.acquire() as connection:
            return written(dict(await connection.fetchrow(GET, key_of(number)) or ()))

    async def flat(self, number: int) -> bytes:
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(FLAT, age_of(number))
        return written([dict(row) for row in rows])

    async def to_one(self, number: int) -> bytes:
        async with self.pool.acquire() as connection:
            return written(with_team(await connection.fetch(TO_ONE, age_of(number))))

    async def nested(self, number: int) -> bytes:
        async with self.pool.acquire() as connection:
            teams = await connection.fetch(TEAMS, first_of(number))
            heroes = await connection.fetch(
                f"SELECT {HERO} FROM hero h WHERE h.team_id = ANY($1) ORDER BY h.team_id, h.id",
                [team["id"] for team in teams],
            )
        return written(stitched(teams, heroes))

    async def page(self, number: int) -> bytes:
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(SECOND_PAGE, age_of(number))
            total = await connection.fetchval(COUNT, age_of(number))
        return written({"items": [dict(row) for row in rows], "total": total})


class AsyncpgPool(AsyncpgRows):
    """The same with the reset that the pool sends on release unless it is told otherwise."""

    name: ClassVar[str] = "asyncpg, pool as it ships"
    resets: ClassVar[bool] = True


class AsyncpgJson(AsyncpgRows):
    """One statement whose only value is the whole answer as JSON."""

    name: ClassVar[str] = "asyncpg, SQL's JSON"

    async def get(self, number: int) -> bytes:
        return await self._asked(f"SELECT row_to_json(o) FROM ({GET}) o", key_of(number))

    async def flat(self, number: int) -> bytes:
        return await self._asked(_list(FLAT), age_of(number))

    async def to_one(self, number: int) -> bytes:
        team = f"SELECT {HERO}, (SELECT t FROM (SELECT {TEAM}) t) AS team"
        joined = "FROM hero h JOIN team t ON t.id = h.team_id WHERE h.active AND h.age >= $1"
        return await self._asked(_list(f"{team} {joined} {NEWEST}"), age_of(number))

    async def nested(self, number: int) -> bytes:
        heroes = f"SELECT {HERO} FROM hero h WHERE h.team_id = t.id ORDER BY h.id"
        teams = TEAMS.replace("FROM", f", ({_list(heroes)}) AS heroes FROM", 1)
        return await self._asked(_list(teams), first_of(number))

    async def page(self, number: int) -> bytes:
        parts = f"'items', ({_list(SECOND_PAGE)}), 'total', ({COUNT})"
        return await self._asked(f"SELECT json_build_object({parts})", age_of(number))

    async def _asked(self, statement: str, value: int) -> bytes:
        async with self.pool.acquire() as connection:
            text: str = await connection.fetchval(statement, value)
        return text.encode()


class AiosqliteRows(AiosqliteContestant, ReadContestant):
    """Rows through aiosqlite on one connection, written by orjson."""

    name: ClassVar[str] = "aiosqlite, rows"

    async def get(self, number: int) -> bytes:
        (row,) = await self._rows(GET, key_of(number))
        return written(hero_of(row))

    async def flat(self, number: int) -> bytes:
        return written([hero_of(row) for row in await self._rows(FLAT, age_of(number))])

    async def to_one(self, number: int) -> bytes:
        rows = await self._rows(TO_ONE, age_of(number))
        return written(
            [
                hero_of(row) | {"team": dict(zip(TEAM_NAMES, row[_TEAM_AT:], strict=True))}
                for row in rows
            ]
        )

    async def nested(self, number: int) -> bytes:
        rows = await self._rows(TEAMS, first_of(number))
        teams = [dict(zip(TEAM_NAMES, row, strict=True)) for row in rows]
        marks = ",".join("?" * len(teams))
        children = await self._rows(
            f"SELECT {HERO} FROM hero h WHERE h.team_id IN ({marks}) ORDER BY h.team_id, h.id",
            *(team["id"] for team in teams),
        )
        return written(stitched(teams, [hero_of(row) for row in children]))

    async def page(self, number: int) -> bytes:
        rows = await self._rows(SECOND_PAGE, age_of(number))
        ((total,),) = await self._rows(COUNT, age_of(number))
        return written({"items": [hero_of(row) for row in rows], "total": total})

    async def _rows(self, statement: str, *values: object) -> Sequence[sqlite3.Row]:
        statement = statement.replace("$1", "?")
        return list(await self.connection.execute_fetchall(statement, values))


def written(answer: object) -> bytes:
    dumped: bytes = orjson.dumps(answer)
    return dumped


def with_team(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of a hero and then its team."""
    names = (*HERO_NAMES, "team")
    return [
        dict(
            zip(
                names,
                (*row[:_TEAM_AT], dict(zip(TEAM_NAMES, row[_TEAM_AT:], strict=True))),
                strict=True,
            )
        )
        for row in map(tuple, rows)
    ]


def stitched(teams: Sequence[Any], heroes: Sequence[Any]) -> list[dict[str, Any]]:
    """Teams with the heroes that belong to them."""
    found = {team["id"]: {**team, "heroes": []} for team in teams}
    for hero in heroes:
        found[hero["team_id"]]["heroes"].append(dict(hero))
    return list(found.values())


def hero_of(row: Sequence[Any]) -> dict[str, Any]:
    hero = dict(zip(HERO_NAMES, row, strict=False))
    hero["active"] = bool(hero["active"])
    return hero


def _list(select: str) -> str:
    return f"SELECT coalesce(json_agg(o), '[]') FROM ({select}) o"
