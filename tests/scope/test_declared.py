from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Scope
from colonnade.errors import InvalidMapping
from colonnade.mapping import configure
from colonnade.scope import rules_of


@pytest.fixture
def base() -> Iterator[Any]:
    class Base(SQLModel, registry=registry(metadata=MetaData())):
        pass

    made: Any = Base
    yield made
    made._sa_registry.dispose()


@pytest.fixture
def models() -> Iterator[registry]:
    made = registry()
    yield made
    made.dispose()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "by tenant", "column": "id"}, "identifier"),
        ({"name": "tenant"}, "takes a condition or a column"),
        ({"name": "tenant", "column": "id", "where": lambda row: row.id}, "condition or a column"),
        ({"name": "tenant", "where": lambda: None}, "takes the model"),
        ({"name": "tenant", "where": lambda a, b, c: None}, "takes the model"),
    ],
)
def test_a_scope_that_makes_no_sense_is_refused_where_it_is_written(
    given: dict[str, Any], told: str
) -> None:
    with pytest.raises(InvalidMapping, match=told):
        Scope(**given)


def test_a_scope_takes_a_value_if_its_condition_has_a_second_argument() -> None:
    assert Scope("tenant", column="tenant_id").takes_value
    assert Scope("tenant", lambda row, tenant: row.tenant_id == tenant).takes_value
    assert not Scope("alive", lambda row: row.gone.is_(None)).takes_value
    assert not Scope("alive", lambda row, note="": row.gone.is_(None)).takes_value


def test_scopes_of_a_model_and_its_mixins_add_up_and_the_nearer_replaces_one_of_its_name(
    base: Any,
) -> None:
    class Owned(SQLModel):
        __scopes__ = Scope("tenant", column="tenant_id")
        tenant_id: int

    class Marked(SQLModel):
        __scopes__ = (Scope("alive", lambda row: row.gone.is_(False)),)
        gone: bool = False

    own = Scope("tenant", lambda row, tenant: row.tenant_id == tenant)

    class Thing(Owned, Marked, base, table=True):  # type: ignore[misc]
        __scopes__ = (own,)
        id: int = Field(primary_key=True)

    rules = rules_of(Thing.__table__)
    assert rules is not None
    assert {scope.name for scope in rules.scopes} == {"tenant", "alive"}
    assert own in rules.scopes


def test_a_copy_of_a_table_that_a_statement_makes_has_the_rules_of_the_table(base: Any) -> None:
    class Thing(base, table=True):  # type: ignore[misc]
        __scopes__ = (Scope("tenant", column="id"),)
        id: int = Field(primary_key=True)

    copy = Thing.__table__._annotate({"x": 1})
    assert copy is not Thing.__table__
    assert rules_of(copy) is rules_of(Thing.__table__) is not None


def test_a_scope_that_names_no_column_fails_when_mappers_are_configured(base: Any) -> None:
    class Thing(base, table=True):  # type: ignore[misc]
        __scopes__ = (Scope("tenant", column="tenantid"),)
        id: int = Field(primary_key=True)
        tenant_id: int

    with pytest.raises(InvalidMapping, match="scope 'tenant' of Thing names no column") as caught:
        configure(base._sa_registry)
    assert "did you mean 'tenant_id'" in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (lambda row: row.missing == 1, "cannot be made.*missing"),
        (lambda row: True, "is no condition but a bool"),
        (lambda row: None, "is no condition but a NoneType"),
    ],
)
def test_a_condition_that_cannot_be_made_fails_when_mappers_are_configured(
    base: Any, condition: Any, told: str
) -> None:
    class Thing(base, table=True):  # type: ignore[misc]
        __scopes__ = (Scope("tenant", condition),)
        id: int = Field(primary_key=True)

    with pytest.raises(InvalidMapping, match=told):
        configure(base._sa_registry)


def test_what_is_no_scope_is_refused(base: Any) -> None:
    with pytest.raises(InvalidMapping, match="__scopes__ holds scopes, not a str"):

        class Thing(base, table=True):  # type: ignore[misc]
            __scopes__ = ("tenant",)
            id: int = Field(primary_key=True)


def person(models: registry) -> Any:
    @models.mapped
    class Person:
        __scopes__ = (Scope("tenant", column="id"),)
        __table__ = Table(
            "person",
            models.metadata,
            Column("id", Integer, primary_key=True),
            Column("kind", Integer),
        )
        __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": 1}  # noqa: RUF012

    return Person


def test_a_model_that_shares_a_table_shares_its_scopes(models: registry) -> None:
    first = person(models)

    @models.mapped
    class Boss(first):  # type: ignore[misc]
        __mapper_args__ = {"polymorphic_identity": 2}  # noqa: RUF012

    configure(models)
    assert rules_of(Boss.__table__) is rules_of(first.__table__) is not None

    @models.mapped
    class Clerk(first):  # type: ignore[misc]
        __scopes__ = (Scope("alive", lambda row: row.id > 0),)
        __mapper_args__ = {"polymorphic_identity": 3}  # noqa: RUF012

    with pytest.raises(InvalidMapping, match=r"Clerk declares scopes for the table .* with Person"):
        configure(models)


def test_a_model_that_inherits_scopes_by_a_table_of_its_own_is_refused(models: registry) -> None:
    @models.mapped
    class Boss(person(models)):  # type: ignore[misc]
        __table__ = Table(
            "boss", models.metadata, Column("id", ForeignKey("person.id"), primary_key=True)
        )
        __mapper_args__ = {"polymorphic_identity": 2}  # noqa: RUF012

    with pytest.raises(InvalidMapping, match="Boss has scopes and no table of its own"):
        configure(models)
