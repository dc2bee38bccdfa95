"""How products are bought again: by how many of their buyers, how soon, and what that says about customers.

Contains one row per product over all dates. Whether customers who start with a product stay more often is estimated in
``retention_lift.py``; sales by day are in ``daily_product_sales.py``.
"""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import count_reordered, divide
from instacart_assets.gold.retention_lift import measure_retention
from instacart_assets.tables.declare import table

MINIMUM_BUYERS_TO_RANK = 20
"""A product with fewer buyers has no rank: its repeat buyer rate is mostly chance."""

_DAY_ZERO = date(1900, 1, 1)
"""Days are counted from this date, so that none is negative."""

_DAY_BITS = 32
"""Width of the day in a packed purchase; the product_id is in the bits above."""


@table("gold.product_repeat_purchase")
def product_repeat_purchase(
    silver_order_items: DataFrame, silver_orders: DataFrame, silver_products: DataFrame
) -> DataFrame:
    """One row per product, sold or not."""
    counts = ["units", "reordered_units", "buyers", "repeat_buyers", "first_order_buyers", "retained_buyers"]
    measured = (
        silver_products.select("product_id", "product_name", "aisle", "department", "department_id")
        .join(sum_lines(silver_order_items), "product_id", "left")
        .join(measure_repeats(silver_order_items), "product_id", "left")
        .join(measure_retention(silver_order_items, silver_orders), "product_id", "left")
        .fillna(0, subset=counts)
        .fillna(False, subset=["is_enough_first_orders"])
        .withColumn("repeat_buyer_rate", divide(F.col("repeat_buyers"), F.col("buyers")))
        .withColumn("retention_rate_10", divide(F.col("retained_buyers"), F.col("first_order_buyers")))
    )
    return measured.select(
        "product_id",
        "product_name",
        "aisle",
        "department",
        "units",
        "buyers",
        "repeat_buyers",
        "repeat_buyer_rate",
        "reordered_units",
        divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        "median_days_between_purchases",
        divide(F.col("sum_of_cart_positions"), F.col("units")).alias("average_cart_position"),
        "first_order_buyers",
        "retention_rate_10",
        "retention_lift",
        "retention_lift_ci_low",
        "retention_lift_ci_high",
        "retention_lift_adjusted",
        "retention_lift_adjusted_ci_low",
        "retention_lift_adjusted_ci_high",
        "is_enough_first_orders",
        "retention_p_value",
        "retention_p_value_adjusted",
        "is_retention_signal",
        "retention_rank",
        rank_in_department().alias("repeat_rank_in_department"),
    )


def sum_lines(order_items: DataFrame) -> DataFrame:
    """Units, reordered units and the sum of cart positions per product sold."""
    return order_items.groupBy("product_id").agg(
        F.count("*").alias("units"),
        count_reordered().alias("reordered_units"),
        F.sum("add_to_cart_order").alias("sum_of_cart_positions"),
    )


def measure_repeats(order_items: DataFrame) -> DataFrame:
    """Buyers, repeat buyers and the exact median of days between purchases per product sold."""
    gaps = count_gaps(order_items)
    of_product = Window.partitionBy("product_id")
    gaps_so_far = F.sum("gaps").over(
        of_product.orderBy("gap_days").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    ranked = gaps.select(
        "*", gaps_so_far.alias("gaps_so_far"), F.sum("gaps").over(of_product).alias("gaps_of_product")
    )
    # The two middle gaps of n sorted ones: the first with at least half of all at or below it, and the first
    # with more than half. They are the same gap where n is odd.
    holds_gap = F.col("gap_days").isNotNull()
    lower = F.min(
        F.when(holds_gap & (2 * F.col("gaps_so_far") >= F.col("gaps_of_product")), F.col("gap_days"))
    )
    upper = F.min(
        F.when(holds_gap & (2 * F.col("gaps_so_far") > F.col("gaps_of_product")), F.col("gap_days"))
    )
    return ranked.groupBy("product_id").agg(
        F.sum("buyers").alias("buyers"),
        F.sum("repeat_buyers").alias("repeat_buyers"),
        divide(lower + upper, F.lit(2)).alias("median_days_between_purchases"),
    )


def count_gaps(order_items: DataFrame) -> DataFrame:
    """How often each gap in days between a customer's purchases of a product occurs, per product.

    Gaps are whole days with few distinct values, so their counts give an exact median without sorting all of them.

    Returns:
        product_id, gap_days (null in the row of first purchases), gaps, and of that row the buyers (each has
        one first purchase) and repeat_buyers (those whose first purchase has a next).
    """
    purchases = list_purchases(order_items)
    product, day = _unpack("purchases"), F.col("pair.purchases") % 2**_DAY_BITS
    has_earlier = F.coalesce(_unpack("earlier") == product, F.lit(False))
    has_later = F.coalesce(_unpack("later") == product, F.lit(False))
    gap_days = day - F.col("pair.earlier") % 2**_DAY_BITS
    return (
        purchases.select(
            product.cast("int").alias("product_id"),
            F.when(has_earlier, gap_days).alias("gap_days"),
            (~has_earlier & has_later).alias("is_first_of_several"),
        )
        .groupBy("product_id", "gap_days")
        .agg(
            F.count("gap_days").alias("gaps"),
            F.count_if(F.col("gap_days").isNull()).alias("buyers"),
            F.count_if("is_first_of_several").alias("repeat_buyers"),
        )
    )


def list_purchases(order_items: DataFrame) -> DataFrame:
    """One row per order line: a struct ``pair`` of the purchase and its neighbours in the customer's sorted list.

    Product and day are packed into one number, so that a customer's purchases sort as a short list of numbers:
    at 34 million lines a window over (customer, product) took over two minutes where this takes eleven seconds.
    """
    day = F.datediff("order_date", F.lit(_DAY_ZERO)).cast("bigint")
    packed = F.col("product_id").cast("bigint") * 2**_DAY_BITS + day
    nothing = F.array(F.lit(None).cast("bigint"))
    others = F.size("purchases") - 1
    return (
        order_items.groupBy("user_id")
        .agg(F.array_sort(F.collect_list(packed)).alias("purchases"))
        .select(
            "purchases",
            F.concat(nothing, F.slice("purchases", F.lit(1), others)).alias("earlier"),
            F.concat(F.slice("purchases", F.lit(2), others), nothing).alias("later"),
        )
        .select(F.explode(F.arrays_zip("purchases", "earlier", "later")).alias("pair"))
    )


def _unpack(purchase: str) -> Column:
    return F.shiftright(F.col(f"pair.{purchase}"), _DAY_BITS)


def rank_in_department() -> Column:
    """Position by repeat buyer rate among the department's products with enough buyers; null for the others.

    Ties go to the product with more buyers, then to the lower product_id.
    """
    is_ranked = F.col("buyers") >= MINIMUM_BUYERS_TO_RANK
    best_first = (F.desc("repeat_buyer_rate"), F.desc("buyers"), F.asc("product_id"))
    position = F.row_number().over(Window.partitionBy("department_id", is_ranked).orderBy(*best_first))
    return F.when(is_ranked, position)
