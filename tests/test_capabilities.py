"""What a database can do is asked for by name, and stands in one place."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from colonnade import Database
from colonnade.capabilities import (
    ALL_DATABASES,
    Capabilities,
    capabilities_of,
    databases_with,
)

HOUSE = Path(__file__).parents[1] / "scripts" / "house.py"

#: What names a database for a reason of its own: the URL of a file, a type or an index that only
#: one database has, a naming convention, the write lock of SQLite.
NAMING = {
    "colonnade.cli.demo",
    "colonnade.database",
    "colonnade.documents.forms",
    "colonnade.engine.write_lock",
    "colonnade.models.full_text",
    "colonnade.models.naming",
    "colonnade.settings.url",
    "colonnade.values.families",
    "colonnade.values.moments",
    "colonnade.values.numbers",
}


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # It imports a neighbour, as a script does.
    monkeypatch.syspath_prepend(str(HOUSE.parent))
    spec = importlib.util.spec_from_file_location("house", HOUSE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "house", module)
    spec.loader.exec_module(module)
    return module


def test_no_other_module_names_a_database(house: ModuleType) -> None:
    found = {name for name, item in house.read_modules().items() if house.names_database(item)}
    assert found <= NAMING, "ask colonnade.capabilities, or write the SQL in colonnade.sql"


async def test_a_database_has_capabilities_by_the_name_of_its_dialect_and_of_its_family(
    database_url: str,
) -> None:
    async with Database(database_url) as db:
        found = capabilities_of(db.engine.dialect.name)
        assert found is capabilities_of(db.family)
        assert found != Capabilities()


def test_a_database_that_nobody_has_described_has_the_usual_capabilities() -> None:
    assert capabilities_of("oracle") == Capabilities()


@pytest.mark.parametrize("field", [item.name for item in dataclasses.fields(Capabilities)])
def test_every_capability_tells_one_database_from_another(field: str) -> None:
    values = {getattr(capabilities_of(name), field) for name in ALL_DATABASES}
    assert len(values) > 1


def test_databases_are_found_by_what_they_can() -> None:
    assert databases_with("has_arrays") == {"postgresql"}
    assert databases_with("has_exact_decimals") == {"postgresql", "mariadb"}
