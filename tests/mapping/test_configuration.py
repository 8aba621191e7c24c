from typing import Any, Optional

import pytest
from sqlalchemy import MetaData, UniqueConstraint
from sqlalchemy.exc import ArgumentError, InvalidRequestError
from sqlalchemy.orm import configure_mappers, registry
from sqlalchemy.orm.exc import UnmappedClassError
from sqlmodel import Field, Relationship, SQLModel

from colonnade.errors import InvalidMapping
from colonnade.mapping import check_models, configure, find_model_problems, mappers_of, mapping_of
from colonnade.mapping.configuration import find_failures


def _base() -> Any:
    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    return Base


def _hero(base: Any) -> Any:
    class Hero(base, table=True):  # type: ignore[misc]
        id: int | None = Field(default=None, primary_key=True)
        team_id: int | None = Field(default=None, foreign_key="team.id")
        team: Optional["Team"] = Relationship(back_populates="heroes")  # noqa: F821  # comes later

    return Hero


def _team(base: Any) -> Any:
    class Team(base, table=True):  # type: ignore[misc]
        id: int | None = Field(default=None, primary_key=True)
        heroes: list["Hero"] = Relationship(back_populates="team")  # noqa: F821  # by its name

    return Team


@pytest.fixture
def base() -> Any:
    made = _base()
    yield made
    made._sa_registry.dispose()


def test_configuring_heals_once_the_missing_model_is_imported(base: Any) -> None:
    hero = _hero(base)
    with pytest.raises(InvalidMapping, match=r"Hero.team: class 'Team' is not imported") as error:
        mapping_of(hero)
    assert (error.value.model, error.value.fields) == ("Hero", ("team",))
    team = _team(base)
    assert mapping_of(hero).relations["team"].target is team


def test_configuring_heals_what_sqlalchemy_itself_had_given_up(base: Any) -> None:
    hero = _hero(base)
    for _ in range(2):
        with pytest.raises(InvalidRequestError):
            base._sa_registry.configure(cascade=True)
    team = _team(base)
    with pytest.raises(InvalidRequestError, match="failed to initialize"):
        base._sa_registry.configure(cascade=True)  # stays failed
    configure(base._sa_registry)
    assert mapping_of(team).relations["heroes"].target is hero
    configure_mappers()


def test_every_failure_is_named_with_its_cause_at_once(base: Any) -> None:
    hero = _hero(base)

    class Teams(base, table=True):  # type: ignore[misc]
        id: int | None = Field(default=None, primary_key=True)

    class Villain(base, table=True):  # type: ignore[misc]
        id: int | None = Field(default=None, primary_key=True)
        teams_id: int | None = Field(default=None, foreign_key="teams.id")
        teams: Teams = Relationship(back_populates="nothing")

    class Base2(base, table=True):  # type: ignore[misc]
        id: int | None = Field(default=None, primary_key=True)
        lair: Optional["Lair"] = Relationship()  # noqa: F821  # does not exist

    with pytest.raises(InvalidMapping) as error:
        configure(base._sa_registry)
    first, second, third, fourth = error.value.message.splitlines()
    assert first == "models that cannot be mapped:"
    assert second == "- Base2.lair: class 'Lair' is not imported, or not mapped"
    assert third == (
        "- Hero.team: class 'Team' is not imported, or not mapped (did you mean 'Teams'?)"
    )
    assert fourth.startswith("- Villain.teams: Mapper ")
    assert "has no property 'nothing'" in fourth
    assert mapping_of_names(base) == error.value.message
    assert len(find_model_problems(base.metadata)) == 3
    assert hero.__name__ == "Hero"
    with pytest.raises(InvalidMapping, match=r"Hero\.team"):
        check_models(base.metadata)


def mapping_of_names(base: Any) -> str:
    """Asked again, it says the same."""
    with pytest.raises(InvalidMapping) as error:
        configure(base._sa_registry)
    return error.value.message


def test_a_failure_that_is_no_relations_fault_names_the_model(base: Any) -> None:
    from sqlalchemy import event

    hero, team = _hero(base), _team(base)

    @event.listens_for(hero, "mapper_configured")
    def fail(mapper: Any, model: Any) -> None:
        raise LookupError("no such luck")

    for _ in range(2):
        (failure,) = find_failures(base._sa_registry)
        assert str(failure) == "Hero: no such luck"
    event.remove(hero, "mapper_configured", fail)
    assert mapping_of(team).relations["heroes"].target is hero


def test_an_error_outside_of_any_mapper_is_passed_on(base: Any) -> None:
    from sqlalchemy import event

    models = _team(base), _hero(base)

    @event.listens_for(base._sa_registry, "before_configured")
    def fail(models: Any) -> None:
        raise LookupError("no such luck")

    with pytest.raises(LookupError):
        configure(base._sa_registry)
    assert len(models) == 2


def test_a_model_whose_declaration_failed_is_in_nobodys_way(base: Any) -> None:
    team = _team(base)
    with pytest.raises(ArgumentError) as caught:

        class Power(base, table=True):  # type: ignore[misc]
            __table_args__ = (UniqueConstraint("nmae"),)
            id: int | None = Field(default=None, primary_key=True)
            name: str

    assert caught.value  # it holds the class, which its registry therefore still knows
    with pytest.raises(UnmappedClassError):
        list(base._sa_registry.mappers)
    assert [mapper.class_ for mapper in mappers_of(base.metadata)] == [team]
    hero = _hero(base)
    configure(base._sa_registry)
    assert mapping_of(hero).relations["team"].target is team


def test_models_without_a_problem_pass(base: Any) -> None:
    models = _hero(base), _team(base)
    check_models(base.metadata)
    assert find_model_problems(base.metadata) == ()
    assert all(mapping_of(model).relations for model in models)


def test_a_model_whose_table_has_no_key_is_named() -> None:
    from sqlalchemy import Column, Integer, Table

    models = registry()
    table = Table("log", models.metadata, Column("line", Integer))

    class Log:
        pass

    models.map_imperatively(Log, table, primary_key=[table.c.line])
    assert find_model_problems(models.metadata) == ("Log: the table has no primary key",)
    models.dispose()
