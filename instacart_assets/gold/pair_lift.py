"""How much more often two products share a basket than chance predicts, given the sizes of baskets.

Contains the estimate behind ``product_affinity``: the expected orders of a pair, and the test of the difference. The
pairs are counted in ``basket_pairs.py``.

The lift of Brin, Motwani, Ullman and Tsur (1997) treats all orders alike. Large baskets hold more of everything, so two
unrelated products meet there more often than the lift expects: in baskets like the public ones their lift is about 1.3
(``docs/baskets.md``). So the expectation is summed over basket sizes, as Mantel and Haenszel (1959) do. Of the N
baskets with s lines n_a hold a and n_b hold b, shares p_a and p_b. If nothing but shares and size mattered,

    expected E = sum(N p_a p_b (1 - (1 - p_a) (1 - p_b) / d))        d = sum(p (1 - p)) over all products
    lift = orders together / E

which is Hajek's (1964) chance of two in a sample of fixed size: if a has taken one of s places, s - 1 are left for b.

Orders of one customer are not independent: a pair's orders count as ``effective_orders_together``. The interval is
Byar's for that many Poisson events, with the matching p-value (``statistics.py``). The expectation rests on many more
orders than the pair, and is taken as known.
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
"""Of the pairs that are reported as together or apart, about one in twenty is due to chance."""

_DIGITS = 9  # engines sum in different orders: further digits mean nothing


def count_by_size(order_items: DataFrame) -> DataFrame:
    """Orders of each product by basket size, with totals over all baskets of that size; one-line baskets are skipped.

    Returns:
        product_id, units (the size), orders (baskets of that size with the product), baskets (all of that size) and
        spread, the d of that size.
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
    # Both products are looked up in one join that keeps all columns: what is read twice is computed twice.
    met = (
        pairs.withColumn("product_id", F.explode(F.array(*PAIR)))
        .join(by_size, "product_id")
        .withColumn("share", divide(F.col("orders"), F.col("baskets")))
        .groupBy(*pairs.columns, "units", "baskets", "spread")
        .agg(F.count("*").alias("products"), F.min("share").alias("lower"), F.max("share").alias("higher"))
        .where("products = 2")
    )
    lower, higher, one = F.col("lower"), F.col("higher"), F.lit(1.0)
    # If all baskets of a size hold the same products, the spread is 0 and nothing is left to chance.
    taken = F.coalesce(divide((one - lower) * (one - higher), F.col("spread")), F.lit(0.0))
    expected = F.col("baskets") * lower * higher * F.greatest(one - taken, F.lit(0.0))
    sums = met.groupBy(*pairs.columns).agg(F.sum(expected).alias("expected"))
    return sums.select(*pairs.columns, F.round("expected", _DIGITS).alias("expected_orders_together"))


def judge_pairs(pairs: DataFrame, looked_at: int) -> DataFrame:
    """The pairs with the lift adjusted for basket sizes, its interval and p-values, the verdict and a rank.

    Pairs are ranked by the lower end of the interval, so that rare ones do not win by luck; ties by orders together,
    then by their products.

    Args:
        pairs: with orders_together, effective_orders_together and expected_orders_together.
        looked_at: number of pairs considered, including those that are not rows.

    Returns:
        the rows with lift_adjusted, lift_adjusted_ci_low, lift_adjusted_ci_high, p_value, p_value_adjusted, affinity
        and affinity_rank.
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
