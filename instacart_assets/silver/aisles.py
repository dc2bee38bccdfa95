"""Aisles, typed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.silver.parsing import clean_name, parse_int
from instacart_assets.tables.declare import table


@table("silver.aisles")
def aisles(bronze_aisles: DataFrame) -> DataFrame:
    """One row per aisle."""
    return bronze_aisles.select(
        *ORIGIN,
        parse_int(F.col("aisle_id")).alias("aisle_id"),
        clean_name(F.col("aisle")).alias("aisle"),
    )
