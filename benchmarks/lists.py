"""What a lookup with 100,000 keys costs on 300,000 rows, and one with ten, on each database.

`in` and `not_in`, on an integer key, a UUID and a text, each by the way that the library takes; the
counting is a part of it, the making of objects is not. COLONNADE_TEST_POSTGRESQL_URL and
COLONNADE_TEST_MARIADB_URL name the servers; without the second only two databases are asked.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import MetaData, make_url, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase
from colonnade.models import IntegerKey

ROWS = 300_000
KEYS = 100_000
SPACE = UUID(int=1)
POSTGRESQL = os.environ.get(
    "COLONNADE_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1/postgres"
)
MARIADB = os.environ.get("COLONNADE_TEST_MARIADB_URL", "mysql://root@127.0.0.1/mysql")


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Row(IntegerKey, Base, table=True):
    __tablename__ = "benchmark_row"
    code: UUID = Field(unique=True)
    name: str = Field(unique=True, max_length=40)


class Rows(ServiceBase[Row, Row, Row]):
    pass


def row(number: int) -> dict[str, Any]:
    return {"id": number, "code": uuid5(SPACE, str(number)), "name": f"name of row {number}"}


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await measure("sqlite", f"sqlite:///{folder}/rows.db")
    for kind, url in (("postgresql", POSTGRESQL), ("mariadb", MARIADB)):
        place = make_url(url).set(database="colonnade_benchmark")
        async with Database(url) as server, server.engine.connect() as connection:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("DROP DATABASE IF EXISTS colonnade_benchmark"))
            await connection.execute(text("CREATE DATABASE colonnade_benchmark"))
            try:
                await measure(kind, place.render_as_string(hide_password=False))
            finally:
                await connection.execute(text("DROP DATABASE colonnade_benchmark"))


async def measure(kind: str, url: str) -> None:
    rows = [row(number) for number in range(1, ROWS + 1)]
    async with Database(url, metadata=Base.metadata, statement_timeout=600) as database:
        await database.create_all()
        async with database.session() as session:
            connection = await session.connection()
            for start in range(0, ROWS, 5_000):
                await connection.execute(
                    Base.metadata.tables["benchmark_row"].insert(), rows[start : start + 5_000]
                )
        async with database.engine.connect() as connection:
            await connection.execute(text(ANALYSE[kind]))
        print(f"\n{kind}: milliseconds for the count, of {ROWS:,} rows")
        for field in ("id", "code", "name"):
            keys = [item[field] for item in rows[1::3]][:KEYS]
            few = await taken(database, field, "in", keys[:10])
            many = await taken(database, field, "in", keys)
            others = await taken(database, field, "not_in", keys)
            print(f"{field:6} in 10: {few:7.2f}  in {KEYS:,}: {many:7.1f}  not in: {others:7.1f}")


ANALYSE = {
    "sqlite": "ANALYZE",
    "postgresql": "ANALYZE",
    "mariadb": "ANALYZE TABLE benchmark_row",
}


async def taken(database: Database, field: str, operator: str, keys: Sequence[Any]) -> float:
    times: list[float] = []
    # PostgreSQL's sixth execution may take a generic plan, so ask more often than that.
    for _ in range(9):
        start = perf_counter()
        async with database.reader() as session:
            found = await Rows(session).where({f"{field}__{operator}": keys}).count()
        times.append((perf_counter() - start) * 1000)
        assert found == (len(keys) if operator == "in" else ROWS - len(keys))
    return max(median(times[:5]), median(times[6:]))


if __name__ == "__main__":
    asyncio.run(main())
