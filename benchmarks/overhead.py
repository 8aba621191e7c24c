"""What the library adds to one `select 1`, and what `import colonnade` costs.

Four ways ask the same question in turn, round after round, so that whatever else the machine does
falls on all of them: a reader, a session (BEGIN … COMMIT), a bare SQLAlchemy connection in
AUTOCOMMIT, and the driver alone. COLONNADE_TEST_POSTGRESQL_URL names the server.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

import aiosqlite
import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from colonnade import Database

ROUNDS = 200
PER_ROUND = 20
IMPORTS = 11
POSTGRESQL = os.environ.get(
    "COLONNADE_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1/postgres"
)
SELECT_1 = text("select 1")

Ask = Callable[[], Awaitable[object]]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "overhead.db")
        async with AsyncExitStack() as stack:
            raw = await asked_of_aiosqlite(stack, path)
            await compare("SQLite", stack, f"sqlite:///{path}", f"sqlite+aiosqlite:///{path}", raw)
    async with AsyncExitStack() as stack:
        raw = await asked_of_asyncpg(stack)
        bare_url = POSTGRESQL.replace("postgresql://", "postgresql+asyncpg://", 1)
        await compare("PostgreSQL", stack, POSTGRESQL, bare_url, raw)
    print_import_times()


async def compare(name: str, stack: AsyncExitStack, url: str, bare_url: str, raw: Ask) -> None:
    database = await stack.enter_async_context(Database(url))
    engine = create_async_engine(bare_url, isolation_level="AUTOCOMMIT")
    stack.push_async_callback(engine.dispose)

    async def reader() -> None:
        async with database.reader() as session:
            await session.execute(SELECT_1)

    async def session() -> None:
        async with database.session() as session:
            await session.execute(SELECT_1)

    async def bare() -> None:
        async with engine.connect() as connection:
            await connection.execute(SELECT_1)

    ways: dict[str, Ask] = {
        "driver alone": raw,
        "SQLAlchemy AUTOCOMMIT": bare,
        "reader": reader,
        "session": session,
    }
    medians = await interleaved(ways)
    print(f"\n{name}: select 1, µs (median of {ROUNDS} rounds of {PER_ROUND})")
    for way, microseconds in medians.items():
        ratio = microseconds / medians["SQLAlchemy AUTOCOMMIT"]
        print(f"  {way:<22} {microseconds:8.1f}   {ratio:5.2f} × SQLAlchemy")


async def interleaved(ways: dict[str, Ask]) -> dict[str, float]:
    """Return each way's median time in microseconds, after one round to warm up."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS + 1):
        for way, ask in ways.items():
            started = perf_counter()
            for _ in range(PER_ROUND):
                await ask()
            times[way].append((perf_counter() - started) / PER_ROUND * 1e6)
    return {way: median(measured[1:]) for way, measured in times.items()}


async def asked_of_asyncpg(stack: AsyncExitStack) -> Ask:
    pool = await stack.enter_async_context(asyncpg.create_pool(POSTGRESQL, min_size=1))

    async def ask() -> None:
        async with pool.acquire() as connection:
            await connection.fetchval("select 1")

    return ask


async def asked_of_aiosqlite(stack: AsyncExitStack, path: Path) -> Ask:
    connection = await stack.enter_async_context(aiosqlite.connect(path))

    async def ask() -> None:
        async with connection.execute("select 1") as cursor:
            await cursor.fetchone()

    return ask


def print_import_times() -> None:
    """Time imports in fresh processes, beside the libraries that Colonnade stands on."""
    statements = ("pass", "import sqlmodel, sqlalchemy.ext.asyncio", "import colonnade")
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for _ in range(IMPORTS):
        for statement in statements:
            started = perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            times[statement].append((perf_counter() - started) * 1e3)
    print(f"\na fresh process, ms (median of {IMPORTS})")
    for statement, measured in times.items():
        print(f"  {statement:<40} {median(measured):7.0f}")


if __name__ == "__main__":
    asyncio.run(main())
