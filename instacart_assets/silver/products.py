"""Products, typed, with clean names and the names of their aisle and department."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.silver.parsing import clean_name, parse_int
from instacart_assets.tables.declare import table

UNCLASSIFIED = "missing"
"""The source's name for the aisle and the department of unclassified products: a real name, not null."""


@table("silver.products")
def products(
    bronze_products: DataFrame, silver_aisles: DataFrame, silver_departments: DataFrame
) -> DataFrame:
    """One row per product; a product whose aisle or department is unknown keeps its row with a null name."""
    typed = bronze_products.select(
        *ORIGIN,
        parse_int(F.col("product_id")).alias("product_id"),
        clean_name(F.col("product_name")).alias("product_name"),
        parse_int(F.col("aisle_id")).alias("aisle_id"),
        parse_int(F.col("department_id")).alias("department_id"),
    )
    is_classified = (F.col("aisle") != UNCLASSIFIED) & (F.col("department") != UNCLASSIFIED)
    return (
        typed.join(silver_aisles, "aisle_id", "left")
        .join(silver_departments, "department_id", "left")
        .withColumn("is_classified", is_classified)
    )
