"""Canaries for what ``colonnade._compat.sqlalchemy_statements`` hooks into."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    exists,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from colonnade._compat.sqlalchemy_statements import (
    copy_element,
    entity_of,
    is_anonymous,
    loaded_attributes_of,
    make_unique,
    post_values_of,
    prefixes_of,
    replace_where,
    statement_rows_of,
    statement_values_of,
    tables_of,
    where_of,
)


class Base(DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(deferred=True)


TABLE = Table("t", MetaData(), Column("a", Integer), Column("b", Integer))
OTHER = Table("o", MetaData(), Column("a", Integer))


def test_a_copy_takes_other_parts_and_leaves_the_original() -> None:
    given = TABLE.c.a == 1
    copied = copy_element(given)
    copied.right = TABLE.c.b
    assert str(copied) == "t.a = t.b"
    assert str(given) == "t.a = :a_1"


@pytest.mark.parametrize("statement", [select(TABLE), update(TABLE), delete(TABLE)])
def test_the_conditions_of_a_statement_can_be_read_and_replaced(statement: Any) -> None:
    asked = statement.where(TABLE.c.a == 1).where(text("x OR y"))
    assert [str(item) for item in where_of(asked)] == ["t.a = :a_1", "x OR y"]
    assert tuple(where_of(statement)) == ()
    replaced = replace_where(asked, and_(TABLE.c.b == 2))
    assert str(replaced).endswith("WHERE t.b = :b_1")
    assert str(asked).endswith("x OR y")


def test_an_expression_knows_what_it_would_put_into_from() -> None:
    inner = exists().where(OTHER.c.a == 1)
    assert set(tables_of(func.lower(TABLE.c.a) == TABLE.c.b)) == {TABLE}
    assert set(tables_of(inner)) == set()
    assert set(tables_of(TABLE.join(OTHER, TABLE.c.a == OTHER.c.a))) >= {TABLE, OTHER}


def test_what_an_insert_and_an_update_set_can_be_read() -> None:
    given = statement_values_of(update(TABLE).values(a=1))
    assert {name: value.value for name, value in given.items()} == {"a": 1}
    assert statement_values_of(insert(TABLE)) == {}
    rows = insert(TABLE).values([{"a": 1}, {"a": 2}])
    assert [len(part) for part in statement_rows_of(rows)] == [2]
    assert not statement_rows_of(insert(TABLE))


def test_prefixes_and_clauses_after_values_can_be_read() -> None:
    assert prefixes_of(insert(TABLE).prefix_with("or").prefix_with("replace")) == "OR REPLACE"
    assert prefixes_of(update(TABLE)) == ""
    clause = post_values_of(postgresql.insert(TABLE).on_conflict_do_nothing())
    assert clause.__visit_name__ == "on_conflict_do_nothing"
    assert post_values_of(insert(TABLE)) is None
    assert post_values_of(update(TABLE)) is None


def test_an_orm_statement_names_the_model_and_a_statement_of_its_table_does_not() -> None:
    assert entity_of(insert(Thing)).mapper.class_ is Thing
    assert entity_of(insert(Thing.__table__)) is None


def test_a_load_of_sqlalchemys_own_says_which_columns_it_is_for() -> None:
    seen: list[set[str]] = []
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Thing(id=1, name="a"))
        session.commit()
        event.listen(
            session,
            "do_orm_execute",
            lambda state: (
                state.is_column_load and seen.append(set(loaded_attributes_of(state.statement)))
            ),
        )
        thing = session.scalars(select(Thing)).one()
        assert thing.name == "a"
    engine.dispose()
    assert seen == [{"name"}]


def test_two_parameters_of_one_name_can_meet_when_they_are_made_unique() -> None:
    one, other = bindparam("x", 1), bindparam("x", 2)
    for parameter in (one, other):
        make_unique(parameter)
    compiled = select(one, other).compile()
    assert sorted(compiled.params.values()) == [1, 2]


def test_a_name_that_sqlalchemy_made_up_is_told_from_a_given_one() -> None:
    made: Any = (TABLE.c.a + 1).label(None)
    assert is_anonymous(made.key)
    assert not is_anonymous(TABLE.c.a.key)
