"""INSERT fills every column in as many statements as it takes for one row."""

from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from colonnade import Database, ServiceBase
from colonnade.testing import count_statements


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Slow(Base, table=True):
    """A model that does not fetch its defaults with the INSERT."""

    __mapper_args__: ClassVar[dict[str, Any]] = {"eager_defaults": False}
    hall: str = Field(primary_key=True, max_length=20)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    state: str = Field(default=None, sa_column_kwargs={"server_default": "new"}, max_length=20)


class SlowCreate(SQLModel):
    hall: str
    number: int


class SlowService(ServiceBase[Slow, SlowCreate, SlowCreate]):
    pass


async def test_defaults_that_the_insert_did_not_return_take_one_statement_for_all_rows(
    database: Database,
) -> None:
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        for hall, rows in (("a", 1), ("b", 30)):
            with count_statements(database) as statements:
                made = await SlowService(session).create_many(
                    SlowCreate(hall=hall, number=number) for number in range(rows)
                )
            statements.expect(2)
            assert [(item.number, item.state) for item in made] == [(n, "new") for n in range(rows)]
