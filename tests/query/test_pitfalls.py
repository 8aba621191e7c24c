"""What goes wrong elsewhere, and does not here: one test for each fault that was seen."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from tests.guild import (
    City,
    Hero,
    HeroService,
    MissionService,
    Odd,
    OddService,
    Team,
    fill,
)

from colonnade import Database, any_of, not_, some
from colonnade.errors import (
    InvalidCursor,
    InvalidOperand,
    InvalidPage,
    InvalidRequest,
    NotFound,
    Unfiltered,
    UnknownField,
    UnknownOperator,
)
from colonnade.testing import count_statements

HERO: Any = Hero
EVERYONE = list(range(1, 13))


@pytest.fixture
async def filled(guild: Database) -> Database:
    await fill(guild)
    return guild


async def ids(database: Database, *given: Any, **lookups: Any) -> list[int]:
    async with database.reader() as session:
        return [hero.id or 0 for hero in await HeroService(session).where(*given, **lookups).all()]


MISTYPED: list[tuple[dict[str, Any], type[InvalidRequest]]] = [
    ({"actve": False}, UnknownField),
    ({"is_active": False}, UnknownField),
    ({"id__eqq": 1}, UnknownOperator),
    ({"team__nmae": "x"}, UnknownField),
    ({"taem__name": "x"}, UnknownField),
    ({"age__or": {"typo": 1}}, UnknownOperator),
    ({"age": {"typo": 1}}, InvalidOperand),
    ({"limit": 3}, UnknownField),
    ({"": 1}, UnknownField),
    ({"__": 1}, UnknownField),
]


@pytest.mark.parametrize(("lookups", "error"), MISTYPED)
async def test_a_mistyped_key_or_operator_reads_nothing_and_empties_no_table(
    heroes: Database, lookups: dict[str, Any], error: type[InvalidRequest]
) -> None:
    async with heroes.session() as session:
        service = HeroService(session)
        with count_statements(heroes) as statements:
            for conditions in ((lookups,), (any_of(lookups, id=1),), (not_(lookups),)):
                with pytest.raises(error):
                    await service.where(*conditions).all()
                with pytest.raises(error):
                    await service.where(*conditions).delete_all()
                with pytest.raises(error):
                    await service.where(*conditions).update_all({"active": False})
        statements.expect(0)


async def test_an_equality_may_be_spelled_out_and_a_path_is_no_operator(heroes: Database) -> None:
    assert await ids(heroes, id__eq=1) == [1]
    assert await ids(heroes, team__name="Avengers") == [1, 4, 7, 10]


async def test_a_write_to_a_whole_table_has_to_be_asked_for(filled: Database) -> None:
    async with filled.session() as session:
        missions = MissionService(session)
        for query in (missions.where(), missions.where({}), missions.where(year__not_in=[])):
            with pytest.raises(Unfiltered):
                await query.delete_all()
        assert await missions.where().count() == 5


async def test_a_column_named_like_a_parameter_filters_and_wipes_nothing(guild: Database) -> None:
    names = ("self", "model", "limit", "order", "db", "conditions", "given", "key", "a__b", "a__in")
    async with guild.session() as session:
        odd = OddService(session)
        await odd.create_many([{"real_name": "x"}, *({name: 1} for name in names)])
        for name in names:
            assert await odd.where(**{name: 1}).update_all({"real_name": name}) == 1
            assert (await odd.where(**{name: 1}).one()).real_name == name
            assert await odd.where(**{name: 1}).delete_all() == 1
        assert [item.real_name for item in await odd.where().all()] == ["x"]
    assert Odd.__tablename__ == "odd"


async def test_between_takes_two_ends_and_says_so(heroes: Database) -> None:
    assert await ids(heroes, id__between=(3, 5)) == [3, 4, 5]
    assert await ids(heroes, id__between=[3, 5]) == [3, 4, 5]
    for ends in (3, (3,), (3, 4, 5), "35", None, ((3, 5),)):
        with pytest.raises(InvalidOperand):
            await ids(heroes, id__between=ends)


async def test_in_and_between_stand_in_alternatives_and_one_operator_twice(
    heroes: Database,
) -> None:
    assert await ids(heroes, any_of(id__in=[1, 2], id__between=(11, 12))) == [1, 2, 11, 12]
    found = await ids(heroes, any_of({"name": "Ann"}, {"name": "axb"}, {"id": 3}, {"id": 4}))
    assert found == [1, 3, 4, 7]
    assert await ids(heroes, any_of({"id__in": [1]}, {"id__in": [2]}, {"id__in": []})) == [1, 2]


async def test_a_filter_on_children_repeats_no_parent_on_any_page(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(
            some("missions"), missions__year__gt=2000, powers__name__in=["fly", "swim", "dig"]
        )
        assert [hero.id for hero in await query.all()] == [1, 2]
        pages = [await query.page(number, size=1) for number in (1, 2)]
        assert [[hero.id for hero in page.items] for page in pages] == [[1], [2]]
        assert [page.total for page in pages] == [2, 2]
        loaded = await query.load("missions", "powers").page(1, size=1)
        assert [len(hero.missions) for hero in loaded.items] == [3]


async def test_a_filter_on_a_relation_joins_it_and_multiplies_nothing(heroes: Database) -> None:
    # SQLAlchemy warns of a cartesian product, and a warning here is an error.
    assert await ids(heroes, team__name="League") == [2, 5, 8, 11]
    with pytest.raises(InvalidOperand, match="does not join"):
        await ids(heroes, HERO.team_id == Team.id, Team.name == "League")  # type: ignore[arg-type] # it is SQL


async def test_two_filters_on_one_relation_are_one_join(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(team__name__contains="a", team__motto__isnull=True)
        query = query.where(team__city__name=None).where(not_(team__name="x"))
        assert [hero.id for hero in await query.all()] == [2, 5, 8, 11]
        assert str(query.statement()).count("JOIN team") == 1


async def test_wildcards_are_letters_and_an_end_is_an_end(heroes: Database) -> None:
    assert await ids(heroes, name__contains="%") == [4]
    assert await ids(heroes, name__contains="_") == [6]
    assert await ids(heroes, name__startswith="1_0") == []
    assert await ids(heroes, name__iendswith="NN") == [1, 2]
    assert await ids(heroes, name__iendswith="AN") == []
    assert await ids(heroes, name__endswith="%") == [4]


@pytest.mark.parametrize(
    "order", [["slug"], ["-slug"], ["active"], ["-age"], ["team.name", "-age"]]
)
async def test_cursors_lose_no_row_to_ties_to_nulls_or_to_a_direction(
    heroes: Database, order: list[str]
) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where().order_by(*order)
        page = await query.scroll(size=2)
        found = [hero.id for hero in page.items]
        while page.next:
            page = await query.scroll(size=2, after=page.next)
            found += [hero.id for hero in page.items]
        assert found == [hero.id for hero in await query.all()]
        assert sorted(number or 0 for number in found) == EVERYONE


@pytest.mark.parametrize("cursor", ["0", "", "x", 0, False, "AAAA", b"", ["a"]])
async def test_a_cursor_that_is_none_is_neither_ignored_nor_a_fault_of_the_server(
    heroes: Database, cursor: Any
) -> None:
    async with heroes.reader() as session:
        with pytest.raises(InvalidCursor):
            await HeroService(session).where().scroll(size=2, after=cursor)


async def test_a_page_past_the_end_has_the_true_total(heroes: Database) -> None:
    async with heroes.reader() as session:
        page = await HeroService(session).where(id__lte=5).page(9, size=2)
        assert (page.items, page.total, page.pages, page.has_more) == ([], 5, 3, False)


async def test_a_count_joins_only_what_filters_and_runs_only_when_asked(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where(powers__name__ne="x", age__gte=0)
        query = query.load("team.city", "mentor.team", "missions").order_by("team.name")
        with count_statements(heroes) as statements:
            assert await query.count() == 3
        statements.expect(1)
        assert "team" not in statements.statements[0]
        assert "ORDER BY" not in statements.statements[0]
        with count_statements(heroes) as statements:
            await HeroService(session).where().page(1, size=5, count="none")
        statements.expect(1)
        assert "count" not in statements.statements[0].lower()


async def test_what_is_cut_is_sorted_whether_or_not_it_was_asked_for(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for asked in (query.limit(3), query.order_by("active").limit(3)):
            order = str(asked.statement()).partition("ORDER BY")[2].partition("LIMIT")[0]
            assert order.strip().endswith("hero.id ASC")


async def test_an_order_is_given_by_names_and_not_letter_by_letter(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for names in (
            ["desc"],
            [*"desc"],
            ["age desc"],
            ["age", "desc"],
            ["age,name"],
            [""],
            ["-"],
        ):
            with pytest.raises(UnknownField):
                query.order_by(*names)
        for given in (1, None, True, ["age"]):
            with pytest.raises(InvalidOperand):
                query.order_by(given)  # type: ignore[arg-type] # that is the point


async def test_sizes_limits_and_offsets_have_bounds(heroes: Database) -> None:
    async with heroes.reader() as session:
        query = HeroService(session).where()
        for wrong in (-1, True, 1.5, "3", None, 2**63):
            with pytest.raises(InvalidPage):
                query.limit(wrong)  # type: ignore[arg-type] # that is the point
            with pytest.raises(InvalidPage):
                query.offset(wrong)  # type: ignore[arg-type] # as above
            with pytest.raises(InvalidPage):
                await query.page(1, size=wrong)  # type: ignore[arg-type] # as above
            with pytest.raises(InvalidPage):
                await query.page(wrong)  # type: ignore[arg-type] # as above
        with pytest.raises(InvalidPage, match="at most"):
            await query.page(1, size=1_000_000)
        with pytest.raises(InvalidPage, match="at most"):
            await query.scroll(size=1_000_000)


async def test_forty_thousand_keys_are_found_and_come_back_in_order(heroes: Database) -> None:
    async with heroes.reader() as session:
        service = HeroService(session)
        keys = range(1, 40_001)
        assert await service.where(id__in=keys).count() == 12
        found = await service.get_many([5, 3, 12, 1, 3])
        assert [hero.id for hero in found] == [5, 3, 12, 1, 3]
        with pytest.raises(NotFound) as caught:
            await service.get_many(keys)
        assert len(caught.value.keys) == 40_000 - 12


async def test_a_null_is_a_criterion_and_is_never_dropped(filled: Database) -> None:
    async with filled.session() as session:
        service = HeroService(session)
        without = await service.where(slug=None, age=2).all()
        assert [hero.id for hero in without] == [5]
        assert await service.where(slug=None, age=2).update_all({"name": "changed"}) == 1
        assert await service.where(name="changed").count() == 1
        assert await service.where({"mentor_id": None, "slug": "a"}).count() == 2


async def test_a_changed_row_that_no_longer_answers_is_still_told(filled: Database) -> None:
    """Elsewhere the rows are read again by the filter that they do not meet any more."""
    async with filled.session() as session:
        query = HeroService(session).where(age=2)
        held = await query.all()
        assert await query.update_all({"age": 3}) == len(held)
        assert [hero.age for hero in held] == [3] * len(held)
        assert await query.all() == []


async def test_a_statement_runs_once_whatever_the_number_of_rows(heroes: Database) -> None:
    async with heroes.reader() as session:
        for most in (1, 3, 12):
            query = HeroService(session).where(id__lte=most).load("missions", "team.city")
            with count_statements(heroes) as statements:
                await query.all()
            statements.expect(2)


async def test_no_filter_is_quoted_into_the_statement(heroes: Database) -> None:
    for name in ("x' OR '1'='1", "x'; DROP TABLE hero; --", ":v0", "%s", "?", "$1", "{0}"):
        assert await ids(heroes, name=name) == []
        assert await ids(heroes, any_of(name__contains=name, name__in=[name])) == []
    async with heroes.reader() as session:
        assert await session.scalar(text("SELECT count(*) FROM hero")) == 12
    assert City.__tablename__ == "city"
