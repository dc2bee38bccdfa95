"""Units, orders and customers per product and day, on the days the product was sold.

Contains the sparse daily fact that dashboards and promotion measurement build on. Days without a sale have no
row: a query that needs them must generate the days first.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import count_reordered, divide, list_days
from instacart_assets.tables.declare import table


@table(
    "gold.daily_product_sales",
    by=["order_date", "product_id"],
    ties={"silver.products": ["product_id"], "silver.promotions": ["product_id"]},
)
def daily_product_sales(
    silver_order_items: DataFrame, silver_products: DataFrame, silver_promotions: DataFrame
) -> DataFrame:
    """One row per day and product with at least one unit sold."""
    named = silver_products.select("product_id", "product_name", "aisle", "department")
    sales = count_daily_units(silver_order_items).join(named, "product_id", "left")
    # The few promoted days are on the left: the embedded engine holds the left side of a join in memory.
    marked = list_promoted_days(silver_promotions).join(sales, ["product_id", "order_date"], "right")
    return marked.select(
        "order_date",
        "product_id",
        "product_name",
        "aisle",
        "department",
        "units",
        "orders",
        "customers",
        "reordered_units",
        divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        F.coalesce("is_on_promotion", F.lit(False)).alias("is_on_promotion"),
        "is_date_estimated",
    )


def count_daily_units(order_items: DataFrame) -> DataFrame:
    """Units, orders, customers and reordered units per day and product."""
    # Customers first, then days: one pass that counts customers without a distinct count.
    by_customer = order_items.groupBy("order_date", "product_id", "user_id").agg(
        F.count("*").alias("units"),
        count_reordered().alias("reordered_units"),
        F.bool_or("is_date_estimated").alias("is_date_estimated"),
    )
    return by_customer.groupBy("order_date", "product_id").agg(
        F.sum("units").alias("units"),
        # An order holds a product once (the key of silver.order_items): each line is a different order.
        F.sum("units").alias("orders"),
        F.count("*").alias("customers"),
        F.sum("reordered_units").alias("reordered_units"),
        F.bool_or("is_date_estimated").alias("is_date_estimated"),
    )


def list_promoted_days(promotions: DataFrame) -> DataFrame:
    """One row per product and day covered by at least one promotion of the product."""
    return (
        promotions.select("product_id", list_days(F.col("start_date"), F.col("end_date")).alias("order_date"))
        .distinct()
        .withColumn("is_on_promotion", F.lit(True))
    )
