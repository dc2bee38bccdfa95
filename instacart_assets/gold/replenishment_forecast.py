"""What each product is expected to sell on each of the next fourteen days, how sure that is, and how well it was foretold before.

Here lives the table: which products it has, and how a week is dealt out over its days. What is expected of a week is found in
``forecast_origins.py``, and how far it may err in ``forecast_errors.py``. Nothing after the as-of date is looked at.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.as_of import find_as_of_date
from instacart_assets.gold.dim_date import dow_of
from instacart_assets.gold.forecast_errors import add_interval, blend, judge, rank_errors
from instacart_assets.gold.forecast_origins import (
    DAYS_OF_WEEK,
    FORTNIGHT_DAYS,
    LAST_ORIGIN,
    count_days_ago,
    look_at_products,
    rate_customers,
)
from instacart_assets.gold.measures import find_date_origin
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import table

PRIOR_UNITS = 100
"""A department's days of the week are joined by as many units that sold as those of the whole shop."""


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
    lines = silver_order_items.select("product_id", "user_id", "order_date", "order_dow")
    products = look_at_products(count_days_ago(lines, as_of), customers)
    named = silver_products.select("product_id", "product_name", "department", "department_id")
    at_origins = (
        find_weekday_shares(named.join(products, "product_id"))
        .select("*", F.inline("at_origins"))
        .where("is_sold")
        .drop("at_origins")
    )
    judged = judge(blend(at_origins))
    weeks = (
        judged.where(F.col("origin") == LAST_ORIGIN)
        .crossJoin(rank_errors(judged))
        .crossJoin(find_date_origin(gold_dim_date))
        .withColumnRenamed("expected", "expected_units_7d")
    )
    days = deal_out_days(add_interval(weeks, "expected_units_7d"), calendar)
    return add_interval(days, "expected_units").select(
        "product_id",
        "forecast_date",
        "product_name",
        "department",
        "as_of_date",
        "days_ahead",
        "expected_units",
        "expected_units_low",
        "expected_units_high",
        "expected_units_7d",
        "expected_units_7d_low",
        "expected_units_7d_high",
        F.col("rhythm").alias("rhythm_units_7d"),
        F.col("level").alias("level_units_7d"),
        "rhythm_weight",
        "level_weight",
        "backtest_weeks",
        "backtest_rmse",
        "naive_rmse",
        "seasonal_naive_rmse",
        "backtest_deviance",
        "naive_deviance",
        "seasonal_naive_deviance",
        "is_date_estimated",
    )


def find_weekday_shares(products: DataFrame) -> DataFrame:
    """The products with weekday_shares, what part of a week's units its department sells on each order_dow, adding up to 1.

    Args:
        products: with as_of_date, department_id and units_by_dow.
    """
    days = range(DAYS_OF_WEEK)
    of_department, of_shop = Window.partitionBy("department_id"), Window.partitionBy("as_of_date")
    units = {day: F.get("units_by_dow", F.lit(day)) for day in days}
    summed = products.withColumns(
        {f"_department_{day}": F.sum(units[day]).over(of_department) for day in days}
        | {f"_shop_{day}": F.sum(units[day]).over(of_shop) for day in days}
    ).withColumns({f"_{group}_units": _add_up(f"_{group}_", days) for group in ("department", "shop")})
    # One unit more on each day: no day is without any share.
    of_shop_share = {day: (F.col(f"_shop_{day}") + 1) / (F.col("_shop_units") + DAYS_OF_WEEK) for day in days}
    shares = (
        (F.col(f"_department_{day}") + PRIOR_UNITS * of_shop_share[day])
        / (F.col("_department_units") + PRIOR_UNITS)
        for day in days
    )
    return summed.withColumn("weekday_shares", F.array(*shares)).select(
        *products.drop("units_by_dow").columns, "weekday_shares"
    )


def _add_up(prefix: str, days: range) -> Column:
    return reduce(Column.__add__, (F.col(f"{prefix}{day}") for day in days))


def deal_out_days(weeks: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """A row for each of the fourteen days, with days_ahead, forecast_date and expected_units: its day's share of a week.

    Both weeks expect as much: what is known at the as-of date tells no difference between them.

    Args:
        weeks: with as_of_date, expected_units_7d and weekday_shares.
        calendar: says which order_dow a date has.
    """
    ahead = F.explode(F.sequence(F.lit(1), F.lit(FORTNIGHT_DAYS))).alias("days_ahead")
    return (
        weeks.select("*", ahead)
        .withColumn("forecast_date", F.date_add("as_of_date", F.col("days_ahead")))
        .withColumn("_share", F.get("weekday_shares", dow_of("forecast_date", calendar)))
        .withColumn("expected_units", F.col("expected_units_7d") * F.col("_share"))
    )
