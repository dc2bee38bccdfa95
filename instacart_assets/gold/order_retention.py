"""How many customers stay, order by order, and how their orders change on the way.

Contains one row per order number over all customers. Single customers are in ``customer_segments.py``.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_highest_order_numbers, gather_baskets
from instacart_assets.gold.statistics import find_wilson_interval
from instacart_assets.tables.declare import table


@table("gold.order_retention")
def order_retention(silver_orders: DataFrame, silver_order_items: DataFrame) -> DataFrame:
    """One row per order number from 1 to the highest any customer reached."""
    customers = find_highest_order_numbers(silver_orders)
    everyone = customers.agg(F.count("*").alias("all_customers"))
    # Of those who reached the highest number, nobody goes on.
    going_on = F.coalesce(
        F.lead("customers").over(Window.partitionBy("all_customers").orderBy("order_number")), F.lit(0)
    )
    rates = (
        count_customers_reaching(customers)
        .crossJoin(everyone)
        .withColumn("going_on", going_on)
        .withColumns(
            {
                "retention_rate": divide(F.col("customers"), F.col("all_customers")),
                "continuation_rate": divide(F.col("going_on"), F.col("customers")),
            }
        )
    )
    low, high = find_wilson_interval(F.col("retention_rate"), F.col("all_customers"))
    low_on, high_on = find_wilson_interval(F.col("continuation_rate"), F.col("customers"))
    return (
        rates.join(measure_orders(silver_orders), "order_number", "left")
        .join(sum_baskets(silver_order_items), "order_number", "left")
        .fillna(0, subset=["orders"])
        .select(
            "order_number",
            "customers",
            "retention_rate",
            low.alias("retention_rate_ci_low"),
            high.alias("retention_rate_ci_high"),
            "continuation_rate",
            low_on.alias("continuation_rate_ci_low"),
            high_on.alias("continuation_rate_ci_high"),
            "orders",
            "average_days_since_prior_order",
            divide(F.col("units"), F.col("baskets")).alias("average_basket_units"),
            divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        )
    )


def count_customers_reaching(customers: DataFrame) -> DataFrame:
    """Customers with at least that many orders, per order number."""
    reached = F.explode(F.sequence(F.lit(1), F.col("highest_order_number")))
    return (
        customers.select(reached.alias("order_number"))
        .groupBy("order_number")
        .agg(F.count("*").alias("customers"))
    )


def measure_orders(orders: DataFrame) -> DataFrame:
    """Orders and their mean landed gap to the order before, per order number; the gap is null for the first."""
    mean = F.avg(F.col("days_since_prior_order").cast("double"))
    return orders.groupBy("order_number").agg(
        F.count("*").alias("orders"), mean.alias("average_days_since_prior_order")
    )


def sum_baskets(order_items: DataFrame) -> DataFrame:
    """Baskets, units and reordered units per order number; an order without a basket does not count."""
    return (
        gather_baskets(order_items)
        .groupBy("order_number")
        .agg(
            F.count("*").alias("baskets"),
            F.sum("units").alias("units"),
            F.sum("reordered_units").alias("reordered_units"),
        )
    )
