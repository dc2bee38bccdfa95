"""What each promotion brought: units, estimated lift, buyers won and kept, and what its aisle lost.

Here lives one row per promotion and product. The days and the control behind the estimate are in
``promotion_windows.py``; the same estimate day by day is in ``promotion_daily_effect.py``.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_date_origin
from instacart_assets.gold.promotion_windows import (
    PROMOTION_KEY,
    WINDOW_KEY,
    estimate_ratio,
    has_enough_data,
    lay_out_days,
    sum_periods,
)
from instacart_assets.tables.declare import table

REPEAT_WITHIN_DAYS = 30


@table("gold.promotion_performance")
def promotion_performance(
    silver_promotions: DataFrame,
    silver_products: DataFrame,
    silver_order_items: DataFrame,
    gold_daily_product_sales: DataFrame,
) -> DataFrame:
    """One row per promotion and product."""
    days = lay_out_days(silver_promotions, silver_products, gold_daily_product_sales)
    keys = list(PROMOTION_KEY)
    return (
        silver_promotions.join(estimate_effects(sum_periods(days)), keys)
        .join(count_buyers(silver_promotions, silver_order_items), keys, "left")
        .fillna(0, subset=["buyers", "new_buyers", "buyers_again"])
        .crossJoin(find_date_origin(gold_daily_product_sales))
        .select(
            *keys,
            "promotion_name",
            "promotion_type",
            *WINDOW_KEY,
            "is_simulated",
            (F.datediff("end_date", "start_date") + 1).cast("bigint").alias("promotion_days"),
            "units",
            "baseline_units",
            (F.col("units") - F.col("baseline_units")).alias("incremental_units"),
            "lift",
            # The interval, the test and its adjustment need a calibrated variance; without one they stay empty.
            *(F.lit(None).cast("double").alias(name) for name in ("lift_ci_low", "lift_ci_high")),
            *(F.lit(None).cast("double").alias(name) for name in ("p_value", "p_value_adjusted")),
            F.lit(None).cast("boolean").alias("is_significant"),
            "is_enough_data",
            "buyers",
            "new_buyers",
            divide(F.col("new_buyers"), F.col("buyers")).alias("new_buyer_rate"),
            divide(F.col("buyers_again"), F.col("buyers")).alias("repeat_after_rate"),
            "aisle_cannibalisation_units",
            "is_date_estimated",
        )
    )


def estimate_effects(totals: DataFrame) -> DataFrame:
    """Units, lift, baseline units and the aisle's loss per promotion, from its period totals.

    Lift comes from clean days: Y / lift is what they would have sold without the promotion. Scaled by the
    control's units on all promotion days over those on clean ones it speaks of the same days as ``units``, and
    equals the sum of the daily effect's expected units over the promotion days.
    """
    judged = totals.withColumn("is_enough_data", has_enough_data())
    lift = F.when(F.col("is_enough_data"), estimate_ratio("units"))
    aisle_lift = F.when(F.col("is_enough_data"), estimate_ratio("aisle"))
    all_per_clean = divide(F.col("all_promotion_control"), F.col("promotion_control"))
    return judged.select(
        *PROMOTION_KEY,
        F.col("all_promotion_units").alias("units"),
        lift.alias("lift"),
        (divide(F.col("promotion_units"), lift) * all_per_clean).alias("baseline_units"),
        # Units the aisle's other products would have sold less those they sold: A_P (e^-L - 1).
        (divide(F.col("promotion_aisle"), aisle_lift) - F.col("promotion_aisle")).alias(
            "aisle_cannibalisation_units"
        ),
        "is_enough_data",
    )


def count_buyers(promotions: DataFrame, order_items: DataFrame) -> DataFrame:
    """Customers who bought the product during the promotion, those new to it, and those who came back for it.

    Returns:
        the promotion's key, buyers, new_buyers (no purchase before the start) and buyers_again (another
        purchase in the 30 days after the end).
    """
    runs = promotions.select(*PROMOTION_KEY, *WINDOW_KEY)
    purchases = order_items.select("product_id", "user_id", "order_date")
    bought = F.col("order_date")
    last_day_to_repeat = F.date_add("end_date", REPEAT_WITHIN_DAYS)
    by_customer = (
        purchases.join(F.broadcast(runs), "product_id")
        .where(bought <= last_day_to_repeat)
        .groupBy(*PROMOTION_KEY, "user_id")
        .agg(
            F.bool_or(bought < F.col("start_date")).alias("is_known"),
            F.bool_or(bought.between(F.col("start_date"), F.col("end_date"))).alias("is_buyer"),
            F.bool_or(bought > F.col("end_date")).alias("is_back"),
        )
    )
    return (
        by_customer.where("is_buyer")
        .groupBy(*PROMOTION_KEY)
        .agg(
            F.count("*").alias("buyers"),
            F.count_if(~F.col("is_known")).alias("new_buyers"),
            F.count_if("is_back").alias("buyers_again"),
        )
    )
