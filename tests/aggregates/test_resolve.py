"""What an aggregate means for a model, and what is wrong with it, before any statement."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, create_model
from sqlalchemy import JSON, MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from tests.guild import Hero, Kind, Mission, Seat, Team

from colonnade import Avg, Count, Group, Max, Min, Sum
from colonnade.aggregates import resolve_groups
from colonnade.aggregates.resolve import resolve_aggregates
from colonnade.errors import InvalidSchema
from colonnade.schemas import Plan, plan_of


def schema(**fields: Any) -> type[BaseModel]:
    made: type[BaseModel] = create_model("Stats", **{k: (v, ...) for k, v in fields.items()})
    return made


def refusal(model: type[Any] = Hero, **fields: Any) -> InvalidSchema:
    with pytest.raises(InvalidSchema) as caught:
        planned(model, schema(**fields))
    return caught.value


def planned(model: type[Any], asked: type[BaseModel]) -> Plan:
    made = resolve_groups(model, asked)
    return plan_of(made.entity if made else model, asked)


def test_a_path_over_a_collection_is_about_each_row_and_any_other_about_groups() -> None:
    each = schema(id=int, heroes=Annotated[int, Count("heroes")])
    all_of_them = schema(city_id=int | None, teams=Annotated[int, Count()])
    through_one = schema(id=int, colleagues=Annotated[int, Count("team.heroes")])
    assert resolve_groups(Team, each) is None
    assert resolve_groups(Hero, through_one) is None
    found = resolve_groups(Team, all_of_them)
    assert found is not None
    assert found.fields == ("city_id",)


def test_a_group_alone_makes_a_schema_of_groups() -> None:
    found = resolve_groups(Hero, schema(kind=Annotated[Kind | None, Group()]))
    assert found is not None
    assert found.fields == ("kind",)


def test_figures_about_children_alone_are_ambiguous() -> None:
    error = refusal(Team, heroes=Annotated[int, Count("heroes")])
    assert error.message == (
        "Stats has figures about children, and nothing else: of each Team, or of all of them?"
    )
    assert error.hint is not None
    assert "Count()" in error.hint


def test_the_sum_of_nothing_is_0_where_none_does_not_fit() -> None:
    some = schema(id=int, age=Annotated[int, Sum("heroes.age")])
    none = schema(id=int, age=Annotated[int | None, Sum("heroes.age")])
    assert [item.zero for item in resolve_aggregates(Team, some)] == [True]
    assert [item.zero for item in resolve_aggregates(Team, none)] == [False]


@pytest.mark.parametrize("made", [Avg("age"), Min("age"), Max("age")], ids=repr)
def test_what_may_be_nothing_needs_a_field_that_takes_none(made: Any) -> None:
    kind = float if isinstance(made, Avg) else int
    error = refusal(n=Annotated[kind, made])
    assert error.message == f"Stats.n: {made!r} is None where there is nothing"
    assert error.hint == f"annotate it as {kind.__name__} | None"


def test_a_group_has_a_row_at_least() -> None:
    assert resolve_aggregates(Mission, schema(hero_id=int, last=Annotated[int, Max("year")]))
    assert "is None where" in refusal(Mission, last=Annotated[int, Max("year")]).message
    filtered = Max("year").where(done=True)
    assert "is None where" in refusal(Mission, hero_id=int, last=Annotated[int, filtered]).message


@pytest.mark.parametrize(
    ("annotation", "aggregate", "told"),
    [
        (str, Count(), "Count() is an int"),
        (bool, Count(), "Count() is an int"),
        (int | None, Sum("fee"), "Sum('fee') is a Decimal"),
        (int | None, Avg("age"), "Avg('age') is a float"),
        (Decimal | None, Avg("fee"), "Avg('fee') is a float"),
        (Decimal | None, Sum("height"), "Sum('height') is a float"),
        (str | None, Max("born"), "Max('born') is a date"),
        (date | None, Max("seen"), "Max('seen') is a datetime"),
        (Kind, Count(), "Count() is an int"),
    ],
)
def test_a_result_that_the_field_cannot_hold_is_refused(
    annotation: Any, aggregate: Any, told: str
) -> None:
    error = refusal(team_id=int, n=Annotated[annotation, aggregate])
    assert error.message == f"Stats.n: {told}"
    assert error.hint == f"annotate it as {told.split()[-1]}"
    assert error.fields == ("n",)


@pytest.mark.parametrize(
    ("annotation", "aggregate"),
    [
        (float, Count()),
        (Decimal, Sum("age")),
        (float | None, Sum("fee")),
        (Any, Max("name")),
        (int | str | None, Max("age")),
        (Annotated[int | None, "more"], Max("age")),
    ],
)
def test_a_wider_type_takes_a_result(annotation: Any, aggregate: Any) -> None:
    assert resolve_aggregates(Hero, schema(team_id=int, n=Annotated[annotation, aggregate]))


@pytest.mark.parametrize(
    ("annotation", "aggregate", "told"),
    [
        (int, Sum("name"), "Sum('name') is for numbers, and name is none"),
        (int, Sum("active"), "Sum('active') is for numbers, and active is none"),
        (float | None, Avg("born"), "Avg('born') is for numbers, and born is none"),
        (bool | None, Max("active"), "Max('active'): a bool has no order on every database"),
        (UUID | None, Min("badge"), "Min('badge'): a UUID has no order on every database"),
        (Kind | None, Max("kind"), "Max('kind'): a Kind has no order on every database"),
        (int, Count("nmae"), "Count('nmae'): Hero has no field 'nmae'"),
        (int | None, Max("missions"), "Max('missions'): Hero.missions is a relation, not a column"),
        (int | None, Max("team.nam"), "Max('team.nam'): Team has no field 'nam'"),
    ],
)
def test_an_aggregate_that_the_model_does_not_have_is_refused(
    annotation: Any, aggregate: Any, told: str
) -> None:
    error = refusal(team_id=int, n=Annotated[annotation, aggregate])
    assert error.message == f"Stats.n: {told}"
    if "nam" in told and "for numbers" not in told:
        assert error.hint is not None
        assert "did you mean 'name'?" in error.hint


def test_truths_are_counted_not_summed() -> None:
    error = refusal(team_id=int, n=Annotated[int, Sum("active")])
    assert error.hint == "Count().where(…) counts those that are true"


def test_an_aggregate_inside_a_union_is_not_overlooked() -> None:
    error = refusal(team_id=int, age=Annotated[int, Max("age")] | None)
    assert error.message == "Stats.age: Max('age') stands inside a union"
    assert error.hint == "write Annotated[… | None, Max('age')]"


def test_a_field_has_one_aggregate() -> None:
    error = refusal(team_id=int, n=Annotated[int, Count(), Sum("age")])
    assert error.message == "Stats.n has more than one aggregate"


def test_rows_are_distinct_already() -> None:
    error = refusal(team_id=int, n=Annotated[int, Count(distinct=True)])
    assert error.hint == "name what is to be counted once"


def test_keys_of_several_columns_are_not_counted_once() -> None:
    class Row(BaseModel):
        id: int
        hall: str
        seats: Annotated[int, Count("seat", distinct=True)]

    from tests.guild import Ticket

    with pytest.raises(InvalidSchema, match="keys of several columns"):
        resolve_groups(Ticket, Row)


def test_groups_are_not_nested() -> None:
    inner = schema(place_id=int, n=Annotated[int, Count()])
    error = refusal(id=int, missions=list[inner])  # type: ignore[valid-type]
    assert error.message == "Stats.n: groups are not nested in another schema"
    assert refusal(id=int, missions=list[schema(year=Annotated[int, Group()])]).fields == ("year",)


def test_a_group_has_no_collection_and_no_code() -> None:
    n = Annotated[int, Count()]
    assert "a group has none" in refusal(missions=list[schema(title=str)], n=n).message
    assert "a row is in one" in refusal(t=Annotated[str, Group("missions.title")], n=n).message
    assert "has nothing that fills it" in refusal(tem_id=int, n=n).message
    assert "did you mean 'team_id'?" in str(refusal(tem_id=int, n=n).hint)
    assert "Hero has no field" in refusal(t=Annotated[str, Group("nmae")], n=n).message


def test_means_and_distinct_counts_do_not_add_up() -> None:
    error = refusal(
        team_id=int, n=Annotated[int, Count()], y=Annotated[float, Avg("missions.year")]
    )
    assert "is None where" in error.message
    mean = Annotated[float | None, Avg("missions.year")]
    error = refusal(team_id=int, n=Annotated[int, Count()], y=mean)
    assert error.hint == "ask the service of Mission for it"
    places = Annotated[int, Count("missions.place_id", distinct=True)]
    error = refusal(team_id=int, n=Annotated[int, Count()], y=places)
    assert error.hint == "ask the service of Mission for it"


def test_a_path_is_a_name() -> None:
    with pytest.raises(InvalidSchema, match="takes the name of a column or relation"):
        Count(Hero.name)  # type: ignore[arg-type]
    with pytest.raises(InvalidSchema, match="Group takes the name of a column"):
        Group(Hero.name)  # type: ignore[arg-type]


def test_aggregates_and_groups_print_themselves() -> None:
    assert repr(Count()) == "Count()"
    assert repr(Count("age", distinct=True)) == "Count('age', distinct=True)"
    assert repr(Sum("age").where(active=True)) == "Sum('age').where(…)"
    assert [repr(Group()), repr(Group("team.name"))] == ["Group()", "Group('team.name')"]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Coded(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    first: str = ""
    extra: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)

    @property
    def loud(self) -> str:
        return self.first.upper()


def test_what_is_no_column_with_an_equality_is_no_group() -> None:
    n = Annotated[int, Count()]
    assert refusal(Coded, loud=str, n=n).message == "Stats.loud: Coded.loud is computed in Python"
    assert "has no equality" in refusal(Coded, extra=dict[str, Any], n=n).message
    assert "dict has no order" in refusal(Coded, n=n, e=Annotated[Any, Max("extra")]).message


class Unfinished(BaseModel):
    n: Annotated[int, Count()]
    later: "Missing"  # type: ignore[name-defined]  # noqa: F821, UP037 # the point of it


def test_an_unfinished_schema_says_what_is_missing() -> None:
    with pytest.raises(InvalidSchema, match="refers to Missing"):
        planned(Hero, Unfinished)


def test_a_plan_shows_its_figures() -> None:
    each = schema(id=int, heroes=Annotated[int, Count("heroes")])
    assert str(plan_of(Team, each)) == (
        "Stats from Team: 1 statement\n  id\n  heroes = Count('heroes')"
    )


def test_a_composite_key_relation_is_a_group() -> None:
    from tests.guild import Ticket

    seat = create_model("SeatRead", guest=(str | None, ...))
    found = resolve_groups(Ticket, schema(seat=seat | None, n=Annotated[int, Count()]))
    assert found is not None
    assert [item.attribute for item in found.groupings] == ["hall", "number"]
    assert found.model is Ticket
    assert Seat.__name__ == "Seat"
