"""Children are read by one text, however many parents there are and whatever their key is."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import CHAR, Column, ForeignKeyConstraint, Integer, MetaData, String
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, Rows, ServiceBase
from colonnade.mapping import mapping_of
from colonnade.models import DateTimeUTC, ExactDecimal, IntegerKey, utc_now
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Word(Base, table=True):
    text: str = Field(primary_key=True, max_length=20)
    uses: list["Use"] = Relationship(back_populates="word")


class Use(IntegerKey, Base, table=True):
    word_text: str = Field(foreign_key="word.text", max_length=20)
    word: Word = Relationship(back_populates="uses")


class Code(Base, table=True):
    code: str = Field(sa_column=Column(CHAR(5), primary_key=True))
    uses: list["CodeUse"] = Relationship(back_populates="coded")


class CodeUse(IntegerKey, Base, table=True):
    code: str = Field(foreign_key="code.code", sa_type=CHAR(5))  # type: ignore[call-overload]
    coded: Code = Relationship(back_populates="uses")


class Wide(Base, table=True):
    """A key of every kind at once."""

    name: str = Field(sa_column=Column(String(20), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    token: UUID = Field(primary_key=True)
    fee: Decimal = Field(sa_column=Column(ExactDecimal(8, 2), primary_key=True))
    at: datetime = Field(sa_column=Column(DateTimeUTC, primary_key=True))
    uses: list["WideUse"] = Relationship(back_populates="wide")


class WideUse(IntegerKey, Base, table=True):
    __table_args__ = (
        ForeignKeyConstraint(
            ["name", "number", "token", "fee", "at"],
            ["wide.name", "wide.number", "wide.token", "wide.fee", "wide.at"],
        ),
    )
    name: str = Field(max_length=20)
    number: int
    token: UUID
    fee: Decimal = Field(sa_column=Column(ExactDecimal(8, 2), nullable=False))
    at: datetime = Field(sa_column=Column(DateTimeUTC, nullable=False))
    wide: Wide = Relationship(back_populates="uses")


class UseRead(BaseModel):
    id: int


class Read(BaseModel):
    uses: list[UseRead]


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class WordService(ServiceBase[Word, Anything, Anything]):
    pass


class CodeService(ServiceBase[Code, Anything, Anything]):
    pass


class WideService(ServiceBase[Wide, Anything, Anything]):
    pass


SERVICES: list[Any] = [WordService, CodeService, WideService]
COUNT = 7


@pytest.fixture
async def words(database: Database) -> Database:
    """Seven parents of each kind, of which number n has n children."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    now = utc_now()
    async with database.session() as session:
        wide = [
            {"name": f"n{n}", "number": n, "token": UUID(int=n), "fee": Decimal(n) / 4, "at": now}
            for n in range(COUNT)
        ]
        session.add_all([Word(text=f"w'{n} \\é") for n in range(COUNT)])
        session.add_all([Code(code=f"c{n}") for n in range(COUNT)])
        session.add_all([Wide(**row) for row in wide])
        await session.flush()
        for n in range(COUNT):
            session.add_all([Use(word_text=f"w'{n} \\é") for _ in range(n)])
            session.add_all([CodeUse(code=f"c{n}") for _ in range(n)])
            session.add_all([WideUse(**wide[n]) for _ in range(n)])
    return database


@pytest.mark.parametrize("service", SERVICES)
async def test_one_text_reads_the_children_of_any_number_of_parents(
    words: Database, service: Any
) -> None:
    texts: set[str] = set()
    async with words.reader() as session:
        for count in (1, 2, COUNT):
            asked = service(session).into(Read, uses=Rows("id")).limit(count)
            with count_statements(words) as statements:
                found = await asked.all()
            statements.expect(2)
            texts.add(statements.statements[1])
            assert [len(item.uses) for item in found] == list(range(count))
        # MariaDB's driver writes the values into the text itself.
        assert len(texts) == (3 if session.family == "mysql" else 1)


@pytest.mark.parametrize("service", SERVICES)
async def test_objects_with_a_sorted_collection_have_all_of_it(
    words: Database, service: Any
) -> None:
    async with words.session() as session:
        found = await service(session).where().load(uses=Rows("-id")).all()
        assert [len(item.uses) for item in found] == list(range(COUNT))
        key = tuple(getattr(found[3], name) for name in mapping_of(service.model).key)
        told = await service(session).into(Read).get(key if len(key) > 1 else key[0])
        assert len(told.uses) == 3
