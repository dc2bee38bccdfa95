"""Order items: every line of every published basket with its order and its product."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.silver.parsing import parse_bigint, parse_flag, parse_int
from instacart_assets.tables.declare import table

ORDER_COLUMNS = (
    "order_id",
    "user_id",
    "eval_set",
    "order_number",
    "order_date",
    "is_date_estimated",
    "order_dow",
    "order_hour_of_day",
)
PRODUCT_COLUMNS = ("product_id", "product_name", "aisle_id", "aisle", "department_id", "department")


@table("silver.order_items", by=["order_id"], ties={"silver.products": ["product_id"]})
def order_items(
    bronze_order_products__prior: DataFrame,
    bronze_order_products__train: DataFrame,
    silver_orders: DataFrame,
    silver_products: DataFrame,
) -> DataFrame:
    """One row per product in an order; a line of an unknown order or product keeps its row with nulls there."""
    lines = _type_columns(bronze_order_products__prior).unionByName(
        _type_columns(bronze_order_products__train)
    )
    return lines.join(silver_orders.select(*ORDER_COLUMNS), "order_id", "left").join(
        silver_products.select(*PRODUCT_COLUMNS), "product_id", "left"
    )


def _type_columns(landed: DataFrame) -> DataFrame:
    return landed.select(
        *ORIGIN,
        parse_bigint(F.col("order_id")).alias("order_id"),
        parse_int(F.col("product_id")).alias("product_id"),
        parse_int(F.col("add_to_cart_order")).alias("add_to_cart_order"),
        parse_flag(F.col("reordered")).alias("is_reordered"),
    )
