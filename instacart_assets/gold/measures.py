"""Arithmetic that several gold tables share: quotients, reorder counts, baskets, days and the origin of dates.

Contains what must mean the same in every table. Nothing here decides which rows or columns a table has.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def divide(numerator: Column, denominator: Column) -> Column:
    """The quotient as a double; null where the denominator is zero or either side is null.

    Engines differ on division by zero (an error, null or infinity) and on the type of a quotient of integers.
    """
    return F.when(denominator != 0, numerator.cast("double") / denominator.cast("double"))


def count_reordered() -> Column:
    """Number of lines whose customer had bought the product in an earlier order."""
    return F.count_if(F.col("is_reordered"))


def list_days(first: Column, last: Column) -> Column:
    """A row for each day from the first to the last; none where either is null."""
    return F.explode(F.sequence(first, last))


def find_date_origin(dated: DataFrame) -> DataFrame:
    """One row saying whether the rows' dates are estimated; false if there are no rows, hence no dates."""
    return dated.agg(F.coalesce(F.bool_or("is_date_estimated"), F.lit(False)).alias("is_date_estimated"))


def gather_department_baskets(order_items: DataFrame) -> DataFrame:
    """One row per order and department: the part of a basket that one department filled.

    Counting orders and customers of departments from these rows needs no distinct count over all lines.

    Returns:
        department_id, order_id, the order's user_id, order_date, is_date_estimated, order_dow and
        order_hour_of_day, and the units and reordered_units of that part.
    """
    return order_items.groupBy("department_id", "order_id").agg(
        # An order has one value of each: any aggregate that picks one will do.
        F.min("user_id").alias("user_id"),
        F.min("order_date").alias("order_date"),
        F.bool_or("is_date_estimated").alias("is_date_estimated"),
        F.min("order_dow").alias("order_dow"),
        F.min("order_hour_of_day").alias("order_hour_of_day"),
        F.count("*").alias("units"),
        count_reordered().alias("reordered_units"),
    )


def gather_baskets(order_items: DataFrame) -> DataFrame:
    """One row per order with a basket: order_id, user_id, order_number, units and reordered_units."""
    return order_items.groupBy("order_id").agg(
        F.min("user_id").alias("user_id"),
        F.min("order_number").alias("order_number"),
        F.count("*").alias("units"),
        count_reordered().alias("reordered_units"),
    )


def find_highest_order_numbers(orders: DataFrame) -> DataFrame:
    """One row per customer with an order: user_id and highest_order_number, the number of orders placed.

    The highest number rather than a count of rows: an order rejected by a quality rule was still placed.
    """
    return orders.groupBy("user_id").agg(F.max("order_number").alias("highest_order_number"))
