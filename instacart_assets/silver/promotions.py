"""The promotion ledger, typed. Empty where no ledger landed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.silver.parsing import clean_name, parse_date, parse_flag, parse_int, parse_share
from instacart_assets.tables.declare import table


@table("silver.promotions")
def promotions(bronze_promotions: DataFrame, silver_products: DataFrame) -> DataFrame:
    """One row per product in a promotion; an unknown product keeps its row with a null name."""
    typed = bronze_promotions.select(
        *ORIGIN,
        parse_int(F.col("promotion_id")).alias("promotion_id"),
        parse_int(F.col("product_id")).alias("product_id"),
        clean_name(F.col("promotion_name")).alias("promotion_name"),
        F.lower("promotion_type").alias("promotion_type"),
        parse_share(F.col("discount_rate")).alias("discount_rate"),
        parse_date(F.col("start_date")).alias("start_date"),
        parse_date(F.col("end_date")).alias("end_date"),
        parse_flag(F.col("is_simulated")).alias("is_simulated"),
    )
    return typed.join(silver_products.select("product_id", "product_name"), "product_id", "left")
