"""Units, orders and customers per department and day, every day.

Contains the dense daily fact per department: a day without sales is a row of zeros, so that means over days and
charts need no gap filling. Single products are in ``daily_product_sales.py``.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide, find_date_origin, gather_department_baskets, list_days
from instacart_assets.tables.declare import table

WEEK, FOUR_WEEKS = 7, 28
"""Windows of the moving averages, in days: whole weeks, so that no day of the week weighs more than another."""

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
    return dense.withColumn("units_7d_average", average_units(WEEK)).select(
        *keys,
        "department",
        *COUNTS,
        divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
        divide(F.col("units"), F.sum("units").over(same_day)).alias("units_share"),
        "units_7d_average",
        average_units(FOUR_WEEKS).alias("units_28d_average"),
        look_back("units").alias("units_week_before"),
        divide(F.col("units_7d_average"), average_of_full_week_before()).alias("week_on_week_index"),
        "is_date_estimated",
    )


def average_units(days: int) -> Column:
    """Mean units over the given number of days up to this one; over fewer at the start of the range."""
    days_to_day = (
        Window.partitionBy("department_id").orderBy("order_date").rowsBetween(-(days - 1), Window.currentRow)
    )
    return F.avg(F.col("units").cast("double")).over(days_to_day)


def look_back(column: str) -> Column:
    """A column's value a week before, on the same day of the week; null in the first week."""
    return F.lag(column, WEEK).over(Window.partitionBy("department_id").orderBy("order_date"))


def average_of_full_week_before() -> Column:
    """units_7d_average a week before; null until that is the mean of a whole week."""
    day_of_range = F.row_number().over(Window.partitionBy("department_id").orderBy("order_date"))
    return F.when(day_of_range >= 2 * WEEK, look_back("units_7d_average"))


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
