"""Units, orders and customers per department and day, every day.

Here lives the dense daily fact per department: a quiet day is a row of zeros, so that means over days and
charts need no filling. Single products are in ``daily_product_sales.py``.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_date_origin, gather_department_baskets, list_days
from instacart_assets.tables.declare import table

DAYS_OF_MEAN = 7
COUNTS = ("units", "orders", "customers", "reordered_units")


@table("gold.department_daily_sales")
def department_daily_sales(silver_order_items: DataFrame, silver_departments: DataFrame) -> DataFrame:
    """One row per day and department, for every day from the first to the last with an order line."""
    keys = ["order_date", "department_id"]
    dense = (
        lay_out_department_days(silver_order_items, silver_departments)
        .join(count_department_days(silver_order_items), keys, "left")
        .fillna(0, subset=list(COUNTS))
    )
    same_day = Window.partitionBy("order_date")
    week_to_day = (
        Window.partitionBy("department_id")
        .orderBy("order_date")
        .rowsBetween(-(DAYS_OF_MEAN - 1), Window.currentRow)
    )
    return dense.select(
        *keys,
        "department",
        *COUNTS,
        divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        divide(F.col("units"), F.sum("units").over(same_day)).alias("units_share"),
        F.avg(F.col("units").cast("double")).over(week_to_day).alias("units_7d_average"),
        "is_date_estimated",
    )


def lay_out_department_days(order_items: DataFrame, departments: DataFrame) -> DataFrame:
    """Every department on every day of the range, and whether dates are estimated."""
    span = order_items.agg(F.min("order_date").alias("first"), F.max("order_date").alias("last"))
    days = span.select(list_days(F.col("first"), F.col("last")).alias("order_date"))
    return days.crossJoin(departments.select("department_id", "department")).crossJoin(
        find_date_origin(order_items)
    )


def count_department_days(order_items: DataFrame) -> DataFrame:
    """Units, orders, customers and reordered units per day and department with a sale."""
    by_customer = (
        gather_department_baskets(order_items)
        .groupBy("order_date", "department_id", "user_id")
        .agg(
            F.sum("units").alias("units"),
            F.count("*").alias("orders"),
            F.sum("reordered_units").alias("reordered_units"),
        )
    )
    return by_customer.groupBy("order_date", "department_id").agg(
        F.sum("units").alias("units"),
        F.sum("orders").alias("orders"),
        F.count("*").alias("customers"),
        F.sum("reordered_units").alias("reordered_units"),
    )
