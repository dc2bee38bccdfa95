"""The history of products: how versions open and close, and how facts meet the version of their moment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.graph import all_tables
from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.settings import Settings
from instacart_assets.silver.product_history import join_as_of, product_history
from instacart_assets.tables.build import build_table
from instacart_assets.tables.moment import Moment
from instacart_assets.tables.result import BuildResult
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows
from instacart_assets_tests.lake_reading import read_rows as read_lake

ADDRESS = "silver.product_history"
PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "product_history.md"

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (datetime(2026, 3, day, 6, tzinfo=UTC) for day in (2, 3, 4, 5))
DAYS = {MONDAY: "Mon", TUESDAY: "Tue", WEDNESDAY: "Wed", THURSDAY: "Thu"}

PRODUCT = "product_id product_name aisle"
VERSION = f"{PRODUCT} valid_from_at valid_to_at is_current"
RYE, JAM, TEA = (1, "Rye", "bread"), (2, "Jam", "spreads"), (3, "Tea", "drinks")
MARMALADE, CRISPBREAD = (2, "Marmalade", "spreads"), (1, "Rye", "crackers")

Product = tuple[int, str | None, str | None]
Drops = Mapping[datetime, Sequence[Product]]
Version = tuple[Any, ...]

STORY: Drops = {
    MONDAY: [RYE, JAM],
    TUESDAY: [RYE, MARMALADE, TEA],
    WEDNESDAY: [MARMALADE, TEA],
    THURSDAY: [CRISPBREAD, MARMALADE, TEA],
}
"""Jam is renamed, tea is new, rye is gone for a day and comes back in another aisle."""

TOLD = [
    (*RYE, "Mon", "Wed", False),
    (*CRISPBREAD, "Thu", None, True),
    (*JAM, "Mon", "Tue", False),
    (*MARMALADE, "Tue", None, True),
    (*TEA, "Tue", None, True),
]


def make_products(spark: SparkSession, products: Sequence[Product]) -> DataFrame:
    return make_table(spark, "silver.products", PRODUCT, products)


def make_history(spark: SparkSession, versions: Sequence[Version] = ()) -> DataFrame:
    return make_table(spark, ADDRESS, VERSION, versions)


def tell(spark: SparkSession, drops: Drops, versions: Sequence[Version] = ()) -> list[Version]:
    """The versions, by product and time, that products of several moments make, one after the other."""
    for at, products in drops.items():
        # Stored in between, as a table is: else each plan would hold all those before it.
        versions = collect(
            product_history(make_products(spark, products), make_history(spark, versions), Moment(at))
        )
    return sorted(versions, key=lambda version: (version[0], version[3]))


def collect(history: DataFrame) -> list[Version]:
    return [tuple(map(_in_utc, row)) for row in history.select(*VERSION.split()).collect()]


def _in_utc(value: Any) -> Any:
    # A session tells moments in UTC, without saying so.
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def name_days(versions: Sequence[Version]) -> list[Version]:
    """Versions with the names of days for moments."""
    return [tuple(DAYS.get(value, value) for value in version) for version in versions]


@pytest.mark.parametrize(
    ("monday", "tuesday", "expected"),
    [
        pytest.param([], [RYE], [(*RYE, "Tue", None, True)], id="new"),
        pytest.param([RYE], [RYE], [(*RYE, "Mon", None, True)], id="unchanged"),
        pytest.param([RYE], [], [(*RYE, "Mon", "Tue", False)], id="vanished"),
        pytest.param(
            [JAM], [MARMALADE], [(*JAM, "Mon", "Tue", False), (*MARMALADE, "Tue", None, True)], id="renamed"
        ),
        pytest.param(
            [RYE], [CRISPBREAD], [(*RYE, "Mon", "Tue", False), (*CRISPBREAD, "Tue", None, True)], id="moved"
        ),
    ],
)
def test_what_becomes_of_a_product(
    spark: SparkSession, monday: list[Product], tuesday: list[Product], expected: list[Version]
) -> None:
    assert name_days(tell(spark, {MONDAY: monday, TUESDAY: tuesday})) == expected


def test_a_product_that_comes_back_opens_a_new_version_and_leaves_the_gap(spark: SparkSession) -> None:
    assert name_days(tell(spark, {MONDAY: [RYE], TUESDAY: [], WEDNESDAY: [RYE]})) == [
        (*RYE, "Mon", "Tue", False),
        (*RYE, "Wed", None, True),
    ]


def test_many_products_go_their_own_ways(spark: SparkSession) -> None:
    told = tell(spark, STORY)
    assert name_days(told) == TOLD
    assert find_broken_promises(make_history(spark, told), ADDRESS) == []
    # Once more of the same products: nothing is new.
    assert tell(spark, {THURSDAY + timedelta(hours=1): STORY[THURSDAY]}, told) == told


@pytest.mark.parametrize(
    "column", ["product_name", "aisle_id", "aisle", "department_id", "department", "is_classified"]
)
def test_a_change_of_any_attribute_is_a_new_version(spark: SparkSession, column: str) -> None:
    changed = {"is_classified": False}.get(column, 7 if column.endswith("_id") else "other")
    before = make_table(spark, "silver.products", "product_id", [1])
    after = make_table(spark, "silver.products", f"product_id {column}", [(1, changed)])
    first = product_history(before, make_history(spark), Moment(MONDAY))
    second = product_history(after, first, Moment(TUESDAY))
    assert [row[0] for row in read_rows(second.where("is_current"), column)] == [changed]
    assert second.count() == 2


def test_nothing_is_as_good_as_any_value_when_versions_are_compared(spark: SparkSession) -> None:
    # The contract lets no null through; comparing must not depend on that.
    nameless: Product = (1, None, "bread")
    assert name_days(tell(spark, {MONDAY: [nameless], TUESDAY: [nameless], WEDNESDAY: [RYE]})) == [
        (*nameless, "Mon", "Wed", False),
        (*RYE, "Wed", None, True),
    ]


@pytest.mark.parametrize(
    ("versions", "broken"),
    [
        ([(*RYE, MONDAY, None, True), (*RYE, MONDAY, None, True)], "key_is_unique"),
        ([(*RYE, MONDAY, None, True), (*RYE, TUESDAY, None, True)], "one_current_version_at_most"),
        ([(*RYE, MONDAY, WEDNESDAY, False), (*CRISPBREAD, TUESDAY, None, True)], "versions_do_not_overlap"),
        ([(*RYE, MONDAY, None, False), (*CRISPBREAD, TUESDAY, None, True)], "versions_do_not_overlap"),
        ([(*RYE, TUESDAY, MONDAY, False), (*TEA, MONDAY, None, True)], "version_ends_after_it_begins"),
        ([(*RYE, MONDAY, MONDAY, False), (*TEA, MONDAY, None, True)], "version_ends_after_it_begins"),
        ([(*RYE, MONDAY, TUESDAY, True)], "current_is_not_closed"),
        ([(*RYE, MONDAY, None, False), (*TEA, MONDAY, None, True)], "current_is_not_closed"),
        ([(*RYE, MONDAY, TUESDAY, False)], "some_product_is_left"),
    ],
)
def test_a_history_that_cannot_be_breaks_a_rule(
    spark: SparkSession, versions: list[Version], broken: str
) -> None:
    assert broken in find_broken_promises(make_history(spark, versions), ADDRESS)


def test_a_clock_that_went_back_breaks_a_rule(spark: SparkSession) -> None:
    told = tell(spark, {TUESDAY: [RYE, TEA], MONDAY: [CRISPBREAD, TEA]})
    assert "version_ends_after_it_begins" in find_broken_promises(make_history(spark, told), ADDRESS)


def test_a_fact_meets_its_product_as_it_was(spark: SparkSession) -> None:
    history = make_history(spark, tell(spark, STORY))
    moments = [
        (1, 1, MONDAY - timedelta(seconds=1)),  # before it was first seen
        (2, 1, MONDAY),
        (3, 1, WEDNESDAY - timedelta(microseconds=1)),
        (4, 1, WEDNESDAY),  # gone
        (5, 1, THURSDAY),
        (6, 2, TUESDAY - timedelta(microseconds=1)),
        (7, 2, TUESDAY),
        (8, 4, TUESDAY),  # never seen
        (9, 1, None),
        (10, None, MONDAY),
    ]
    facts = spark.createDataFrame(moments, "fact int, product_id int, at timestamp")
    met = join_as_of(facts, history, "at")
    assert met.columns[:3] == ["fact", "product_id", "at"]
    assert sorted(map(tuple, met.select("fact", "product_name", "aisle").collect())) == [
        (1, None, None),
        (2, "Rye", "bread"),
        (3, "Rye", "bread"),
        (4, None, None),
        (5, "Rye", "crackers"),
        (6, "Jam", "spreads"),
        (7, "Marmalade", "spreads"),
        (8, None, None),
        (9, None, None),
        (10, None, None),
    ]


def test_what_facts_say_of_products_gives_way_and_a_date_is_its_first_instant(spark: SparkSession) -> None:
    items = make_table(
        spark,
        "silver.order_items",
        "order_id product_id order_date product_name",
        [(1, 2, "2026-03-03", "Marmalade"), (2, 2, "2026-03-04", "Marmalade")],
    )
    met = join_as_of(items, make_history(spark, tell(spark, STORY)), "order_date")
    assert sorted(met.columns) == sorted({*items.columns, "is_classified"})
    assert read_rows(met, "order_id product_name") == [(1, "Jam"), (2, "Marmalade")]


IDS = (1, 2, 3)
NAMES = st.sampled_from(["Rye", "rye", "Jam"])
CATALOGUES = st.dictionaries(st.sampled_from(IDS), st.tuples(NAMES, st.sampled_from(["bread", "spreads"])))
HOUR = timedelta(hours=1)


@settings(max_examples=settings().max_examples // 4)
@given(catalogues=st.lists(CATALOGUES, min_size=1, max_size=4))
@example(catalogues=[{1: ("Rye", "bread")}, {}, {1: ("Rye", "bread")}, {1: ("Jam", "bread")}])
def test_any_drops_make_a_history_that_gives_every_moment_back(
    spark: SparkSession, catalogues: list[dict[int, tuple[str, str]]]
) -> None:
    moments = [MONDAY + number * HOUR for number in range(len(catalogues))]
    drops = {
        at: [(number, *said) for number, said in catalogue.items()]
        for at, catalogue in zip(moments, catalogues, strict=True)
    }
    told = tell(spark, drops)
    check_versions(told, drops)
    # As of each drop, and of a moment between it and the next.
    asked = [*moments, *(at + HOUR / 2 for at in moments)]
    facts = spark.createDataFrame(list(product(IDS, asked)), "product_id int, at timestamp")
    met = join_as_of(facts, make_history(spark, told), "at").where("product_name IS NOT NULL")
    replayed = {tuple(map(_in_utc, row)) for row in met.select("at", *PRODUCT.split()).collect()}
    assert replayed == {
        (at, *said)
        for moment, products in drops.items()
        for at in (moment, moment + HOUR / 2)
        for said in products
    }


def check_versions(told: Sequence[Version], drops: Drops) -> None:
    """No two versions of a product overlap, a gap is a time when it was gone, and those of now are current."""
    assert sorted(version[:3] for version in told if version[5]) == sorted([*drops.values()][-1])
    assert all((until is None) == is_current for *_, until, is_current in told)
    assert all(until is None or begins < until for *_, begins, until, _ in told)
    for (earlier, *_, until, _), (later, *_, begins, _, _) in pairwise(told):
        if earlier == later:
            gone = [at for at in drops if until <= at < begins]
            assert until <= begins
            assert not any(earlier == one for at in gone for one, *_ in drops[at])
            assert bool(gone) == (until < begins)


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake", lambda: spark)


def build(lake: FolderLake, products: Sequence[Product]) -> BuildResult:
    """The history's next version, after these products were published."""
    contract = load_contracts()["silver.products"]
    rows = make_products(lake.session, products)
    lake.publish(lake.stage(rows, contract, lake.pin(contract.address), "run"))
    (table,) = (table for table in all_tables() if table.address == ADDRESS)
    return build_table(table, lake, Settings(lake=lake.root), "run")


def read_versions(lake: FolderLake) -> list[Version]:
    rows = [tuple(row[name] for name in VERSION.split()) for row in read_lake(lake.root, ADDRESS)]
    return sorted(rows, key=lambda version: (version[0], version[3]))


def test_a_lake_continues_its_own_history(lake: FolderLake) -> None:
    begun = datetime.now(UTC)
    assert build(lake, [RYE, JAM]).version == 0
    first = read_versions(lake)
    opened = first[0][3]
    assert begun < opened < datetime.now(UTC)
    assert first == [(*RYE, opened, None, True), (*JAM, opened, None, True)]

    same = build(lake, [RYE, JAM])
    assert (same.version, same.is_news) == (0, False)
    assert read_versions(lake) == first

    merged = build(lake, [RYE, MARMALADE])
    assert (merged.version, merged.notes["rows_added"], merged.notes["rows_removed"]) == (1, 2, 1)
    changed = read_versions(lake)[1][4]
    assert opened < changed < datetime.now(UTC)
    assert read_versions(lake) == [
        (*RYE, opened, None, True),
        (*JAM, opened, changed, False),
        (*MARMALADE, changed, None, True),
    ]


def test_products_that_are_all_gone_close_nothing(lake: FolderLake) -> None:
    build(lake, [RYE, JAM])
    before = read_versions(lake)
    result = build(lake, [])
    assert result.version is None
    assert [outcome.rule.id for outcome in result.outcomes if outcome.blocks] == ["some_product_is_left"]
    assert read_versions(lake) == before


def list_queries() -> Iterator[str]:
    return (match[1] for match in re.finditer(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


def test_the_page_joins_in_sql_as_the_function_does(spark: SparkSession) -> None:
    history = make_history(spark, tell(spark, STORY))
    columns = "order_id product_id order_date"
    items = make_table(
        spark,
        "silver.order_items",
        columns,
        [
            (1, 1, "2026-03-02"),
            (2, 1, "2026-03-03"),
            (3, 1, "2026-03-05"),
            (4, 2, "2026-03-03"),
            (5, 2, "2026-03-04"),
        ],
    )
    history.createOrReplaceTempView("history_of_the_page")
    items.createOrReplaceTempView("items_of_the_page")
    as_of, joined = (
        query.replace(ADDRESS, "history_of_the_page").replace("silver.order_items", "items_of_the_page")
        for query in list_queries()
    )
    assert read_rows(spark.sql(as_of), "product_id product_name aisle") == [RYE, MARMALADE, TEA]
    shown = "order_id product_name department"
    assert read_rows(spark.sql(joined), shown) == read_rows(join_as_of(items, history, "order_date"), shown)
