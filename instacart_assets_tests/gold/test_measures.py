"""Arithmetic that gold tables share."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.measures import (
    divide,
    find_date_origin,
    find_highest_order_numbers,
    gather_baskets,
    gather_department_baskets,
    list_days,
)
from instacart_assets_tests.frames import make_table, read_rows

ITEMS = "silver.order_items"


def test_a_quotient_is_a_double_and_null_where_there_is_none(spark: SparkSession) -> None:
    pairs = spark.createDataFrame(
        [(1, 2), (0, 5), (1, 0), (0, 0), (None, 2), (1, None)], "top bigint, bottom bigint"
    )
    quotients = pairs.select("top", "bottom", divide(F.col("top"), F.col("bottom")).alias("quotient"))
    assert dict(quotients.dtypes)["quotient"] == "double"
    assert {(row["top"], row["bottom"]): row["quotient"] for row in quotients.collect()} == {
        (1, 2): 0.5,
        (0, 5): 0.0,
        (1, 0): None,
        (0, 0): None,
        (None, 2): None,
        (1, None): None,
    }


def test_days_are_listed_with_both_ends_and_none_without_an_end(spark: SparkSession) -> None:
    spans = spark.createDataFrame(
        [
            ("leap", "2020-02-28", "2020-03-01"),
            ("one", "2020-05-05", "2020-05-05"),
            ("open", "2020-05-05", None),
        ],
        "name string, first string, last string",
    )
    days = spans.select(
        "name", list_days(F.col("first").cast("date"), F.col("last").cast("date")).alias("day")
    )
    assert read_rows(days, "name day") == [
        ("leap", "2020-02-28"),
        ("leap", "2020-02-29"),
        ("leap", "2020-03-01"),
        ("one", "2020-05-05"),
    ]


def test_dates_are_estimated_where_the_rows_say_so_and_never_without_rows(spark: SparkSession) -> None:
    for values, expected in (([True, True], True), ([False], False), ([], False)):
        origin = find_date_origin(make_table(spark, "silver.orders", "is_date_estimated", values))
        assert read_rows(origin, "is_date_estimated") == [(expected,)]


def test_baskets_are_counted_once_per_order_and_once_per_department_of_it(spark: SparkSession) -> None:
    lines = make_table(
        spark,
        ITEMS,
        "order_id product_id department_id user_id order_number order_date order_dow order_hour_of_day "
        "is_reordered is_date_estimated",
        [
            (1, 11, 1, 7, 3, "2020-01-04", 0, 8, True, True),
            (1, 12, 1, 7, 3, "2020-01-04", 0, 8, False, True),
            (1, 21, 2, 7, 3, "2020-01-04", 0, 8, True, True),
            (2, 11, 1, 8, 1, "2020-01-05", 1, 23, False, True),
        ],
    )
    assert read_rows(gather_baskets(lines), "order_id user_id order_number units reordered_units") == [
        (1, 7, 3, 3, 2),
        (2, 8, 1, 1, 0),
    ]
    parts = gather_department_baskets(lines)
    columns = "department_id order_id user_id order_date is_date_estimated order_dow order_hour_of_day"
    assert read_rows(parts, f"{columns} units reordered_units") == [
        (1, 1, 7, "2020-01-04", True, 0, 8, 2, 1),
        (1, 2, 8, "2020-01-05", True, 1, 23, 1, 0),
        (2, 1, 7, "2020-01-04", True, 0, 8, 1, 1),
    ]


def test_customers_placed_as_many_orders_as_their_highest_number_says(spark: SparkSession) -> None:
    orders = make_table(
        spark, "silver.orders", "order_id user_id order_number", [(1, 7, 1), (2, 7, 5), (3, 8, 1)]
    )
    assert read_rows(find_highest_order_numbers(orders), "user_id highest_order_number") == [(7, 5), (8, 1)]
