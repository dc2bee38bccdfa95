"""What each promoted product sold and would have sold, day by day around the promotion.

Contains the daily view behind ``promotion_performance``: the same clean baseline and the same control.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_date_origin
from instacart_assets.gold.promotion_windows import (
    DAYS_AROUND_PROMOTION,
    PROMOTION_KEY,
    is_promotion_day,
    lay_out_days,
)
from instacart_assets.tables.declare import table


@table("gold.promotion_daily_effect")
def promotion_daily_effect(
    silver_promotions: DataFrame,
    silver_products: DataFrame,
    gold_daily_product_sales: DataFrame,
    gold_promotion_performance: DataFrame,
) -> DataFrame:
    """One row per promotion, product and day, from 28 days before the promotion to 28 days after it."""
    days = lay_out_days(silver_promotions, silver_products, gold_daily_product_sales)
    simulated = silver_promotions.select(*PROMOTION_KEY, "is_simulated")
    expected = gold_promotion_performance.select(
        *PROMOTION_KEY, F.col("baseline_units").alias("expected_in_promotion")
    )
    return (
        expect_units(days.join(expected, list(PROMOTION_KEY), "left"))
        .where(F.col("order_date") >= F.date_sub("start_date", DAYS_AROUND_PROMOTION))
        .join(simulated, list(PROMOTION_KEY))
        .crossJoin(find_date_origin(gold_daily_product_sales))
        .select(
            *PROMOTION_KEY,
            "order_date",
            "units",
            "expected_units",
            (F.col("units") - F.col("expected_units")).alias("incremental_units"),
            is_promotion_day().alias("is_promotion_day"),
            "is_simulated",
            "is_date_estimated",
        )
    )


def expect_units(days: DataFrame) -> DataFrame:
    """The days with expected_units: the promotion's total, distributed over days in proportion to the control's sales.

    Null on days outside the sales' range and wherever the promotion has no lift, so that both promotion tables
    cover the same promotions.

    Args:
        days: days around each promotion, with expected_in_promotion.
    """
    in_promotion = F.when(is_promotion_day(), F.col("control_units")).otherwise(F.lit(0))
    control_in_promotion = F.sum(in_promotion).over(Window.partitionBy(*PROMOTION_KEY))
    expected = F.col("expected_in_promotion") * divide(F.col("control_units"), control_in_promotion)
    return days.withColumn("expected_units", F.when(F.col("is_observed"), expected))
