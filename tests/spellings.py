"""Models whose keys a database may find equal though Python does not: each kind of text key."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import new_class
from typing import Any, Optional

from pydantic import BaseModel
from sqlalchemy import (
    CHAR,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    String,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, ServiceBase


class Lowered(TypeDecorator[str]):
    """A type of a user's own, which writes any text in lower case."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.lower()


#: The types of text keys, made anew for each column.
TEXT_KEYS: dict[str, Callable[[], Any]] = {
    "plain": lambda: String(20),
    "citext": lambda: String(20).with_variant(CITEXT(), "postgresql"),
    "char": lambda: CHAR(5),
    "nocase": lambda: String(20).with_variant(String(20, collation="NOCASE"), "sqlite"),
    "rtrim": lambda: String(20).with_variant(String(20, collation="RTRIM"), "sqlite"),
    "lowered": Lowered,
}

#: Another spelling of "de" that a foreign key takes for it, by the kind of key and the dialect.
SAME: dict[tuple[str, str], str] = {
    ("plain", "mysql"): "DE",
    ("citext", "postgresql"): "DE",
    ("citext", "mysql"): "De",
    ("char", "mysql"): "DE",
    ("nocase", "sqlite"): "dE",
    ("nocase", "mysql"): "dE",
    ("rtrim", "sqlite"): "de  ",
    ("rtrim", "mysql"): "DE ",
    ("lowered", "sqlite"): "DE",
    ("lowered", "postgresql"): "DE",
    ("lowered", "mysql"): "DE",
}


class TownRead(BaseModel):
    name: str


@dataclass(frozen=True)
class Lands:
    """Models with one kind of key: lands, their towns and banks, lands within lands."""

    metadata: MetaData
    land: type[Any]
    town: type[Any]
    bank: type[Any]
    lands: type[ServiceBase[Any, Any, Any]]
    towns: type[ServiceBase[Any, Any, Any]]
    banks: type[ServiceBase[Any, Any, Any]]


def lands_of(kind: str) -> Lands:
    """Return models with keys of this kind, in a registry of their own."""
    key = TEXT_KEYS[kind]
    metadata = MetaData()

    class Base(SQLModel, registry=registry(metadata=metadata)):
        pass

    class Licence(Base, table=True):
        land_code: str = Field(sa_column=Column(key(), ForeignKey("land.code"), primary_key=True))
        bank_id: int = Field(primary_key=True, foreign_key="bank.id")

    class Land(Base, table=True):
        code: str = Field(sa_column=Column(key(), primary_key=True))
        name: str = ""
        within: str | None = Field(default=None, sa_column=Column(key(), ForeignKey("land.code")))
        around: Optional["Land"] = Relationship(
            back_populates="parts", sa_relationship_kwargs={"remote_side": "Land.code"}
        )
        parts: list["Land"] = Relationship(back_populates="around")
        towns: list["Town"] = Relationship(
            back_populates="land", sa_relationship_kwargs={"order_by": "Town.id"}
        )
        banks: list["Bank"] = Relationship(back_populates="lands", link_model=Licence)

    class Town(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str
        code: str = Field(sa_column=Column(key(), ForeignKey("land.code")))
        land: Land = Relationship(back_populates="towns")

    class Bank(Base, table=True):
        id: int | None = Field(default=None, primary_key=True)
        name: str
        lands: list[Land] = Relationship(back_populates="banks", link_model=Licence)

    return Lands(
        metadata,
        Land,
        Town,
        Bank,
        service_of(Land),
        service_of(Town),
        service_of(Bank),
    )


def composed_of(kind: str) -> tuple[MetaData, type[Any], type[Any]]:
    """Return a model with a key of a number and a text of this kind, and one of its children."""
    key = TEXT_KEYS[kind]
    metadata = MetaData()

    class Base(SQLModel, registry=registry(metadata=metadata)):
        pass

    class Shelf(Base, table=True):
        hall: int = Field(primary_key=True)
        code: str = Field(sa_column=Column(key(), primary_key=True))
        name: str = ""
        books: list["Book"] = Relationship(sa_relationship_kwargs={"order_by": "Book.id"})

    class Book(Base, table=True):
        __table_args__ = (
            ForeignKeyConstraint(["hall", "shelf_code"], ["shelf.hall", "shelf.code"]),
        )
        id: int | None = Field(default=None, primary_key=True)
        name: str = ""
        hall: int
        shelf_code: str = Field(sa_column=Column(key()))

    return metadata, Shelf, Book


def service_of(model: type[Any]) -> type[ServiceBase[Any, Any, Any]]:
    """Return a service of the model, created from a model without its relations and patched."""
    columns = {name: field.annotation for name, field in model.model_fields.items()}
    create = type(f"{model.__name__}In", (BaseModel,), _schema(model, columns))
    patch: Any = {name: Optional[kind] for name, kind in columns.items()}  # noqa: UP045
    update = type(
        f"{model.__name__}Patch", (BaseModel,), _schema(model, patch) | dict.fromkeys(patch)
    )
    found: Any = new_class(f"{model.__name__}s", (ServiceBase[model, create, update],))  # type: ignore[valid-type]
    return found  # type: ignore[no-any-return]


def _schema(model: type[Any], kinds: dict[str, Any]) -> dict[str, Any]:
    names = {"__module__": __name__, "__annotations__": kinds}
    defaults = {
        name: field.default
        for name, field in model.model_fields.items()
        if not field.is_required() and name in kinds
    }
    return names | defaults


@asynccontextmanager
async def tables(database: Database, metadata: MetaData) -> AsyncIterator[None]:
    """The tables of ``metadata``, as long as they are needed."""
    async with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("CREATE EXTENSION IF NOT EXISTS citext"))
        await connection.run_sync(metadata.create_all)
    yield
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
