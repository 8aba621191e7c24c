"""What a route declares, found in FastAPI's own description of it."""

from __future__ import annotations

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from colonnade.fastapi.inputs import body_keys_of, query_names_of, route_writes


def test_a_connection_that_no_route_took_declares_nothing() -> None:
    connection = HTTPConnection({"type": "http", "headers": []})
    assert not route_writes(connection)
    assert query_names_of(connection) == frozenset()


def test_an_alias_takes_the_place_of_the_name_unless_the_schema_says_both() -> None:
    class Hero(BaseModel):
        name: str
        age: int = Field(alias="years")
        rank: int = Field(validation_alias=AliasChoices("level", AliasPath("data", "rank")))

    class Both(Hero):
        model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    assert body_keys_of(Hero) == {"name", "years", "level", "data"}
    assert body_keys_of(Both) == {"name", "years", "level", "data", "age", "rank"}
