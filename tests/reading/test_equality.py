"""Whatever a schema looks like, it is filled as Pydantic fills it from the loaded entity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Optional
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    computed_field,
    model_validator,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import SQLModel
from tests.guild import HeroService, Kind, MissionService, TeamService

from colonnade import Database
from colonnade.errors import InvalidSchema

COLUMNS: dict[str, dict[str, list[Any]]] = {
    "Hero": {
        "id": [int, float, str],
        "name": [str, bytes],
        "age": [int | None, float | None, Optional[Decimal], int],  # noqa: UP045 # either spelling
        "height": [float | None, Decimal | None, Any],
        "fee": [Decimal | None, float | None, str | None],
        "active": [
            bool | None,
            int | None,
            Annotated[bool | None, AfterValidator(lambda v: not v)],
        ],
        "kind": [Kind | None, str | None, Any],
        "born": [date | None, datetime | None],
        "seen": [datetime | None, date | None, str | None],
        "badge": [UUID | None, Annotated[str | None, BeforeValidator(lambda v: v and str(v))]],
    },
    "Team": {
        "id": [int],
        "name": [str, Annotated[str, Field(max_length=6)]],
        "motto": [str | None],
    },
    "City": {"name": [str | None], "country": [str | None, str]},
    "Power": {"id": [int, str], "name": [str]},
    "Mission": {"title": [str], "year": [int, str], "done": [bool, int]},
}
ONE: dict[str, dict[str, str]] = {
    "Hero": {"team": "Team", "mentor": "Hero"},
    "Team": {"city": "City"},
    "City": {},
    "Power": {},
    "Mission": {"hero": "Hero", "place": "City"},
}
MANY: dict[str, dict[str, str]] = {
    "Hero": {"powers": "Power", "missions": "Mission", "pupils": "Hero"},
    "Team": {"heroes": "Hero"},
    "City": {"missions": "Mission"},
    "Power": {},
    "Mission": {},
}
#: Relations that the models leave without an order.
UNORDERED = {"pupils": "id", "heroes": "id"}
SERVICES: dict[str, Any] = {"Hero": HeroService, "Team": TeamService, "Mission": MissionService}
CONFIGS: list[ConfigDict] = [
    ConfigDict(),
    ConfigDict(),
    ConfigDict(strict=True),
    ConfigDict(extra="forbid", frozen=True),
    ConfigDict(extra="allow"),
    ConfigDict(validate_by_name=True, validate_by_alias=False),
    ConfigDict(populate_by_name=True),
    ConfigDict(str_to_lower=True, from_attributes=True),
]


@dataclass
class Drawn:
    """A schema, and the relations that an entity needs loaded to fill it."""

    schema: type[BaseModel]
    paths: list[str] = field(default_factory=list)


@st.composite
def schemas(draw: st.DrawFn, model: str, depth: int = 2) -> Drawn:
    names: dict[str, Any] = {"__module__": __name__, "__annotations__": {}}
    paths: list[str] = []
    for attribute in draw(
        st.lists(st.sampled_from(sorted(COLUMNS[model])), min_size=1, max_size=4)
    ):
        annotation = draw(st.sampled_from(COLUMNS[model][attribute]))
        _add(draw, names, attribute, annotation)
    if depth:
        for relations, many in ((ONE[model], False), (MANY[model], True)):
            for relation in draw(st.lists(st.sampled_from(sorted(relations)), max_size=1))\
                    if relations else []:  # fmt: skip
                inner = draw(schemas(relations[relation], depth - 1))
                schema: Any = inner.schema
                kinds = (
                    [list[schema], tuple[schema, ...], Sequence[schema], list[schema] | None]
                    if many
                    else [schema | None, schema | None, schema]
                )
                _add(draw, names, relation, draw(st.sampled_from(kinds)))
                paths += [relation, *(f"{relation}.{path}" for path in inner.paths)]
        for relation, target in ONE[model].items():
            if draw(st.integers(0, 5)) == 0:
                column = draw(st.sampled_from(sorted(COLUMNS[target])))
                names["__annotations__"]["flat"] = Any
                names["flat"] = Field("none", validation_alias=AliasPath(relation, column))
                paths.append(relation)
    extras = draw(st.integers(0, 9))
    if extras == 0:
        names["seen_before"] = model_validator(mode="before")(_unchanged)
    elif extras == 1:
        names["seen_after"] = model_validator(mode="after")(_itself)
    elif extras == 2:
        names["count"] = computed_field(property(_count))
    base = draw(st.sampled_from([BaseModel, BaseModel, SQLModel]))
    config = draw(st.sampled_from(CONFIGS))
    # SQLModel takes what pydantic calls a config key by key, and knows fewer of them.
    names["model_config"] = ConfigDict() if base is SQLModel else config
    return Drawn(type(base)(f"{model}Read", (base,), names), paths)


def _add(draw: st.DrawFn, names: dict[str, Any], attribute: str, annotation: Any) -> None:
    kind = draw(st.sampled_from(["plain", "plain", "plain", "alias", "choices", "out", "default"]))
    name = attribute if kind in ("plain", "out", "default") else f"my_{attribute}"
    if name in names["__annotations__"]:
        return
    names["__annotations__"][name] = annotation
    if kind == "alias":
        names[name] = Field(validation_alias=attribute)
    elif kind == "choices":
        names[name] = Field(validation_alias=AliasChoices("nowhere", attribute, "id"))
    elif kind == "out":
        names[name] = Field(alias=f"{attribute}Out")
    elif kind == "default":
        names[name] = Field(default=None, serialization_alias="out")


def _hides_a_field(schema: type[BaseModel]) -> bool:
    """Whether a field, of the schema or of one in it, goes by an alias that does not count."""
    text = repr(TypeAdapter(schema).core_schema)
    return "'validate_by_alias': False" in text and "'validation_alias': " in text


def _unchanged(_: Any, data: Any) -> Any:
    return data


def _itself(self: BaseModel) -> BaseModel:
    return self


def _count(self: BaseModel) -> int:
    return len(type(self).model_fields)


def _ordered(entity: Any, paths: list[str]) -> None:
    """Put what no relation orders into the order of the key."""
    for path in sorted(paths):
        items = [entity]
        for step in path.split("."):
            items = [found for item in items for found in _related(item, step)]


def _related(item: Any, step: str) -> Iterator[Any]:
    found = getattr(item, step)
    if step in UNORDERED:
        key = UNORDERED[step]
        set_committed_value(item, step, sorted(found, key=lambda child: getattr(child, key)))
    if isinstance(found, list):
        yield from found
    elif found is not None:
        yield found


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Drawn]:
    model = draw(st.sampled_from(sorted(SERVICES)))
    return model, draw(schemas(model))


@given(asked=questions())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_schema_is_filled_as_from_the_loaded_entity(
    heroes: Database, asked: tuple[str, Drawn]
) -> None:
    model, drawn = asked
    service = SERVICES[model]
    adapter = TypeAdapter(list[drawn.schema])  # type: ignore[name-defined] # known at run time
    async with heroes.reader() as session:
        entities = await service(session).where().load(*drawn.paths).all()
        for entity in entities:
            _ordered(entity, drawn.paths)
        try:
            expected = adapter.validate_python(entities, from_attributes=True, by_name=True)
        except ValidationError as error:
            expected = {item["type"] for item in error.errors()}
    async with heroes.reader() as session:
        try:
            found = await service(session).into(drawn.schema).all()
        except InvalidSchema:
            # What is never found is told before anything is read.
            assert _hides_a_field(drawn.schema)
            return
        except ValidationError as error:
            found = {item["type"] for item in error.errors()}
    assert found == expected
    if isinstance(found, list):
        assert adapter.dump_python(found, exclude_unset=True) == adapter.dump_python(
            expected, exclude_unset=True
        )
