"""How much more often two products lie in one basket than chance would put them there, in baskets of these sizes.

Here lives the estimate behind ``product_affinity``: what is expected of a pair, and what may be said of the difference. The
pairs are counted in ``basket_pairs.py``.

The lift of Brin, Motwani, Ullman and Tsur (1997) takes all orders for alike. Large baskets hold more of everything, so two
products that have nothing to do with each other meet there more often than the lift expects: in baskets like the public
ones its value for them is about 1.3 (``docs/baskets.md``). So what is expected is summed over sizes of baskets, as Mantel
and Haenszel (1959) do. Of the N baskets with s lines n_a hold a and n_b hold b, shares p_a and p_b. If nothing but shares
and size decided,

    expected E = sum(N p_a p_b (1 - (1 - p_a) (1 - p_b) / d))        d = sum(p (1 - p)) over all products
    lift = orders together / E

which is Hajek's (1964) chance of two in a sample of fixed size: where a has taken one of s places, s - 1 are left for b.

Orders of one customer are no independent evidence: n of them count as ``effective_orders_together``. As many Poisson
events have Byar's interval, and the p-value that belongs to it (``statistics.py``). What is expected rests on many more orders
than the pair, and is taken as known.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.basket_pairs import PAIR
from instacart_assets.gold.measures import divide
from instacart_assets.gold.statistics import (
    adjust_p_values,
    find_count_interval,
    find_two_sided_p,
    score_count,
)

SIGNIFICANCE = 0.05
"""Of the pairs that are told of as together or apart, about one in twenty is luck."""

_DIGITS = 9  # engines add up in another order: the digits behind say nothing


def count_by_size(order_items: DataFrame) -> DataFrame:
    """Orders of each product by size of the basket, and what all baskets of that size are like; one line makes no pair.

    Returns:
        product_id, units (the size), orders (baskets of that size with the product), baskets (all of that size) and spread,
        the d of that size.
    """
    sizes = order_items.groupBy("order_id").agg(F.count("*").alias("units")).where("units > 1")
    counts = (
        order_items.join(sizes, "order_id").groupBy("product_id", "units").agg(F.count("*").alias("orders"))
    )
    orders, of_size = F.col("orders"), Window.partitionBy("units")
    return (
        counts.withColumns(
            {"lines": F.sum(orders).over(of_size), "squares": F.sum(orders * orders).over(of_size)}
        )
        .withColumn("baskets", divide(F.col("lines"), F.col("units")))
        .withColumn("spread", F.col("units") - divide(F.col("squares"), F.col("baskets") * F.col("baskets")))
        .select("product_id", "units", "orders", "baskets", "spread")
    )


def expect_pairs(pairs: DataFrame, by_size: DataFrame) -> DataFrame:
    """The pairs with expected_orders_together, the E of the module's formula.

    Args:
        pairs: with product_id_a and product_id_b; all its columns are kept.
        by_size: as ``count_by_size`` returns it.
    """
    # Both products are looked up at once, and all columns go along: what is read twice is counted twice.
    met = (
        pairs.withColumn("product_id", F.explode(F.array(*PAIR)))
        .join(by_size, "product_id")
        .withColumn("share", divide(F.col("orders"), F.col("baskets")))
        .groupBy(*pairs.columns, "units", "baskets", "spread")
        .agg(F.count("*").alias("products"), F.min("share").alias("lower"), F.max("share").alias("higher"))
        .where("products = 2")
    )
    lower, higher, one = F.col("lower"), F.col("higher"), F.lit(1.0)
    # Baskets that are all alike have no spread, and hold what they hold.
    taken = F.coalesce(divide((one - lower) * (one - higher), F.col("spread")), F.lit(0.0))
    expected = F.col("baskets") * lower * higher * F.greatest(one - taken, F.lit(0.0))
    sums = met.groupBy(*pairs.columns).agg(F.sum(expected).alias("expected"))
    return sums.select(*pairs.columns, F.round("expected", _DIGITS).alias("expected_orders_together"))


def judge_pairs(pairs: DataFrame, looked_at: int) -> DataFrame:
    """The pairs with the lift by basket sizes, its interval and p-values, the word for it and a rank.

    Pairs are ranked by the lower end of the interval, so that thin ones do not win by luck; equals by orders together, then
    by their products.

    Args:
        pairs: with orders_together, effective_orders_together and expected_orders_together.
        looked_at: how many pairs were looked at, also those that are no rows.

    Returns:
        the rows with lift_adjusted, lift_adjusted_ci_low, lift_adjusted_ci_high, p_value, p_value_adjusted, affinity and
        affinity_rank.
    """
    together, effective = F.col("orders_together"), F.col("effective_orders_together")
    lift = F.col("lift_adjusted")
    low, high = find_count_interval(effective)
    estimated = (
        pairs.withColumn("lift_adjusted", divide(together, F.col("expected_orders_together")))
        .withColumns({"low": low, "high": high, "score": score_count(effective, divide(effective, lift))})
        .withColumns(
            {
                "lift_adjusted_ci_low": divide(lift * F.col("low"), effective),
                "lift_adjusted_ci_high": divide(lift * F.col("high"), effective),
                "p_value": find_two_sided_p(F.col("score")),
            }
        )
    )
    is_found = F.col("p_value_adjusted") < SIGNIFICANCE
    word = (
        F.when(is_found & (lift > 1), F.lit("together"))
        .when(is_found, F.lit("apart"))
        .when(F.col("p_value").isNotNull(), F.lit("chance"))
    )
    judged = adjust_p_values(estimated, PAIR, F.lit(looked_at)).withColumn("affinity", word)
    best_first = (F.desc("lift_adjusted_ci_low"), F.desc("orders_together"), *map(F.asc, PAIR))
    position = F.row_number().over(Window.partitionBy("affinity").orderBy(*best_first))
    return judged.withColumn("affinity_rank", F.when(F.col("affinity") == "together", position))
