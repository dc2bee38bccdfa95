"""Which products are bought together, and whether more often than by chance.

Contains one row per pair of products that enough orders hold. Pairs are counted in ``basket_pairs.py``, and judged in
``pair_lift.py``. The table is rebuilt as a whole: one more order changes the share of every pair.

Of N orders with a basket, n_a hold product a, n_b product b and n_ab both:

    support = n_ab / N        confidence of a to b = n_ab / n_a        lift = n_ab N / (n_a n_b)

the first two by Agrawal, Imielinski and Swami (1993), lift (there: interest) by Brin, Motwani, Ullman and Tsur (1997).
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.basket_pairs import PAIR, count_customers, count_pairs, find_frequent
from instacart_assets.gold.measures import divide
from instacart_assets.gold.pair_lift import count_by_size, expect_pairs, judge_pairs
from instacart_assets.settings import BasketSettings
from instacart_assets.tables.declare import table

_OF_PRODUCTS = ("product_name", "department", "orders")


@table("gold.product_affinity")
def product_affinity(
    silver_order_items: DataFrame, silver_products: DataFrame, baskets: BasketSettings
) -> DataFrame:
    """One row per pair of products that enough orders hold together."""
    lines = silver_order_items.select("order_id", "product_id", "user_id")
    frequent = find_frequent(lines, baskets)
    pairs = count_customers(lines, count_pairs(lines, frequent))
    expected = expect_pairs(pairs, count_by_size(lines))
    described = describe_products(expected, frequent.products.join(silver_products, "product_id"))
    judged = judge_pairs(described, looked_at=frequent.pairs)
    together, orders_a, orders_b = (F.col(f"orders_{name}") for name in ("together", "a", "b"))
    # Without orders there are no rows, but engines still evaluate a division by a constant 0.
    all_orders = F.lit(max(frequent.all_orders, 1))
    return judged.select(
        *PAIR,
        *(f"{name}_{side}" for name in _OF_PRODUCTS for side in "ab"),
        "orders_together",
        "customers_together",
        divide(together, all_orders).alias("support"),
        divide(together, orders_a).alias("confidence_a_to_b"),
        divide(together, orders_b).alias("confidence_b_to_a"),
        divide(together * all_orders, orders_a * orders_b).alias("lift"),
        "expected_orders_together",
        "effective_orders_together",
        "lift_adjusted",
        "lift_adjusted_ci_low",
        "lift_adjusted_ci_high",
        "p_value",
        "p_value_adjusted",
        "affinity",
        "affinity_rank",
    )


def describe_products(pairs: DataFrame, products: DataFrame) -> DataFrame:
    """The pairs with name, department and orders of both products."""
    for side in "ab":
        named = (F.col(name).alias(f"{name}_{side}") for name in ("product_id", *_OF_PRODUCTS))
        pairs = pairs.join(F.broadcast(products.select(*named)), f"product_id_{side}")
    return pairs
