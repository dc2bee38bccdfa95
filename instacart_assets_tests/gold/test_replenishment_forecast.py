"""The forecast of a small shop: which rows it has, what its days and weeks are, and that it looks at nothing that comes later."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.replenishment_forecast import (
    PRIOR_UNITS,
    find_weekday_shares,
    replenishment_forecast,
)
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.replenishment_forecast"
AS_OF = date(2021, 6, 30)  # a Wednesday: order_dow 4, where 0 is Saturday
CALENDAR = OrderCalendar(as_of_date=AS_OF)
NAMES = [(product, f"product {product}", product % 2 + 1) for product in range(1, 9)]

Line = tuple[int, int, int]
"""Product, customer and days before the as-of date."""


def forecast(spark: SparkSession, *lines: Line) -> DataFrame:
    """The forecast of these lines; those of a customer and day are one order."""
    orders = {
        key: number for number, key in enumerate(dict.fromkeys((user, days) for _, user, days in lines), 1)
    }
    dated = [
        (orders[user, days], product, user, AS_OF - timedelta(days=days), (4 - days) % 7, product % 2 + 1)
        for product, user, days in lines
    ]
    return replenishment_forecast(
        make_table(
            spark,
            "silver.orders",
            "order_id user_id order_date",
            [(number, user, AS_OF - timedelta(days=days)) for (user, days), number in orders.items()],
        ),
        make_table(
            spark,
            "silver.order_items",
            "order_id product_id user_id order_date order_dow department_id",
            dated,
        ),
        make_table(spark, "silver.products", "product_id product_name department_id", NAMES),
        make_table(spark, "gold.dim_date", "date_day is_date_estimated", [(AS_OF, True)]),
        CALENDAR,
    )


def test_a_product_has_fourteen_days_where_it_was_sold_in_eight_weeks(spark: SparkSession) -> None:
    result = forecast(spark, (1, 7, 55), (2, 7, 56), (3, 7, 0), (4, 7, -1))
    days = [(AS_OF + timedelta(days=ahead)).isoformat() for ahead in range(1, 15)]
    assert read_rows(
        result, "product_id forecast_date days_ahead product_name as_of_date is_date_estimated"
    ) == [
        (product, day, ahead, f"product {product}", AS_OF.isoformat(), True)
        for product in (1, 3)
        for ahead, day in enumerate(days, 1)
    ]


def test_a_product_of_one_customer_by_hand(spark: SparkSession) -> None:
    # Three orders, a fortnight apart, each with the product: half an order a week, and no customer alike that ever failed.
    result = forecast(spark, (1, 7, 28), (1, 7, 14), (1, 7, 0))
    # The shop is four whole weeks old. Its last week and the third last sold one each.
    level = (0.1 + 0.1 * 0.9**2 + 0.1 * 0.9**4) / (1 - 0.9**4)
    columns = "rhythm_units_7d level_units_7d rhythm_weight level_weight expected_units_7d"
    found = read_rows(result.where("days_ahead = 1"), f"{columns} backtest_weeks backtest_rmse")
    assert found == [
        (pytest.approx(0.5), pytest.approx(level), 0.5, 0.5, pytest.approx((0.5 + level) / 2), 0, None)
    ]
    # All three lines were of a Wednesday. Few errors are known: the interval is as wide as that of a Poisson count.
    shop = (3 + 1) / (3 + 7)
    share = (3 + PRIOR_UNITS * shop) / (3 + PRIOR_UNITS)
    day = share * (0.5 + level) / 2
    wednesday = result.where("days_ahead = 7")
    assert read_rows(wednesday, "expected_units expected_units_low expected_units_high") == [
        (pytest.approx(day), 0.0, pytest.approx(day + 1.2815516 * day**0.5))
    ]


def test_a_departments_week_leans_on_the_shops(spark: SparkSession) -> None:
    rows = [(1, 0, 0), (1, 0, 12), (1, 3, 3), (2, 3, 5), (2, 0, 13)]  # the last one is older than half a year
    lines = spark.createDataFrame(rows, "department_id int, order_dow int, fortnights_ago int")
    shop = [3 / 11, 1 / 11, 1 / 11, 3 / 11, 1 / 11, 1 / 11, 1 / 11]  # 2 and 2 units, and one more each day
    assert read_rows(find_weekday_shares(lines), "department_id order_dow weekday_share") == [
        (department, day, pytest.approx((units[day] + PRIOR_UNITS * shop[day]) / (sum(units) + PRIOR_UNITS)))
        for department, units in ((1, [2, 0, 0, 1, 0, 0, 0]), (2, [0, 0, 0, 1, 0, 0, 0]))
        for day in range(7)
    ]


def draw_lines(seed: int, first: int, last: int) -> list[Line]:
    """Lines of forty customers with some weekly habits, from ``first`` to ``last`` days before the as-of date."""
    stream = np.random.default_rng(seed)
    return [
        (int(product), user, days)
        for user in range(1, 41)
        for days in range(first - user % 7, last - 1, -int(stream.integers(5, 10)))
        for product in stream.choice(8, 3, replace=False, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]) + 1
    ]


def to_pandas(frame: DataFrame) -> pd.DataFrame:
    return frame.toPandas().sort_values(["product_id", "forecast_date"]).reset_index(drop=True)


def test_nothing_after_the_as_of_date_is_looked_at(spark: SparkSession) -> None:
    past = draw_lines(3, 260, 0)
    alone = to_pandas(forecast(spark, *past))
    assert alone["backtest_weeks"].max() == 10
    coming = [*draw_lines(4, -1, -40), (1, 90, -1), (8, 91, -1)]
    pd.testing.assert_frame_equal(to_pandas(forecast(spark, *past, *coming)), alone)
    # What lies before it is.
    assert not to_pandas(forecast(spark, *past, (1, 1, 13))).equals(alone)


def test_a_shop_of_habits_keeps_every_promise(spark: SparkSession) -> None:
    made = forecast(spark, *draw_lines(3, 260, 0))
    rows = made.collect()
    assert {row["product_id"] for row in rows} == set(range(1, 9))
    assert find_broken_promises(spark.createDataFrame(rows, made.schema), ADDRESS) == []


def test_no_digit_is_told_that_hangs_on_the_order_of_adding(spark: SparkSession) -> None:
    numbers = to_pandas(forecast(spark, *draw_lines(3, 260, 0))).select_dtypes("float64")
    assert len(numbers.columns) == 16
    pd.testing.assert_frame_equal(numbers.round(7), numbers, check_exact=True)


def test_a_shop_without_sales_has_no_rows(spark: SparkSession) -> None:
    assert forecast(spark, (1, 7, -3)).count() == 0
