"""Which rows are refused, and why."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.quality.split import OriginError, mark_refused
from instacart_assets_tests.small_contracts import make_column, make_contract, make_rule

THINGS = make_contract(
    make_column("thing_id", "int", required=True, sources=("bronze.things.thing_id",)),
    make_column("price", "double"),
    rules=(
        make_rule("price_is_positive", "price > 0", severity="reject"),
        make_rule("price_is_low", "price < 100", severity="warn"),
        make_rule("price_is_known", "price IS NOT NULL"),
        make_rule("few", "count(*) < 3", scope="table"),
    ),
    error_budget=0.5,
)
Thing = tuple[int | None, float | None, int]


def make_rows(spark: SparkSession, *rows: Thing) -> DataFrame:
    """Things with their prices and the number of their record."""
    return spark.createDataFrame(
        [(thing_id, price, "things.csv", number) for thing_id, price, number in rows],
        "thing_id int, price double, _source_file string, _row_number bigint",
    )


def refuse(rows: DataFrame, conflicting: DataFrame | None = None) -> list[tuple[int, list[str]]]:
    """Number and reasons of each refused row."""
    marked = mark_refused(rows, THINGS, conflicting).where("_is_refused").orderBy("_row_number")
    return [(row["_row_number"], row["_reasons"]) for row in marked.collect()]


def test_a_row_is_refused_with_all_rules_it_breaks(spark: SparkSession) -> None:
    rows = make_rows(spark, (1, 1.0, 1), (2, -1.0, 2), (None, 3.0, 3), (None, -1.0, 4))
    assert refuse(rows) == [
        (2, ["price_is_positive"]),
        (3, ["thing_id_is_filled"]),
        (4, ["thing_id_is_filled", "price_is_positive"]),
    ]


def test_a_condition_that_is_null_is_not_kept(spark: SparkSession) -> None:
    assert refuse(make_rows(spark, (1, None, 1))) == [(1, ["price_is_positive"])]


def test_a_rule_that_blocks_or_warns_refuses_no_row(spark: SparkSession) -> None:
    assert refuse(make_rows(spark, (1, 500.0, 1), (2, 500.0, 2), (3, 500.0, 3))) == []


def test_a_row_that_conflicts_is_refused_for_its_key(spark: SparkSession) -> None:
    rows = make_rows(spark, (1, 1.0, 1), (1, -2.0, 2), (3, 3.0, 3))
    conflicting = rows.where("thing_id = 1").select("_source_file", "_row_number")
    assert refuse(rows, conflicting) == [
        (1, ["key_is_unique"]),
        (2, ["price_is_positive", "key_is_unique"]),
    ]


def test_rows_that_are_kept_say_nothing_of_their_origin(spark: SparkSession) -> None:
    (row,) = mark_refused(make_rows(spark, (1, 1.0, 7)), THINGS).collect()
    assert row.asDict() == {
        "thing_id": 1,
        "price": 1.0,
        "_source_file": None,
        "_row_number": None,
        "_reasons": None,
        "_is_refused": False,
    }


def test_every_row_is_marked_once(spark: SparkSession) -> None:
    rows = make_rows(spark, *((number % 3, float(number % 5) - 2, number) for number in range(30)))
    conflicting = rows.where("thing_id = 0").select("_source_file", "_row_number")
    marked = mark_refused(rows, THINGS, conflicting)
    assert marked.count() == 30
    assert marked.where("_is_refused IS NULL").count() == 0


def test_a_transform_that_forgets_where_rows_are_from_is_told(spark: SparkSession) -> None:
    rows = make_rows(spark, (1, 1.0, 1)).drop("_row_number")
    with pytest.raises(OriginError, match=r"silver\.things: the transform returns no _row_number, so"):
        mark_refused(rows, THINGS)
