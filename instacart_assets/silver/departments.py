"""Departments, typed."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.silver.parsing import clean_name, parse_int
from instacart_assets.tables.declare import table


@table("silver.departments")
def departments(bronze_departments: DataFrame) -> DataFrame:
    """One row per department."""
    return bronze_departments.select(
        *ORIGIN,
        parse_int(F.col("department_id")).alias("department_id"),
        clean_name(F.col("department")).alias("department"),
    )
