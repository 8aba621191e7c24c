"""The plugin as a user's suite meets it, each suite run by a pytest of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from textwrap import dedent

import pytest

from colonnade.testing.plugin import servers_of

pytest_plugins = ["pytester"]

SUITE = """
    import pytest
    from sqlalchemy import text
    from sqlmodel import Field, SQLModel, select
    from colonnade.database import Database

    class Hero(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str

    async def register(db, name):
        async with db.session() as session:
            session.add(Hero(name=name))

    async def count(db):
        async with db.reader() as reader:
            return len((await reader.exec(select(Hero))).all())
"""

TESTS = """
    from suite import Hero, count, register

    async def test_the_session_sees_what_the_code_under_test_commits(colonnade_db, session):
        await register(colonnade_db, "Ada")
        assert await count(colonnade_db) == 1
        assert (await session.get(Hero, 1)).name == "Ada"

    async def test_nothing_of_it_is_left(colonnade_db, session):
        assert await count(colonnade_db) == 0

    async def test_statements_are_counted(colonnade_db, statements):
        await count(colonnade_db)
        statements.expect(1)
        statements.clear()
        await register(colonnade_db, "Ada")
        statements.expect(1)
"""

# One database for the whole suite: only the rolled-back session keeps the tests apart.
OWN_DATABASE = """
    import pytest
    from colonnade.database import Database
    from suite import Hero

    @pytest.fixture
    async def colonnade_db(tmp_path_factory):
        async with Database(f"sqlite:///{tmp_path_factory.getbasetemp()}/own.db") as db:
            await db.create_all()
            yield db
"""

ANYIO = """
    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""

RUNNERS = {
    "anyio": ("anyio_mode = auto", ("-p", "no:asyncio")),
    "pytest-asyncio": (
        "asyncio_mode = auto\nasyncio_default_fixture_loop_scope = function",
        ("-p", "no:anyio"),
    ),
}


@pytest.fixture(params=RUNNERS)
def runner(request: pytest.FixtureRequest, pytester: pytest.Pytester) -> tuple[str, ...]:
    """The arguments for a pytest whose asynchronous tests one of the two plugins runs."""
    name: str = request.param
    if importlib.util.find_spec(name.replace("-", "_")) is None:
        pytest.skip(f"{name} is not installed")
    settings, arguments = RUNNERS[name]
    pytester.makefile(".ini", pytest=f"[pytest]\n{settings}\nfilterwarnings = error\npythonpath=.")
    pytester.makepyfile(suite=SUITE)
    return arguments


def test_a_suite_needs_no_set_up(pytester: pytest.Pytester, runner: tuple[str, ...]) -> None:
    pytester.makeconftest("import pytest\n" + dedent(ANYIO))
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess(*runner).assert_outcomes(passed=3)


def test_a_suite_brings_its_own_database(
    pytester: pytest.Pytester, runner: tuple[str, ...]
) -> None:
    pytester.makeconftest(dedent(OWN_DATABASE) + "\n" + dedent(ANYIO))
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess(*runner).assert_outcomes(passed=3)


USE = """
    def test_one(postgresql_url, mariadb_url):
        pass
"""


@pytest.fixture
def without_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("POSTGRESQL", "MARIADB"):
        monkeypatch.setenv(f"COLONNADE_TEST_{kind}_URL", f"{kind.lower()}://x@127.0.0.1:1/x")
    monkeypatch.delenv("COLONNADE_TEST_REQUIRE", raising=False)


def test_a_missing_server_is_a_skip_that_says_why(
    pytester: pytest.Pytester, without_servers: None
) -> None:
    pytester.makepyfile(USE)
    result = pytester.runpytest_subprocess("-rs", "-p", "no:asyncio")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*no postgresql server: COLONNADE_TEST_POSTGRESQL_URL is set, but no connection*"]
    )


def test_a_missing_server_that_is_required_is_an_error(
    pytester: pytest.Pytester, without_servers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLONNADE_TEST_REQUIRE", "sqlite,postgresql")
    pytester.makepyfile(USE)
    result = pytester.runpytest_subprocess("-p", "no:asyncio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*COLONNADE_TEST_REQUIRE names postgresql; no postgresql server*"])


def test_the_servers_of_a_run_are_found_once(pytestconfig: pytest.Config) -> None:
    assert servers_of(pytestconfig) is servers_of(pytestconfig)


HEAVY = "sqlalchemy", "sqlmodel", "pydantic", "colonnade.database", "asyncio", "asyncpg"


def test_the_plugin_imports_nothing_heavy() -> None:
    program = f"""
import sys, pytest
before = set(sys.modules)
import colonnade.testing.plugin
print([name for name in {HEAVY!r} if name in set(sys.modules) - before])
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_every_name_of_the_package_is_there() -> None:
    import colonnade.testing

    for name in colonnade.testing.__all__:
        assert getattr(colonnade.testing, name).__module__.startswith("colonnade.testing")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        colonnade.testing.nothing  # noqa: B018 # the access is the test
