"""When each department sells: units and orders by hour of the week.

Contains one row per department, day of the week and hour, over all dates. Sales by day are in
``department_daily_sales.py``.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, gather_department_baskets
from instacart_assets.tables.declare import table

DAYS_OF_WEEK = 7
HOURS_OF_DAY = 24


@table("gold.department_hourly_profile")
def department_hourly_profile(silver_order_items: DataFrame, silver_departments: DataFrame) -> DataFrame:
    """One row per department and hour of the week, sold or not: 168 rows per department."""
    keys = ["department_id", "order_dow", "order_hour_of_day"]
    counts = (
        gather_department_baskets(silver_order_items)
        .groupBy(*keys)
        .agg(
            F.sum("units").alias("units"),
            F.count("*").alias("orders"),
            F.sum("reordered_units").alias("reordered_units"),
        )
    )
    dense = (
        lay_out_week_hours(silver_departments)
        .join(counts, keys, "left")
        .fillna(0, subset=["units", "orders", "reordered_units"])
    )
    mean_hour = F.avg(F.col("units").cast("double")).over(Window.partitionBy("department_id"))
    return dense.select(
        *keys,
        "department",
        "units",
        "orders",
        divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        # A department that never sold has no mean hour to compare with.
        F.coalesce(divide(F.col("units"), mean_hour), F.lit(0.0)).alias("demand_index"),
    )


def lay_out_week_hours(departments: DataFrame) -> DataFrame:
    """Every department at every hour of the week."""
    return departments.select(
        "department_id",
        "department",
        F.explode(F.sequence(F.lit(0), F.lit(DAYS_OF_WEEK - 1))).alias("order_dow"),
    ).select("*", F.explode(F.sequence(F.lit(0), F.lit(HOURS_OF_DAY - 1))).alias("order_hour_of_day"))
