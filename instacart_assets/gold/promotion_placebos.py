"""Windows of promotions applied to products that had none: any effect there is noise.

Contains how placebos are chosen and counted. What is learnt from them is in ``promotion_noise.py``.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import list_days
from instacart_assets.gold.promotion_windows import (
    DAYS_AROUND_PROMOTION,
    PERIODS,
    PRE_PERIOD_DAYS,
    WASHOUT_DAYS,
    WINDOW_KEY,
    find_observed_days,
    first_day,
    is_in_period,
    place_promotions,
    place_sales,
    sum_eligible_units,
)

MOST_WINDOWS = 60
MOST_PRODUCTS = 200
"""This many windows, and products per department, are enough: noise is learnt from samples of both."""

FEWEST_UNITS = 5
"""Units per 28 days, averaged over the whole range, that a placebo must sell: fewer carry no information on noise."""

_SCATTER, _PRIME = 7_919, 10_007


def sum_placebos(promotions: DataFrame, products: DataFrame, daily_sales: DataFrame) -> DataFrame:
    """One row per placebo: the window of a promotion, and a product with no promotion from its pre-period to its end.

    Args:
        promotions: rows of silver.promotions.
        products: rows of silver.products.
        daily_sales: rows of gold.daily_product_sales.

    Returns:
        start_date, end_date, product_id and department_id, and for each of the periods ``promotion``, ``baseline`` and
        ``pre_period`` its days, the product's units and the control's, named like ``promotion_days``,
        ``promotion_units`` and ``promotion_control``.
    """
    placed = place_promotions(promotions, products)
    sales = place_sales(daily_sales, products)
    windows = choose_windows(promotions, daily_sales)
    days = windows.select(*WINDOW_KEY, list_days(first_day(), F.col("end_date")).alias("order_date"))
    keys = [*WINDOW_KEY, "product_id"]
    of_products = (
        sales.join(choose_products(sales), "product_id", "left_semi")
        .join(F.broadcast(mark_periods(days)), "order_date")
        .groupBy(*keys)
        .agg(*sum_by_period("units"))
        .join(list_touched(windows, promotions), keys, "left_anti")
        .join(products.select("product_id", "department_id", "aisle_id"), "product_id")
    )
    departments = products.select("department_id").distinct()
    eligible = sum_eligible_units(windows.crossJoin(departments), placed, sales).where(
        F.col("order_date") <= F.col("end_date")
    )
    of_aisles = (
        mark_periods(eligible)
        .groupBy(*WINDOW_KEY, "department_id", "aisle_id")
        .agg(*sum_by_period("aisle_units"))
    )
    of_departments = of_aisles.groupBy(*WINDOW_KEY, "department_id").agg(
        *(F.sum(f"{period}_aisle_units").alias(f"{period}_department_units") for period in PERIODS)
    )
    return (
        of_products.join(of_aisles, [*WINDOW_KEY, "department_id", "aisle_id"])
        .join(of_departments, [*WINDOW_KEY, "department_id"])
        .select(
            *keys,
            "department_id",
            (F.datediff("end_date", "start_date") + 1).alias("promotion_days"),
            F.lit(DAYS_AROUND_PROMOTION).alias("baseline_days"),
            F.lit(PRE_PERIOD_DAYS).alias("pre_period_days"),
            *(f"{period}_units" for period in PERIODS),
            *(
                (F.col(f"{period}_department_units") - F.col(f"{period}_aisle_units")).alias(
                    f"{period}_control"
                )
                for period in PERIODS
            ),
        )
    )


def choose_windows(promotions: DataFrame, daily_sales: DataFrame) -> DataFrame:
    """At most 60 windows of the ledger whose days, from the pre-period to the end, are all within the sales' range."""
    start = F.datediff("start_date", F.lit("2000-01-01").cast("date"))
    scatter = F.pmod(start * _SCATTER + F.datediff("end_date", "start_date"), F.lit(_PRIME))
    return (
        promotions.select(*WINDOW_KEY)
        .distinct()
        .crossJoin(find_observed_days(daily_sales))
        .where((first_day() >= F.col("first_observed")) & (F.col("end_date") <= F.col("last_observed")))
        .select(*WINDOW_KEY)
        .orderBy(scatter, *WINDOW_KEY)
        .limit(MOST_WINDOWS)
    )


def choose_products(sales: DataFrame) -> DataFrame:
    """At most 200 products of each department, among those that sell enough."""
    range_days = F.datediff(F.max("order_date"), F.min("order_date")) + 1
    span = sales.agg(range_days.alias("days"))
    enough = F.col("units") * DAYS_AROUND_PROMOTION >= F.col("days") * FEWEST_UNITS
    scatter = F.pmod(F.col("product_id") * _SCATTER, F.lit(_PRIME))
    place = F.row_number().over(Window.partitionBy("department_id").orderBy(scatter, "product_id"))
    return (
        sales.groupBy("product_id", "department_id")
        .agg(F.sum("units").alias("units"))
        .crossJoin(span)
        .where(enough)
        .withColumn("place", place)
        .where(F.col("place") <= MOST_PRODUCTS)
        .select("product_id")
    )


def list_touched(windows: DataFrame, promotions: DataFrame) -> DataFrame:
    """Windows with each product that was promoted between the week before the pre-period and the end."""
    runs = promotions.select(
        "product_id", F.col("start_date").alias("run_start"), F.col("end_date").alias("run_end")
    )
    earliest = F.date_sub(first_day(), WASHOUT_DAYS)
    return (
        windows.crossJoin(runs)
        .where((F.col("run_start") <= F.col("end_date")) & (F.col("run_end") >= earliest))
        .select(*WINDOW_KEY, "product_id")
        .distinct()
    )


def mark_periods(days: DataFrame) -> DataFrame:
    """The days of windows with a flag for each period, named after it: whether the day lies in it."""
    return days.select("*", *(is_in_period(period).alias(period) for period in PERIODS))


def sum_by_period(units: str) -> list[Column]:
    """Sums over the flags of ``mark_periods``, named after the periods and ``units``."""
    return [
        F.sum(F.when(F.col(period), F.col(units)).otherwise(F.lit(0)))
        .cast("bigint")
        .alias(f"{period}_{units}")
        for period in PERIODS
    ]
