"""The tables of the fault tests, in a registry of their own."""

from uuid import UUID

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

__all__ = ["METADATA", "Account", "Counter", "Note", "Transfer"]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    """The registry."""


METADATA = Base.metadata


class Note(Base, table=True):
    """A row that is there or not."""

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: int = 0


class Counter(Base, table=True):
    """A row that units contend for."""

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = 0


class Account(Base, table=True):
    """Money that is somewhere."""

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    balance: int


class Transfer(Base, table=True):
    """Money that was moved, under a key that its clerk chose."""

    id: UUID = Field(primary_key=True)
    source: int
    target: int
    amount: int
