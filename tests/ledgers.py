"""Models with attributes that SQL computes, which the tests of hybrids and their like share."""

from typing import Any, ClassVar, Optional

from pydantic import ConfigDict
from sqlalchemy import JSON, Integer, MetaData, bindparam, case, func, select
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import Comparator, hybrid_method, hybrid_property
from sqlalchemy.orm import column_property, registry, synonym
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, Scope, ServiceBase

#: What ``Book.allowed`` adds; a test may change it.
ALLOWANCE = {"value": 1}


class Base(SQLModel, registry=registry(metadata=MetaData())):
    model_config = ConfigDict(ignored_types=(hybrid_property, hybrid_method))  # type: ignore[assignment]


class Folded(Comparator[str]):
    """Compares in any case."""

    def __eq__(self, other: object) -> Any:
        return func.lower(self.__clause_element__()) == func.lower(other)


class Fussy(Comparator[str]):
    """Looks at the value in Python."""

    def __eq__(self, other: object) -> Any:
        return self.__clause_element__() == other.upper()


class Owner(Base, table=True):
    __tablename__ = "ledger_owner"
    id: int | None = Field(default=None, primary_key=True)
    first: str
    last: str | None = None
    books: list["Book"] = Relationship(back_populates="owner")

    @hybrid_property
    def label(self) -> Any:
        return self.first + "/" + self.last


class Entry(Base, table=True):
    __tablename__ = "ledger_entry"
    __scopes__ = (Scope("live", lambda entry: entry.amount >= 0),)
    id: int | None = Field(default=None, primary_key=True)
    book_id: int = Field(foreign_key="ledger_book.id")
    amount: int = 0
    book: "Book" = Relationship(back_populates="entries")

    @hybrid_property
    def twice(self) -> Any:
        return self.amount * 2


class Book(Base, table=True):
    __tablename__ = "ledger_book"
    id: int | None = Field(default=None, primary_key=True)
    title: str
    owed: int = 0
    paid: int | None = None
    data: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    owner_id: int | None = Field(default=None, foreign_key="ledger_owner.id")
    owner: Optional[Owner] = Relationship(back_populates="books")  # noqa: UP045
    entries: list[Entry] = Relationship(back_populates="book")
    owner_first: ClassVar[AssociationProxy[str]] = association_proxy("owner", "first")

    @hybrid_property
    def due(self) -> Any:
        return self.owed - self.paid

    @hybrid_property
    def heading(self) -> Any:
        return f"{self.title}!"

    @heading.inplace.expression
    @classmethod
    def _heading(cls) -> Any:
        return func.coalesce(cls.title, "") + "!"

    @heading.inplace.update_expression
    @classmethod
    def _set_heading(cls, value: Any) -> Any:
        return [(cls.title, value.removesuffix("!"))]

    @hybrid_property
    def size(self) -> Any:
        return func.abs(func.length(self.title))

    @hybrid_property
    def unknown(self) -> Any:
        return func.round(self.owed)

    @hybrid_property
    def rounded(self) -> float | None:
        return func.round(self.owed)  # type: ignore[return-value]

    @hybrid_property
    def allowed(self) -> Any:
        grant = bindparam("grant", callable_=lambda: ALLOWANCE["value"], type_=Integer, unique=True)
        return self.owed + grant

    @hybrid_property
    def large(self) -> Any:
        return self.owed > 5

    @hybrid_property
    def size_class(self) -> Any:
        return "big" if self.owed > 5 else "small"

    @size_class.inplace.expression
    @classmethod
    def _size_class(cls) -> Any:
        return case((cls.owed > 5, "big"), else_="small")

    @hybrid_property
    def folded(self) -> Any:
        return self.title

    @folded.inplace.comparator
    @classmethod
    def _folded(cls) -> Folded:
        return Folded(cls.title)

    @hybrid_property
    def fussy(self) -> Any:
        return self.title

    @fussy.inplace.comparator
    @classmethod
    def _fussy(cls) -> Fussy:
        return Fussy(cls.title)

    @hybrid_property
    def loud(self) -> Any:
        return self.title.upper()

    @hybrid_method
    def beyond(self, least: int) -> Any:
        return self.owed > least

    @property
    def quiet(self) -> str:
        return self.title.lower()


BOOK: Any = Book
BOOK.many = column_property(
    select(func.count(Entry.id))  # type: ignore[arg-type]
    .where(Entry.book_id == Book.id)
    .correlate_except(Entry)
    .scalar_subquery()
)
BOOK.debt = synonym("owed")
BOOK.holder = synonym("owner")


class BookService(ServiceBase[Book, Any, Any]):
    pass


class OwnerService(ServiceBase[Owner, Any, Any]):
    pass


async def fill(database: Database) -> None:
    """Make the tables and their rows."""
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with database.session() as session:
        session.add_all([Owner(id=1, first="Ann", last="Lee"), Owner(id=2, first="Bo")])
        await session.flush()
        session.add_all(
            [
                Book(id=1, title="Tea", owed=9, paid=8, owner_id=1, data={"colour": "red"}),
                Book(id=2, title="beer", owed=5, owner_id=2, data={"colour": "blue"}),
                Book(id=3, title="ALE", owed=7, paid=7, owner_id=1),
                Book(id=4, title="wine", owed=5, paid=1),
            ]
        )
        await session.flush()
        entries = [(1, 3), (2, 1), (2, 2), (3, 4), (4, 1), (4, 2), (4, 3)]
        session.add_all([Entry(book_id=book, amount=amount) for book, amount in entries])
    async with database.engine.begin() as connection:
        hidden = [{"book_id": 1, "amount": -1} for _ in range(9)]
        await connection.execute(Entry.__table__.insert(), hidden)  # type: ignore[attr-defined]
