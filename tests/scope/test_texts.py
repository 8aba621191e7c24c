"""A scope whose column is a text, and a key that is one, are told apart letter by letter."""

from collections.abc import AsyncIterator
from typing import Any, Optional

import pytest
from sqlalchemy import (
    CHAR,
    Column,
    ForeignKey,
    MetaData,
    String,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import CITEXT
from sqlalchemy.orm import aliased, joinedload, registry, selectinload
from sqlmodel import Field, Relationship, SQLModel

from colonnade import Database, Scope, ServiceBase, Session
from colonnade.errors import NotFound, OutOfScope, UniqueViolation

#: What the usual collation of MariaDB takes for one and the same.
FIRMS = ("acme", "ACME", "acmé", "acme ")


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Doc(Base, table=True):
    __scopes__ = (Scope("text_firm", column="firm"),)
    id: int | None = Field(default=None, primary_key=True)
    firm: str = Field(default=None, max_length=40, index=True)
    name: str = Field(max_length=40)


class Memo(Base, table=True):
    """Whose it is, a condition says."""

    __scopes__ = (
        Scope("text_owner", lambda memo, who: memo.owner == who),
        Scope("text_other", lambda memo, who: memo.owner != who),
        Scope("text_some", lambda memo, some: memo.owner.in_(some)),
        Scope("text_folded", lambda memo, who: func.lower(memo.owner) == func.lower(who)),
    )
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(max_length=40)


class Code(Base, table=True):
    """Its key is a text."""

    code: str = Field(primary_key=True, max_length=20)
    firm: str = Field(default=None, max_length=40)
    note: str = Field(default="", max_length=20)
    uses: list["Use"] = Relationship(back_populates="of")
    __scopes__ = (Scope("text_firm", column="firm"),)


class Use(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    code: str | None = Field(
        default=None, sa_column=Column(String(20), ForeignKey("code.code"), nullable=True)
    )
    of: Optional[Code] = Relationship(back_populates="uses")  # noqa: UP045 # SQLModel wants it


def folding(collation: str) -> Any:
    """A model whose columns have a collation of their own, and its service."""

    class Folded(SQLModel, registry=registry(metadata=MetaData())):
        pass

    class Tag(Folded, table=True):
        __scopes__ = (
            Scope("tag_of", column="firm"),
            Scope("tag_by", lambda tag, who: tag.owner != who),
        )
        id: int | None = Field(default=None, primary_key=True)
        firm: str = Field(default=None, sa_type=String(40, collation=collation))  # type: ignore[call-overload]
        owner: str = Field(default="", sa_type=String(40, collation=collation))  # type: ignore[call-overload]

    class Tags(ServiceBase[Tag, Tag, Tag]):
        pass

    return Tag, Tags


class Docs(ServiceBase[Doc, Doc, Doc]):
    pass


class Codes(ServiceBase[Code, Code, Code]):
    pass


class Memos(ServiceBase[Memo, Memo, Memo]):
    pass


class MemosOf(ServiceBase[Memo, Memo, Memo]):
    scopes = (Scope("text_mine", lambda memo, who: memo.owner == who),)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, metadata=Base.metadata) as db:
        await db.create_all()
        for firm in FIRMS:
            async with db.session(scope={"text_firm": firm}) as session:
                session.add(Doc(name=f"of {firm!r}"))
        async with db.session(scope={"text_firm": "acme"}) as session:
            session.add(Code(code="abc"))
        async with db.session(scope={"text_firm": "ACME"}) as session:
            session.add(Code(code="xyz"))
        yield db


@pytest.mark.parametrize("firm", FIRMS)
async def test_a_tenant_reads_and_changes_its_own_rows_only(db: Database, firm: str) -> None:
    mine = [f"of {firm!r}"]
    alias = aliased(Doc)
    async with db.session(scope={"text_firm": firm}) as session:
        assert [doc.name for doc in await Docs(session).where().all()] == mine
        assert await Docs(session).where().count() == 1
        assert list(await session.scalars(select(alias.name))) == mine
        assert list(await session.scalars(select(Doc.__table__.c.name))) == mine  # type: ignore[attr-defined]
        for target in (Doc, alias):
            changed: Any = await session.execute(update(target).values(name="taken"))
            assert changed.rowcount == 1
        deleted: Any = await session.execute(delete(Doc))
        assert deleted.rowcount == 1
        await session.rollback()
    async with db.reader(scope={"text_firm": firm}) as reader:
        for _ in range(3):
            assert [doc.name for doc in await Docs(reader).where().all()] == mine


async def test_a_row_that_names_a_tenant_in_other_letters_is_refused(db: Database) -> None:
    async with db.session(scope={"text_firm": "acme"}) as session:
        for other in FIRMS[1:]:
            session.add(Doc(name="x", firm=other))
            with pytest.raises(OutOfScope):
                await session.flush()
            session.expunge_all()
            for statement in (
                insert(Doc).values(name="x", firm=other),
                update(Doc).values(firm=other),
                update(aliased(Doc)).values(firm=other),
            ):
                with pytest.raises(OutOfScope):
                    await session.execute(statement)
        await session.rollback()


async def test_a_foreign_key_is_found_letter_by_letter(db: Database) -> None:
    async with db.session(scope={"text_firm": "acme"}) as session:
        for code in ("ABC", "xyz", "XYZ", "abç"):
            session.add(Use(code=code))
            with pytest.raises(OutOfScope):
                await session.flush()
            session.expunge_all()
            with pytest.raises(OutOfScope):
                await session.execute(insert(Use).values(code=code))
            with pytest.raises(OutOfScope):
                await session.execute(insert(Use), [{"code": "abc"}, {"code": code}])
        session.add(Use(code="abc"))
        await session.flush()
        loaded = select(Use).options(joinedload(Use.of))  # type: ignore[arg-type]
        assert [use.of.note for use in await session.scalars(loaded) if use.of] == [""]
        await session.rollback()


def referring(kind: Any) -> tuple[Any, Any, MetaData]:
    """A model with a scope whose key is of this type, one that refers to it, and their tables."""
    tables = MetaData()

    class Fresh(SQLModel, registry=registry(metadata=tables)):
        pass

    class Coin(Fresh, table=True):
        __scopes__ = (Scope("text_firm", column="firm"),)
        code: str = Field(sa_column=Column(kind, primary_key=True))
        firm: str = Field(default=None, max_length=40)

    class Price(Fresh, table=True):
        id: int | None = Field(default=None, primary_key=True)
        code: str = Field(sa_column=Column(kind, ForeignKey("coin.code"), nullable=False))

    return Coin, Price, tables


@pytest.mark.parametrize(
    ("kind", "spelled", "others"),
    [
        (
            String(20, collation="NOCASE").with_variant(CITEXT(), "postgresql"),
            ["EUR", "eur", "Eur"],
            ["USD", "usd", "eur "],
        ),
        (
            String(20, collation="RTRIM").with_variant(CHAR(6), "postgresql"),
            ["eur", "eur  "],
            ["usd ", "EUR"],
        ),
    ],
)
async def test_a_foreign_key_is_found_as_its_column_compares(
    database: Database, kind: Any, spelled: list[str], others: list[str]
) -> None:
    if database.family == "mysql":
        pytest.skip("keys are told apart letter by letter there, whatever the collation")
    coin, price, tables = referring(kind)
    async with database.engine.begin() as connection:
        if database.family == "postgresql":
            await connection.execute(text("CREATE EXTENSION IF NOT EXISTS citext"))
        await connection.run_sync(tables.create_all)
        await connection.execute(
            insert(coin.__table__), [{"code": "eur", "firm": "acme"}, {"code": "usd", "firm": "b"}]
        )
    async with database.session(scope={"text_firm": "acme"}) as session:
        session.add_all([price(code=code) for code in spelled])
        await session.flush()
        await session.execute(insert(price), [{"code": code} for code in spelled])
        for code in others:
            with pytest.raises(OutOfScope):
                await session.execute(insert(price).values(code=code))
            with pytest.raises(OutOfScope):
                await session.execute(insert(price), [{"code": "eur"}, {"code": code}])


async def test_a_key_in_other_letters_finds_nothing(db: Database) -> None:
    async with db.session(scope={"text_firm": "acme"}) as session:
        codes = Codes(session)
        for key in ("ABC", "abç", "abc "):
            assert await session.get(Code, key) is None
            assert await session.get(Code, {"code": key}) is None
            assert await session.get(Code, (key,), options=[selectinload(Code.uses)]) is None  # type: ignore[arg-type]
            assert await codes.get_or_none(key) is None
            for attempt in (
                lambda key=key: codes.get(key),
                lambda key=key: codes.get_many(["abc", key]),
                lambda key=key: codes.get(key, load=["uses"]),
                lambda key=key: codes.update(key, {"note": "taken"}),
                lambda key=key: codes.delete(key),
            ):
                with pytest.raises(NotFound):
                    await attempt()
        assert (await codes.get("abc")).note == ""
        assert (await codes.update("abc", {"note": "x"})).note == "x"
        await codes.delete("abc")
        await session.rollback()


async def test_merging_an_object_in_other_letters_takes_no_row_over(db: Database) -> None:
    async with db.session(scope={"text_firm": "acme"}) as session:
        if db.family == "mysql":
            with pytest.raises(UniqueViolation):
                await merging(session)
        else:
            await merging(session)
        await session.rollback()
    async with db.session(scope={"text_firm": "acme"}) as session:
        assert (await Codes(session).get("abc")).note == ""


async def merging(session: Session) -> None:
    async with session.savepoint():
        await session.merge(Code(code="ABC", note="taken"))


NOBODY = {"text_owner": "x", "text_other": "x", "text_some": ["x"], "text_folded": "x"}


@pytest.mark.parametrize(
    ("scope", "value", "expected"),
    [
        ("text_owner", "acme", ["acme"]),
        ("text_other", "acme", ["ACME", "acmé", "acme "]),
        ("text_some", ["acme", "acme "], ["acme", "acme "]),
        ("text_folded", "Acme", ["acme", "ACME"]),
        ("text_mine", "acme", ["acme"]),
    ],
)
async def test_a_condition_compares_letter_by_letter(
    db: Database, scope: str, value: Any, expected: list[str]
) -> None:
    names = set(NOBODY)
    async with db.session(scope={scope: value}) as session, session.unscoped(*names - {scope}):
        async with session.unscoped(*names):
            session.add_all([Memo(owner=firm) for firm in FIRMS])
        kind = MemosOf if scope == "text_mine" else Memos
        found = [memo.owner for memo in await kind(session).where().all()]
        assert sorted(found) == sorted(expected)
        assert await kind(session).where().count() == len(expected)
        keys = [memo.id for memo in await kind(session).where().all()]
        assert len(await kind(session).get_many(keys)) == len(expected)
        await session.rollback()


async def test_an_index_serves_a_text_scope(db: Database) -> None:
    async with db.session() as session, session.unscoped("text_firm"):
        await session.execute(insert(Doc), [{"firm": f"f{n}", "name": "x"} for n in range(3000)])
        if db.family != "sqlite":
            await session.execute(
                text("ANALYZE" if db.family == "postgresql" else "ANALYZE TABLE doc")
            )
    async with db.reader(scope={"text_firm": "f7"}) as session:
        assert "ix_doc_firm" in await Docs(session).where().explain()


async def test_a_collation_of_the_columns_own_does_not_open_a_scope(database_url: str) -> None:
    async with Database(database_url) as db:
        kinds = {"sqlite": "NOCASE", "postgresql": "folding", "mysql": "utf8mb4_general_ci"}
        collation = kinds[db.family]
        tag, service = folding(collation)
        async with db.session() as session:
            if db.family == "postgresql":
                await session.execute(
                    text(
                        "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', "
                        "deterministic = false)"
                    )
                )
            connection = await session.connection()
            await connection.run_sync(tag.__table__.create)
        for firm in ("acme", "ACME"):
            async with db.session(scope={"tag_of": firm, "tag_by": "nobody"}) as session:
                session.add(tag(owner=firm))
        async with db.reader(scope={"tag_of": "acme", "tag_by": "ACME"}) as reader:
            assert await reader.scalar(select(func.count()).where(tag.owner == "Acme")) == 1
            assert [item.owner for item in await service(reader).where().all()] == ["acme"]
            assert await service(reader).where(owner="Acme").all() == []
            assert await service(reader).where(owner="acme").count() == 1
