"""What each promotion brought: units, estimated lift, buyers won and kept, and what its aisle lost.

Contains one row per promotion and product. The days and the control behind the estimate are in
``promotion_windows.py``; the same estimate day by day is in ``promotion_daily_effect.py``.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_date_origin
from instacart_assets.gold.promotion_effect import (
    choose_bias,
    estimate_aisle_growth,
    estimate_error,
    estimate_log_effect,
    has_enough_data,
    promotion_units,
)
from instacart_assets.gold.promotion_windows import (
    PROMOTION_KEY,
    WINDOW_KEY,
    lay_out_days,
    sum_periods,
)
from instacart_assets.gold.statistics import QUANTILE_95, adjust_p_values, find_two_sided_p
from instacart_assets.tables.declare import table

REPEAT_WITHIN_DAYS = 30

SIGNIFICANCE = 0.05
"""P-values below this are called significant: of promotions without any effect, one in twenty."""


@table("gold.promotion_performance")
def promotion_performance(
    silver_promotions: DataFrame,
    silver_products: DataFrame,
    silver_order_items: DataFrame,
    gold_daily_product_sales: DataFrame,
    gold_promotion_noise: DataFrame,
) -> DataFrame:
    """One row per promotion and product."""
    days = lay_out_days(silver_promotions, silver_products, gold_daily_product_sales)
    keys = list(PROMOTION_KEY)
    totals = sum_periods(days).join(
        silver_products.select("product_id", "department_id"), "product_id", "left"
    )
    judged = estimate_effects(totals.join(F.broadcast(gold_promotion_noise), "department_id", "left"))
    return (
        silver_promotions.join(adjust_p_values(judged, keys), keys)
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
            "lift_ci_low",
            "lift_ci_high",
            "p_value",
            "p_value_adjusted",
            (F.col("p_value") < SIGNIFICANCE).alias("is_significant"),
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
    """Units, lift with its interval and p-value, baseline units and the aisle's loss per promotion.

    With L the bias-corrected log effect and SE its error, the interval is exp(L +- 1.96 SE) and p is
    2 Phi(-abs(L) / SE): the interval contains 1 exactly where p is 0.05 or more.

    Lift comes from clean days: (Y + f / 2) / lift is what they would have sold without the promotion. Scaled by the
    control's units on all promotion days over those on clean ones, it covers the same days as ``units``, and
    equals the sum of the daily effect's expected units over the promotion days.

    Args:
        totals: period totals of each promotion, with the noise of its department.
    """
    effect = F.when(F.col("is_enough_data"), estimate_log_effect() - choose_bias())
    judged = (
        totals.withColumn("is_enough_data", has_enough_data() & F.col("unit_dispersion").isNotNull())
        .withColumn("effect", effect)
        .withColumn("error", F.when(F.col("effect").isNotNull(), estimate_error()))
    )
    lift, aisle_lift = F.exp("effect"), F.when(F.col("is_enough_data"), estimate_aisle_growth())
    margin = F.lit(QUANTILE_95) * F.col("error")
    all_per_clean = divide(F.col("all_promotion_control"), F.col("promotion_control"))
    return judged.select(
        *PROMOTION_KEY,
        F.col("all_promotion_units").alias("units"),
        lift.alias("lift"),
        F.exp(F.col("effect") - margin).alias("lift_ci_low"),
        F.exp(F.col("effect") + margin).alias("lift_ci_high"),
        find_two_sided_p(divide(F.col("effect"), F.col("error"))).alias("p_value"),
        (divide(promotion_units(), lift) * all_per_clean).alias("baseline_units"),
        # Units the aisle's other products would have sold minus those they sold: A_P (e^-L - 1).
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
