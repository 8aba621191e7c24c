"""What `import colonnade` costs, and what it does without."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

import colonnade

EXTRAS = (
    *("fastapi", "starlette", "alembic", "typer", "rich", "pytest", "anyio"),
    *("asyncpg", "psycopg", "aiomysql", "asyncmy", "pymysql"),
)

WITHOUT_EXTRAS = f"""
import importlib, sys

class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent)
importlib.import_module(sys.argv[1])
"""

LOADED = """
import importlib, json, sys

importlib.import_module(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["colonnade", "colonnade.database", "colonnade.models"])
def test_the_core_works_without_any_extra_installed(module: str) -> None:
    answer = python("-c", WITHOUT_EXTRAS, module)
    assert answer.returncode == 0, answer.stderr


def test_the_core_imports_no_extra_even_where_it_is_installed() -> None:
    answer = python("-c", LOADED, "colonnade")
    assert answer.returncode == 0, answer.stderr
    loaded = {name.partition(".")[0] for name in json.loads(answer.stdout)}
    assert not loaded & set(EXTRAS)


def test_sqlalchemy_comes_with_the_first_name_that_needs_it() -> None:
    answer = python("-c", LOADED, "colonnade")
    assert answer.returncode == 0, answer.stderr
    assert not {"sqlalchemy", "sqlmodel", "pydantic"} & set(json.loads(answer.stdout))


def test_the_package_lists_every_public_name_before_it_is_imported() -> None:
    program = (
        "import colonnade; listed = dir(colonnade); assert set(colonnade.__all__) <= set(listed); "
        "assert 'import_module' not in listed; "
        "import sys; assert 'sqlalchemy' not in sys.modules"
    )
    answer = python("-c", program)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ServiceBse", "did you mean 'ServiceBase'?"),
        ("Sesion", "did you mean 'Session'?"),
        ("Nonsense", "has no attribute 'Nonsense'"),
        ("connect", "from colonnade.fastapi import connect"),
        ("SoftDelete", "from colonnade.models import SoftDelete"),
        ("fastapi", "import colonnade.fastapi"),
    ],
)
def test_a_name_that_the_package_does_not_have_is_told_the_nearest(name: str, told: str) -> None:
    answer = python("-c", f"import colonnade; colonnade.{name}")
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert last.startswith("AttributeError: module 'colonnade' has no attribute")
    assert told in last


def test_the_names_that_the_package_places_elsewhere_are_there() -> None:
    for home, names in colonnade._NEIGHBOURS.items():
        assert set(names) <= set(importlib.import_module(home).__all__)
