"""Documents: PostgreSQL writes what Pydantic would write, or rows are read."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    TypeAdapter,
    create_model,
)
from sqlalchemy import text
from tests.shelves import Base, Box, BoxService, Colour, Grade, Mood, Shelf, ShelfService

from colonnade import Database, Rows
from colonnade.errors import InvalidPage, MultipleFound, NotFound
from colonnade.filters import parse_lookups
from colonnade.reading import why_schema_reads_rows
from colonnade.schemas import plan_of
from colonnade.testing import count_statements
from colonnade.testing.servers.server import run_blocking

#: What is written for a JSON column: as it comes, in any spelling, and what no float holds.
JSONS = st.one_of(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["a", "b", "ü\n"]), inner, max_size=2)
        ),
        max_leaves=4,
    ).map(json.dumps),
    st.sampled_from(
        [
            '{"b": 1, "a": 2, "b": 3}',
            " [ 1.10, -0, -0.0, 1E2, 1e-7, 12345678901234567890123 ] ",
            '{"x": 1e400}',
            "[1.5E+399]",
            '"\\ud83d\\ude00 \\u00e9"',
            "null",
            "[]",
            "{}",
        ]
    ),
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(
        ['"', "\\", "\n\t\r\b\f\x01\x1f\x7f", "\u2028\ufffe😀", "NaN", "red", "'; --", "%s :v0 {}"]
    ),
)
MOMENTS = st.one_of(
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)).map(str),  # noqa: DTZ001 # hypothesis takes bounds without a zone
    st.sampled_from(
        [
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
            "2020-02-29 12:00:00.5",
            "1999-12-31 23:59:59.000001",
            "0044-03-15 12:00:00 BC",
            "10000-01-01 00:00:00",
            "infinity",
            "-infinity",
        ]
    ),
)
NUMBERS = st.floats(width=64).map(str)


def decimals(digits: int, places: int) -> st.SearchStrategy[str]:
    most = 10 ** (digits - places) - 1
    return st.one_of(
        st.decimals(-most, most, places=places, allow_nan=False).map(str),
        st.sampled_from(["0", "-0", "1", "100000", "0.1", "NaN"]),
    )


#: For each column of a box: its SQL type, texts that are cast to it, and types a schema may give.
COLUMNS: dict[str, tuple[str, st.SearchStrategy[str], list[Any]]] = {
    "number": ("integer", st.integers(-(2**31), 2**31 - 1).map(str), [int, float, Decimal, str]),
    "small": ("smallint", st.integers(-9, 9).map(str), [int, Literal[1, 2, 3], Grade]),
    "big": ("bigint", st.integers(-(2**63), 2**63 - 1).map(str), [int, float, Decimal]),
    "word": (
        "varchar",
        TEXTS,
        [str, Colour, Literal["red", "NaN"], Annotated[str, Field(max_length=5)]],
    ),
    "long": ("text", TEXTS, [str, Any]),
    "code": ("char(5)", st.sampled_from(["", "a ", "abcde"]), [str]),
    "flag": ("boolean", st.booleans().map(str), [bool, int]),
    "ratio": ("float8", NUMBERS, [float, int, Annotated[float, Field(allow_inf_nan=False)]]),
    "single": ("real", st.floats(width=32).map(str), [float]),
    "short": ("real", st.floats(width=32).map(str), [float]),
    "price": ("numeric(12,2)", decimals(12, 2), [Decimal, float, Annotated[Decimal, Field(gt=0)]]),
    "whole": ("numeric(30)", decimals(30, 0), [Decimal, int]),
    "tiny": ("numeric(12,6)", decimals(12, 6), [Decimal]),
    "fine": ("numeric(20,10)", decimals(20, 10), [Decimal]),
    "loose": (
        "numeric",
        decimals(20, 4) | st.sampled_from(["1e-9", "1e30", "Infinity"]),
        [Decimal],
    ),
    "token": ("uuid", st.uuids().map(str), [UUID, str]),
    "day": (
        "date",
        st.dates().map(str)
        | st.sampled_from(["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"]),
        [date, datetime],
    ),
    "moment": ("timestamptz", MOMENTS, [datetime, AwareDatetime, NaiveDatetime]),
    "instant": ("timestamptz", MOMENTS, [datetime]),
    "zoned": ("timestamptz", MOMENTS, [datetime, AwareDatetime, date]),
    "local": ("timestamp", MOMENTS, [datetime, NaiveDatetime, AwareDatetime]),
    "hour": ("time", st.times().map(str), [Any]),
    "colour": ("varchar", st.sampled_from([item.value for item in Colour]), [Colour, str]),
    "grade": ("integer", st.sampled_from(["1", "20"]), [Grade, int]),
    "mood": ("mood", st.sampled_from(["glad", "sad"]), [Mood, str]),
    "data": ("jsonb", JSONS, [Any, dict, list, dict[str, Any], list[int]]),
    "note": ("json", JSONS, [Any, dict[str, Any], list[Any]]),
    "kept": ("jsonb", JSONS, [Any, dict[str, Any]]),
}
SETTINGS: list[ConfigDict] = [
    ConfigDict(),
    ConfigDict(),
    ConfigDict(),
    ConfigDict(extra="forbid", frozen=True, from_attributes=True),
    ConfigDict(strict=True),
    ConfigDict(str_to_lower=True),
    ConfigDict(ser_json_inf_nan="strings"),
    ConfigDict(alias_generator=lambda name: f"the '{name}' \"ü\" %s :x"),
]


@st.composite
def box_schemas(draw: st.DrawFn) -> type[BaseModel]:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    fields: dict[str, Any] = {}
    for name in names:
        kinds = COLUMNS[name][2]
        # The first is the one that fits best.
        kind = draw(st.sampled_from([kinds[0], kinds[0], kinds[0], *kinds]))
        if draw(st.integers(0, 7)):
            kind = Optional[kind]  # noqa: UP045 # of a type that is known at run time
        alias = draw(st.sampled_from([None, None, f"{name}Out"]))
        fields[name] = (kind, Field(serialization_alias=alias))
    if draw(st.booleans()):
        fields["shelf"] = (
            create_model("In", name=(str, ...), parent_id=(int | None, 5)) | None,
            None,
        )
    config = draw(st.sampled_from(SETTINGS))
    return create_model("BoxRead", __config__=config, **fields)


@st.composite
def shelf_schemas(draw: st.DrawFn) -> type[BaseModel]:
    inner = draw(box_schemas())
    rows = draw(
        st.sampled_from(
            [None, Rows(limit=1), Rows("number", limit=2), Rows(where={"number__gt": 0})]
        )
    )
    boxes: Any = list[inner] if rows is None else Annotated[list[inner], rows]  # type: ignore[valid-type]
    kind = draw(st.sampled_from(["boxes", "deep", "up"]))
    fields: dict[str, Any] = {"id": (int, ...), "boxes": (boxes, ...)}
    if kind == "deep":
        below = create_model("Below", **fields)
        fields = {"shelves": (tuple[below, ...], Field(alias="select"))}  # type: ignore[valid-type]
    if kind == "up":
        above = create_model("Above", **fields)
        fields["parent"] = (above | None, ...)
    return create_model("ShelfRead", **fields)


@st.composite
def boxes(draw: st.DrawFn) -> dict[str, str | None]:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=12, unique=True))
    return {name: draw(st.none() | COLUMNS[name][1]) for name in names}


async def prepare(url: str) -> None:
    async with Database(url) as database, database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(
            text(
                "INSERT INTO shelf (id, name, parent_id)"
                " VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'c', 1), (4, 'd', 2)"
            )
        )


@pytest.fixture(scope="module")
def shelves_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with request.getfixturevalue("postgresql_server").temporary_database() as url:
        run_blocking(prepare(url))
        yield url


@pytest.fixture
async def shelves(shelves_url: str) -> AsyncIterator[Database]:
    async with Database(shelves_url) as database:
        await fill(database, [])
        yield database


async def fill(database: Database, rows: list[dict[str, str | None]]) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM box"))
        for number, row in enumerate(rows):
            names = {"big": "bigOne"}
            columns = "".join(f', "{names.get(name, name)}"' for name in row)
            values = "".join(f", CAST(CAST(:{name} AS TEXT) AS {COLUMNS[name][0]})" for name in row)
            shelf = "NULL" if number % 4 == 3 else str(number % 4 + 1)
            await connection.execute(
                text(f"INSERT INTO box (shelf_id{columns}) VALUES ({shelf}{values})"), row
            )


def same(one: Any, two: Any) -> bool:
    """Whether two parsed documents hold equal values; true is not 1, 1.0 is."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two and isinstance(one, bool) is isinstance(two, bool)


async def outcome(asked: Callable[[], Any]) -> Any:
    try:
        return await asked()
    except Exception as error:  # noqa: BLE001 # whatever it is, both ways have to end in it
        return type(error)


async def compare(projection: Any, schema: type[BaseModel]) -> None:
    async def rows() -> bytes:
        found = await projection.all()
        return TypeAdapter(list[schema]).dump_json(found, by_alias=True)  # type: ignore[valid-type]

    expected, found = await outcome(rows), await outcome(projection.json.all)
    if isinstance(expected, bytes) and isinstance(found, bytes):
        assert same(json.loads(found), json.loads(expected)), projection.json.plan()
    else:
        assert found == expected, projection.json.plan()


HOSTILE = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(rows=st.lists(boxes(), max_size=3), schema=box_schemas())
@HOSTILE
async def test_documents_are_what_the_schema_would_write(
    shelves: Database, rows: list[dict[str, str | None]], schema: type[BaseModel]
) -> None:
    await fill(shelves, rows)
    async with shelves.reader() as session:
        await compare(BoxService(session).into(schema), schema)


@given(rows=st.lists(boxes(), max_size=6), schema=shelf_schemas())
@HOSTILE
async def test_nested_documents_are_what_the_schema_would_write(
    shelves: Database, rows: list[dict[str, str | None]], schema: type[BaseModel]
) -> None:
    await fill(shelves, rows)
    async with shelves.reader() as session:
        await compare(ShelfService(session).into(schema), schema)


class Plain(BaseModel):
    id: int
    word: str | None
    price: Decimal | None
    ratio: float | None
    day: date | None
    note: Any = None


class Ratio(BaseModel):
    ratio: float | None


class BoxIn(BaseModel):
    number: int | None


class ShelfRead(BaseModel):
    id: int
    name: str = Field(serialization_alias="shelfName")
    boxes: list[BoxIn]


class BoxShelf(BaseModel):
    name: str


class Constrained(BaseModel):
    id: Annotated[int, Field(ge=1)]


SHELVES = [{"number": "5"}, {"number": "6"}, {}, {}, {"number": "7"}, {"number": None}]


async def test_one_statement_answers_whatever_is_nested(shelves: Database) -> None:
    await fill(shelves, SHELVES)
    async with shelves.reader() as session:
        projection = ShelfService(session).into(ShelfRead)
        with count_statements(shelves) as statements:
            found = json.loads(await projection.json.all())
        statements.expect(1)
    assert found[0] == {"id": 1, "shelfName": "a", "boxes": [{"number": 7}, {"number": 5}]}
    assert found[3] == {"id": 4, "shelfName": "d", "boxes": []}


async def test_a_page_and_its_exact_count_are_one_statement(shelves: Database) -> None:
    async with shelves.reader() as session:
        projection = ShelfService(session).where(id__gte=2).into(ShelfRead)
        for number in (1, 2, 3):
            with count_statements(shelves) as statements:
                found = await projection.json.page(number, size=2)
            statements.expect(1)
            expected = await projection.page(number, size=2)
            assert json.loads(found) == json.loads(expected.model_dump_json(by_alias=True))
        uncounted = json.loads(await projection.json.page(1, size=2, count="none"))
        assert (uncounted["total"], uncounted["has_more"]) == (None, True)
        with pytest.raises(InvalidPage), count_statements(shelves) as statements:
            await projection.json.page(0)
        with pytest.raises(InvalidPage):
            await projection.limit(1).json.page(1)
        statements.expect(0)


async def test_scrolling_goes_both_ways(shelves: Database) -> None:
    async with shelves.reader() as session:
        scroll = ShelfService(session).where().order_by("-name").into(ShelfRead).json.scroll
        with count_statements(shelves) as statements:
            first = json.loads(await scroll(size=3))
        statements.expect(1)
        last = json.loads(await scroll(size=3, after=first["next"]))
        back = json.loads(await scroll(size=3, before=last["previous"]))
    assert [item["shelfName"] for item in first["items"]] == ["d", "c", "b"]
    assert [item["shelfName"] for item in last["items"]] == ["a"]
    assert back["items"] == first["items"]


@pytest.mark.parametrize("schema", [ShelfRead, Constrained])
async def test_one_object_is_had_by_itself(shelves: Database, schema: type[BaseModel]) -> None:
    async with shelves.reader() as session:
        projection: Any = ShelfService(session).into(schema)
        found = await projection.json.get(2)
        assert found == (await projection.get(2)).model_dump_json(by_alias=True).encode()
        assert await projection.where(id=2).json.one() == found
        assert await projection.where(id=2).json.one_or_none() == found
        assert await projection.order_by("-id").offset(2).json.first() == found
        nobody = projection.where(id=9).json
        assert await nobody.first() is None
        assert await nobody.one_or_none() is None
        assert await nobody.all() == b"[]"
        with pytest.raises(NotFound):
            await nobody.get(2)
        with pytest.raises(NotFound):
            await nobody.one()
        with pytest.raises(MultipleFound):
            await projection.json.one()


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"price": "NaN"}, True),
        ({"day": "infinity"}, False),
        ({"day": "0044-03-15 BC"}, True),
        ({"day": "10000-01-01"}, True),
        ({"note": '{"x": 1e400}'}, False),
        ({"note": '"\\ud800"'}, True),
        ({"word": "colonnade: to be read as a row"}, False),
        ({"word": "NaN"}, False),
    ],
)
async def test_a_value_that_the_server_cannot_write_is_read_as_a_row(
    shelves: Database, row: dict[str, str | None], error: bool
) -> None:
    """The document is thrown away, so the answer, or the error, is that of the rows."""
    await fill(shelves, [row])
    async with shelves.reader() as session:
        projection = BoxService(session).into(Plain)
        with count_statements(shelves) as statements:
            found = await outcome(projection.json.all)
        statements.expect(2)
        await compare(projection, Plain)
    assert isinstance(found, type) is error


async def test_nan_and_infinity_are_null_in_one_statement(shelves: Database) -> None:
    await fill(shelves, [{"ratio": number} for number in ("NaN", "Infinity", "-Infinity", "1e300")])
    async with shelves.reader() as session:
        with count_statements(shelves) as statements:
            found = json.loads(await BoxService(session).into(Ratio).json.all())
        statements.expect(1)
    assert [item["ratio"] for item in found] == [None, None, None, 1e300]


async def test_null_in_a_field_that_takes_none_is_the_schemas_to_refuse(shelves: Database) -> None:
    await fill(shelves, [{"number": "1"}, {"number": None}])

    class Needed(BaseModel):
        number: int

    async with shelves.reader() as session:
        boxes = BoxService(session)
        with pytest.raises(ValueError, match="valid integer"):
            await boxes.into(Needed).json.all()
        assert await boxes.where(number=1).into(Needed).json.all() == b'[{"number":1}]'


async def test_an_object_that_is_not_there_is_the_schemas_to_refuse(shelves: Database) -> None:
    await fill(shelves, [{}, {}, {}, {}])

    class Needed(BaseModel):
        shelf: BoxShelf

    async with shelves.reader() as session:
        boxes = BoxService(session)
        with pytest.raises(ValueError, match="shelf"):
            await boxes.into(Needed).json.all()
        found = json.loads(await boxes.where(shelf__name="b").into(Needed).json.all())
    assert found == [{"shelf": {"name": "b"}}]


async def test_conditions_of_every_kind_hold_in_the_document_too(shelves: Database) -> None:
    await fill(shelves, SHELVES)
    box: Any = Box
    async with shelves.reader() as session:
        shelf = ShelfService(session).where(boxes__number__gt=4, name__in=["a", "b"])
        terms = Rows("number", where={"number__between": (6, 7)}, limit=1)
        found = await shelf.order_by("-id").into(ShelfRead, boxes=terms).json.all()
        raw = Rows(where=box.number > 5)
        other = await shelf.order_by("-id").into(ShelfRead, boxes=raw).json.all()
    assert [[box["number"] for box in item["boxes"]] for item in json.loads(found)] == [[6], [7]]
    assert [[box["number"] for box in item["boxes"]] for item in json.loads(other)] == [[6], [7]]


async def test_it_is_told_who_writes_and_why(shelves: Database) -> None:
    assert why_schema_reads_rows(Shelf, ShelfRead, "postgresql") is None
    assert why_schema_reads_rows(Shelf, ShelfRead, "sqlite") == "sqlite does not write it"
    assert why_schema_reads_rows(Shelf, Constrained, "postgresql") == "Constrained.id: ge"
    async with shelves.reader() as session:
        shelf = ShelfService(session).where(id=1)
        written, rows = shelf.into(ShelfRead).json, shelf.into(Constrained).json
        assert written.plan().endswith("as JSON: 1 statement, written by the database")
        assert rows.plan().endswith("as JSON: from rows (Constrained.id: ge)")
        explained = await written.explain()
        assert "as JSON: 1 statement" in explained
        assert "Index Scan" in explained or "Seq Scan" in explained
        assert "as JSON: from rows (Constrained.id: ge)" in await rows.explain(analyze=True)


async def test_one_shape_and_schema_have_one_statement(shelves: Database) -> None:
    from colonnade.reading.document import document_of
    from colonnade.reading.terms import terms_of
    from colonnade.spec import Shape, Spec

    plan = plan_of(Shelf, ShelfRead)

    def ask(number: int) -> Any:
        nodes, values = parse_lookups(Shelf, {"id__gt": number})
        return document_of(Spec(Shape(Shelf, nodes), values), plan, terms_of(plan), "array")

    assert ask(1) is ask(2)


class Moody(BaseModel):
    id: int
    colour: Colour | None
    grade: Grade | None
    mood: Mood | None


@pytest.mark.parametrize(
    ("driver", "kind", "sent"),
    [("postgresql", bytes, "json_send("), ("postgresql+psycopg", str, "CAST(")],
)
async def test_a_document_comes_as_bytes_where_the_driver_has_them(
    shelves_url: str, driver: str, kind: type[Any], sent: str
) -> None:
    url = f"{driver}://{shelves_url.partition('://')[2]}"
    async with Database(url) as database, database.reader() as session:
        from colonnade.reading.document import document_of

        schema = plan_of(Shelf, ShelfRead)
        projection = ShelfService(session).where(id=1).into(ShelfRead)
        document = document_of(projection._spec, schema, projection._terms, "array")
        ((found,),) = await session.rows(document.statement, projection._spec.parameters)
        assert type(found) is kind
        with count_statements(database) as statements:
            assert await projection.json.all() == (found if kind is bytes else found.encode())
        assert sent in statements.statements[0]
        page = json.loads(await projection.json.page(1, size=5))
        assert page["items"] == json.loads(found)
        assert (page["total"], page["number"]) == (1, 1)


async def test_members_of_every_kind_of_enum_are_written_in_one_statement(
    shelves: Database,
) -> None:
    odd = Colour.ODD.value
    await fill(shelves, [{"colour": odd, "grade": "20", "mood": "glad"}, {}])
    async with shelves.reader() as session:
        projection = BoxService(session).where().order_by("id").into(Moody)
        with count_statements(shelves) as statements:
            found = json.loads(await projection.json.all())
        statements.expect(1)
    told = [(item["colour"], item["grade"], item["mood"]) for item in found]
    assert told == [(odd, 20, "GLAD!"), (None, None, None)]
