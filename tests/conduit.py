"""A social network: what the tests share of questions whose answers depend on who asks."""

from typing import Annotated, Any, Optional

from pydantic import BaseModel
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Count, Database, Exists, Given, Rows, ServiceBase
from colonnade.models import IntegerKey

ANN, BOB, CID = 1, 2, 3


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Follow(Base, table=True):
    author_id: int = Field(foreign_key="person.id", primary_key=True)
    follower_id: int = Field(foreign_key="person.id", primary_key=True)


class Favourite(Base, table=True):
    article_id: int = Field(foreign_key="article.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True)


class Labelling(Base, table=True):
    article_id: int = Field(foreign_key="article.id", primary_key=True)
    tag_name: str = Field(foreign_key="tag.name", primary_key=True, max_length=20)


class Person(IntegerKey, Base, table=True):
    name: str = Field(max_length=20)
    active: bool = True
    articles: list["Article"] = Relationship(
        back_populates="author", sa_relationship_kwargs={"foreign_keys": "Article.author_id"}
    )
    followers: list["Person"] = Relationship(
        link_model=Follow,
        sa_relationship_kwargs={
            "primaryjoin": "Person.id == Follow.author_id",
            "secondaryjoin": "Person.id == Follow.follower_id",
        },
    )


class Tag(Base, table=True):
    name: str = Field(primary_key=True, max_length=20)
    articles: list["Article"] = Relationship(back_populates="tags", link_model=Labelling)


class Article(IntegerKey, Base, table=True):
    title: str = Field(max_length=20)
    year: int
    author_id: int = Field(foreign_key="person.id")
    editor_id: int | None = Field(default=None, foreign_key="person.id")
    author: Person = Relationship(
        back_populates="articles", sa_relationship_kwargs={"foreign_keys": "Article.author_id"}
    )
    editor: Optional[Person] = Relationship(  # noqa: UP045 # SQLModel wants it for relations
        sa_relationship_kwargs={"foreign_keys": "Article.editor_id"}
    )
    fans: list[Person] = Relationship(link_model=Favourite)
    tags: list[Tag] = Relationship(back_populates="articles", link_model=Labelling)
    comments: list["Comment"] = Relationship(back_populates="article")


class Comment(IntegerKey, Base, table=True):
    text: str = Field(max_length=20)
    article_id: int = Field(foreign_key="article.id")
    author_id: int = Field(foreign_key="person.id")
    article: Article = Relationship(back_populates="comments")
    author: Person = Relationship()


class AuthorRead(BaseModel):
    name: str
    following: Annotated[bool, Exists("followers").where(id=Given("viewer"))]


class TagRead(BaseModel):
    name: str


class ArticleRead(BaseModel):
    """What Conduit's list of articles shows."""

    title: str
    author: AuthorRead
    tags: Annotated[list[TagRead], Rows("name")]
    favourites: Annotated[int, Count("fans")]
    favourited: Annotated[bool, Exists("fans").where(id=Given("viewer"))]


class Anything(BaseModel):
    model_config = {"extra": "allow"}


class ArticleService(ServiceBase[Article, Anything, Anything]):
    pass


class PersonService(ServiceBase[Person, Anything, Anything]):
    pass


class CommentService(ServiceBase[Comment, Anything, Anything]):
    pass


class TagService(ServiceBase[Tag, Anything, Anything]):
    pass


async def fill(db: Database) -> None:
    """Ann wrote two articles, Bob one; Bob follows Ann, Cid both; Cid likes everything of Ann's."""
    async with db.session() as session:

        async def add(rows: list[Any]) -> None:
            session.add_all(rows)
            await session.flush()

        await add(
            [Person(id=id_, name=name) for id_, name in [(ANN, "ann"), (BOB, "bob"), (CID, "cid")]]
        )
        await add([Tag(name=name) for name in ("new", "old")])
        await add(
            [
                Article(id=1, title="one", year=2019, author_id=ANN),
                Article(id=2, title="two", year=2020, author_id=ANN, editor_id=BOB),
                Article(id=3, title="three", year=2021, author_id=BOB, editor_id=ANN),
            ]
        )
        await add(
            [Follow(author_id=a, follower_id=b) for a, b in [(ANN, BOB), (ANN, CID), (BOB, CID)]]
        )
        await add(
            [
                Favourite(article_id=a, person_id=p)
                for a, p in [(1, CID), (2, CID), (3, ANN), (1, BOB)]
            ]
        )
        await add(
            [Labelling(article_id=a, tag_name=t) for a, t in [(1, "old"), (1, "new"), (3, "new")]]
        )
        await add(
            [
                Comment(id=1, text="first", article_id=1, author_id=BOB),
                Comment(id=2, text="second", article_id=1, author_id=ANN),
                Comment(id=3, text="third", article_id=3, author_id=CID),
            ]
        )


async def fill_anew(url: str) -> None:
    """Make the tables and the rows, in an empty database."""
    async with Database(url) as db:
        async with db.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        await fill(db)
