"""Expected sales of each product on each of the next fourteen days, with their interval and back-test errors.

Contains the table: which products it has, and how a week is distributed over its days. The inputs of the weekly
forecast are in ``forecast_origins.py``, the forecast and its errors in ``forecast_errors.py``. Nothing after the as-of
date is used.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.as_of import find_as_of_date
from instacart_assets.gold.dim_date import dow_of
from instacart_assets.gold.forecast_errors import add_interval, blend, judge, rank_errors
from instacart_assets.gold.forecast_origins import (
    DAYS_OF_WEEK,
    FORTNIGHT_DAYS,
    LAST_ORIGIN,
    PAST_FORTNIGHTS,
    count_days_ago,
    look_at_products,
    rate_customers,
)
from instacart_assets.gold.measures import find_date_origin
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import table

PRIOR_UNITS = 100
"""A department's weekday shares are smoothed by this many units distributed like those of the whole shop."""

_DIGITS = 7  # engines sum in different orders: a forecast must not change because of its last digits


@table("gold.replenishment_forecast")
def replenishment_forecast(
    silver_orders: DataFrame,
    silver_order_items: DataFrame,
    silver_products: DataFrame,
    gold_dim_date: DataFrame,
    calendar: OrderCalendar,
) -> DataFrame:
    """One row per product sold in the eight weeks up to the as-of date, and day of the fortnight after it."""
    as_of = find_as_of_date(gold_dim_date, calendar)
    customers = rate_customers(count_days_ago(silver_orders.select("user_id", "order_date"), as_of))
    lines = count_days_ago(
        silver_order_items.select("product_id", "user_id", "order_date", "order_dow", "department_id"), as_of
    )
    at_origins = look_at_products(lines, customers).select("*", F.inline("at_origins")).where("is_sold")
    judged = judge(blend(at_origins.drop("at_origins")))
    named = silver_products.select("product_id", "product_name", "department", "department_id")
    weeks = (
        rank_errors(judged)
        .crossJoin(judged.where(F.col("origin") == LAST_ORIGIN))
        .crossJoin(find_date_origin(gold_dim_date))
        .join(named, "product_id")
        .withColumnRenamed("expected", "expected_units_7d")
    )
    days = deal_out_days(add_interval(weeks, "expected_units_7d"), find_weekday_shares(lines), calendar)
    return add_interval(days, "expected_units").select(
        "product_id",
        "forecast_date",
        "product_name",
        "department",
        "as_of_date",
        "days_ahead",
        *_round(
            "expected_units",
            "expected_units_low",
            "expected_units_high",
            "expected_units_7d",
            "expected_units_7d_low",
            "expected_units_7d_high",
        ),
        F.round("rhythm", _DIGITS).alias("rhythm_units_7d"),
        F.round("level", _DIGITS).alias("level_units_7d"),
        *_round("rhythm_weight", "level_weight"),
        "backtest_weeks",
        *_round(
            "backtest_rmse",
            "naive_rmse",
            "seasonal_naive_rmse",
            "backtest_deviance",
            "naive_deviance",
            "seasonal_naive_deviance",
        ),
        "is_date_estimated",
    )


def _round(*columns: str) -> list[Column]:
    return [F.round(column, _DIGITS).alias(column) for column in columns]


def find_weekday_shares(lines: DataFrame) -> DataFrame:
    """The share of a week's units that each department sells on each day of the week; they sum to 1 per department.

    Args:
        lines: department_id, order_dow and fortnights_ago of each order line.

    Returns:
        department_id, order_dow and weekday_share, for each department with a line in the half year and all seven days.
    """
    in_half_year = F.col("fortnights_ago") < PAST_FORTNIGHTS
    counted = (
        F.struct(F.lit(day).alias("order_dow"), F.count_if(F.col("order_dow") == day).alias("units")).alias(
            f"day_{day}"
        )
        for day in range(DAYS_OF_WEEK)
    )
    days = (
        lines.where(in_half_year)
        .groupBy("department_id")
        .agg(*counted)
        .select("department_id", F.inline(F.array(*(f"day_{day}" for day in range(DAYS_OF_WEEK)))))
    )
    of_department, of_day = Window.partitionBy("department_id"), Window.partitionBy("order_dow")
    summed = days.withColumns(
        {
            "department_units": F.sum("units").over(of_department),
            "shop_day_units": F.sum("units").over(of_day),
        }
    ).withColumn("shop_units", F.sum("shop_day_units").over(of_department))
    # One unit more on each day: no day has a share of 0.
    shop_share = (F.col("shop_day_units") + 1) / (F.col("shop_units") + DAYS_OF_WEEK)
    share = (F.col("units") + PRIOR_UNITS * shop_share) / (F.col("department_units") + PRIOR_UNITS)
    return summed.select("department_id", "order_dow", share.alias("weekday_share"))


def deal_out_days(weeks: DataFrame, weekday_shares: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """A row for each of the fourteen days: days_ahead, forecast_date and expected_units, the day's share of a week.

    Both weeks have the same expectation: what is known at the as-of date does not distinguish them.

    Args:
        weeks: with as_of_date, department_id and expected_units_7d.
        weekday_shares: as ``find_weekday_shares`` returns them.
        calendar: says which order_dow a date has.
    """
    ahead = F.explode(F.sequence(F.lit(1), F.lit(FORTNIGHT_DAYS))).alias("days_ahead")
    days = (
        weeks.select("*", ahead)
        .withColumn("forecast_date", F.date_add("as_of_date", F.col("days_ahead")))
        .withColumn("order_dow", dow_of("forecast_date", calendar))
    )
    return weekday_shares.join(days, ["department_id", "order_dow"]).withColumn(
        "expected_units", F.col("expected_units_7d") * F.col("weekday_share")
    )
