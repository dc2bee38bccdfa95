"""What is known of customers and products at an origin, on frames whose numbers can be worked out by hand."""

from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.forecast_origins import (
    HISTORY_DAYS,
    LAST_ORIGIN,
    count_days_ago,
    look_at_customers,
    look_at_products,
    rate_customers,
)
from instacart_assets_tests.frames import make_table, read_rows


def make_orders(spark: SparkSession, *orders: tuple[int, int]) -> DataFrame:
    """Orders of (customer, days before the as-of date)."""
    rows = [(user, days, days // 14) for user, days in orders]
    return spark.createDataFrame(rows, "user_id bigint, days_ago int, fortnights_ago int")


@pytest.fixture
def orders(spark: SparkSession) -> DataFrame:
    """Customer 1 ordered every fortnight, 2 once; the as-of date is day 0, the origin before it day 14."""
    return make_orders(spark, (1, 28), (1, 14), (1, 0), (2, 14))


def test_customers_are_alike_by_their_gaps_and_their_silence(orders: DataFrame) -> None:
    columns = "user_id origin orders mean_gap_days next_orders gap_class silence_class"
    assert read_rows(look_at_customers(orders), columns) == [
        (1, 5, 1, 14.0, 1, 2, 0),
        (1, 6, 2, 14.0, 1, 2, 0),  # (14 days between orders + 14) / 2 orders
        (1, 7, 3, 14.0, 0, 2, 0),
        (2, 6, 1, 14.0, 0, 2, 0),
        (2, 7, 1, 14.0, 0, 2, 2),  # silent for one mean gap
    ]


def test_orders_to_come_are_learnt_from_customers_alike_at_earlier_origins(orders: DataFrame) -> None:
    assert read_rows(rate_customers(orders), "user_id repeat_4 repeat_5 repeat_6 repeat_7") == [
        # A mean gap of a fortnight is one order a fortnight, half a one a week. At origin 7 three customers were alike before,
        # and two orders followed: (2 + 20) / (3 + 20) in a fortnight, of a customer with three orders.
        (1, None, 0.5, pytest.approx(0.5 / 2), pytest.approx(22 / 23 / 2 / 3)),
        (2, None, None, pytest.approx(0.5), pytest.approx(0.5)),  # nobody was as long silent before
    ]


def test_an_order_counts_for_half_a_year_and_a_fortnight_before(spark: SparkSession) -> None:
    seen = look_at_customers(make_orders(spark, (1, 181), (2, 182), (3, 13), (4, HISTORY_DAYS - 1)))
    found = read_rows(seen.groupBy("user_id").agg(F.min("origin"), F.max("origin")), "*")
    # 13 days ago, an order is after origin 6, and known at the last one alone.
    assert found == [(1, 0, 7), (2, 0, 6), (3, 7, 7), (4, 0, 0)]


def test_no_row_after_the_as_of_date_is_looked_at(spark: SparkSession) -> None:
    rows = [(1, "2021-07-01"), (2, "2021-06-30"), (3, "2020-09-24"), (4, "2020-09-23")]
    as_of = spark.sql("SELECT date'2021-06-30' AS as_of_date")
    seen = count_days_ago(make_table(spark, "silver.orders", "order_id order_date", rows), as_of)
    assert read_rows(seen, "order_id days_ago fortnights_ago") == [(2, 0, 0), (3, 279, 19)]


def look(spark: SparkSession, repeats: dict[int, float], *lines: tuple[int, int, int]) -> DataFrame:
    """The origins of products by lines of (product, customer, days ago); of each customer the same repeat at all origins."""
    customers = spark.createDataFrame(
        [(user, *[repeat] * LAST_ORIGIN) for user, repeat in repeats.items()],
        "user_id bigint, " + ", ".join(f"repeat_{origin} double" for origin in range(1, LAST_ORIGIN + 1)),
    )
    sold = spark.createDataFrame(
        [(product, user, days, days // 14) for product, user, days in lines],
        "product_id int, user_id bigint, days_ago int, fortnights_ago int",
    )
    dated = sold.withColumn("as_of_date", F.lit("2021-06-30").cast("date"))
    return look_at_products(dated, customers).select("product_id", F.inline("at_origins"))


def test_each_past_line_counts_what_its_customer_is_expected_to_repeat(spark: SparkSession) -> None:
    lines = [(1, 7, 0), (1, 7, 14), (1, 8, 181), (1, 8, 182), (2, 8, 3)]
    found = look(spark, {7: 0.25, 8: 0.1}, *lines).where("origin >= 6")
    assert read_rows(found, "product_id origin rhythm") == [
        (1, 6, pytest.approx(0.25 + 0.1 + 0.1)),
        (1, 7, pytest.approx(0.25 + 0.25 + 0.1)),
        (2, 6, 0.0),
        (2, 7, pytest.approx(0.1)),
    ]


def test_the_level_weighs_each_week_nine_tenths_of_the_next(spark: SparkSession) -> None:
    # Two units in the last week, one in the week before, and the shop began on its first day.
    found = look(spark, {7: 0.0}, (1, 7, 0), (1, 7, 6), (1, 7, 13)).where("origin >= 6")
    assert read_rows(found, "origin level naive is_sold is_known") == [
        (6, 0.0, 0, False, False),
        (7, pytest.approx((2 * 0.1 + 0.09) / 0.19), 2, True, False),
    ]


def test_the_weeks_of_an_origin(spark: SparkSession) -> None:
    # Week w, counted back from the as-of date, sold w units, from week 0 to 21.
    lines: list[Any] = [(1, 7, 7 * week + day % 7) for week in range(22) for day in range(week)]
    found = look(spark, {7: 0.0}, *lines)
    columns = "origin naive units_1 units_2 seasonal_1 seasonal_2 is_sold is_known"
    assert read_rows(found, columns) == [
        (1, 12, 11, 10, 15, 14, True, True),
        (2, 10, 9, 8, 13, 12, True, True),
        (3, 8, 7, 6, 11, 10, True, True),
        (4, 6, 5, 4, 9, 8, True, True),
        (5, 4, 3, 2, 7, 6, True, True),
        (6, 2, 1, 0, 5, 4, True, True),
        (7, 0, 0, 0, 3, 2, True, True),
    ]
