"""Which products share a basket, in how many orders and for how many customers: counts of pairs, in bounded memory.

Contains the counting behind ``product_affinity``. The statistics of the counts are in ``pair_lift.py``.

A pair is in no more orders than either of its products (Agrawal and Srikant 1994). So products that are in too few
orders are left out before pairs are made, and the work grows with the square of what is left of a basket, not of the
catalog. Customers are counted in a second pass, only for the pairs kept by the first: counting pairs per customer for
all pairs would take nearly as many rows as there are pairs in all baskets.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide
from instacart_assets.settings import BasketSettings

PAIR = ("product_id_a", "product_id_b")

_PRODUCT_BITS = 32
"""Width of the second product in a packed pair: grouping by one number is faster than by two."""


@dataclass(frozen=True)
class Frequent:
    """The products that are in enough orders to be part of a frequent pair.

    Attributes:
        all_orders: number of orders with a basket.
        fewest_orders: minimum number of orders for a pair, not rounded.
        pairs: number of pairs that the products can form.
        products: product_id and orders of each, collected: at most the mean number of lines per order divided by the
            minimum support.
    """

    all_orders: int
    fewest_orders: float
    pairs: int
    products: DataFrame


def find_frequent(order_items: DataFrame, baskets: BasketSettings) -> Frequent:
    """The products that are in as many orders as the settings require of a pair. An order holds a product once."""
    all_orders = order_items.agg(F.count_distinct("order_id")).collect()[0][0]
    fewest = max(all_orders * baskets.minimum_support, float(baskets.minimum_orders))
    products = order_items.groupBy("product_id").agg(F.count("*").alias("orders"))
    found = [tuple(row) for row in products.where(F.col("orders") >= fewest).collect()]
    return Frequent(
        all_orders=all_orders,
        fewest_orders=fewest,
        pairs=len(found) * (len(found) - 1) // 2,
        products=order_items.sparkSession.createDataFrame(found, "product_id int, orders bigint"),
    )


def count_pairs(order_items: DataFrame, frequent: Frequent) -> DataFrame:
    """The pairs that are in enough orders: pair (packed) and orders_together.

    Collected: at most the mean number of pairs per order divided by the minimum support. Their customers are counted
    next, among the few products that are left.
    """
    pairs = list_pairs(order_items, frequent.products).groupBy("pair").agg(F.count("*").alias("orders"))
    found = [tuple(row) for row in pairs.where(F.col("orders") >= frequent.fewest_orders).collect()]
    return order_items.sparkSession.createDataFrame(found, "pair bigint, orders_together bigint")


def count_customers(order_items: DataFrame, pairs: DataFrame) -> DataFrame:
    """The pairs with the number of customers who bought them in one order, and the effective number of orders.

    Repeated purchases of a pair by one customer are not independent. With n orders of each customer, all orders are
    worth sum(n)^2 / sum(n^2) independent ones (Kish 1965): the number of customers, if all bought it equally often.

    Args:
        order_items: all lines.
        pairs: as ``count_pairs`` returns them.

    Returns:
        product_id_a, product_id_b, orders_together, customers_together and effective_orders_together.
    """
    products = pairs.select(*unpack("pair")).select(F.explode(F.array(*PAIR)).alias("product_id")).distinct()
    of_customers = (
        list_pairs(order_items, products, "user_id")
        .join(F.broadcast(pairs), "pair")
        .groupBy("pair", "orders_together", "user_id")
        .agg(F.count("*").alias("orders"))
    )
    orders, together = F.col("orders"), F.col("orders_together")
    return (
        of_customers.groupBy("pair", "orders_together")
        .agg(F.count("*").alias("customers_together"), F.sum(orders * orders).alias("squares"))
        .select(
            *unpack("pair"),
            "orders_together",
            "customers_together",
            divide(together * together, F.col("squares")).alias("effective_orders_together"),
        )
    )


def list_pairs(order_items: DataFrame, products: DataFrame, *columns: str) -> DataFrame:
    """One row per order and pair of products in it: pair (packed, lower product_id first) and the given columns."""
    lines = order_items.join(F.broadcast(products.select("product_id")), "product_id", "left_semi")
    firsts = lines.select("order_id", *columns, F.col("product_id").alias("first"))
    seconds = lines.select("order_id", F.col("product_id").alias("second"))
    pairs = firsts.join(seconds, "order_id").where(F.col("first") < F.col("second"))
    return pairs.select(*columns, pack(F.col("first"), F.col("second")).alias("pair"))


def pack(first: Column, second: Column) -> Column:
    """Pack two product ids into one number."""
    packed: Column = first.cast("bigint") * 2**_PRODUCT_BITS + second.cast("bigint")
    return packed


def unpack(pair: str) -> tuple[Column, Column]:
    """The two products of a packed number, as columns named by ``PAIR``."""
    first, second = F.shiftright(F.col(pair), _PRODUCT_BITS), F.col(pair) % 2**_PRODUCT_BITS
    return first.cast("int").alias(PAIR[0]), second.cast("int").alias(PAIR[1])
