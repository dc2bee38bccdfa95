"""The product dimension of gold: names, aisle and department, and the first and last day of sale.

Contains one row per product. How much it sold is in ``daily_product_sales.py``.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import find_date_origin
from instacart_assets.tables.declare import table


@table("gold.dim_product")
def dim_product(silver_products: DataFrame, silver_order_items: DataFrame) -> DataFrame:
    """One row per product, sold or not; first and last order date are null where it never was."""
    return (
        silver_products.join(find_sale_dates(silver_order_items), "product_id", "left")
        .withColumn("is_ever_sold", F.col("first_order_date").isNotNull())
        .crossJoin(find_date_origin(silver_order_items))
    )


def find_sale_dates(order_items: DataFrame) -> DataFrame:
    """First and last order date per product sold."""
    return order_items.groupBy("product_id").agg(
        F.min("order_date").alias("first_order_date"), F.max("order_date").alias("last_order_date")
    )
