"""Days with their names, their weeks and whether every customer could have ordered on them.

Contains the date dimension. How an order gets its date is in ``order_calendar.py``.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import list_days
from instacart_assets.gold.promotion_windows import DAYS_AROUND_PROMOTION
from instacart_assets.order_calendar import WEEKDAYS, OrderCalendar
from instacart_assets.tables.declare import table

FIRST_WEEKEND_DAY = WEEKDAYS.index("Saturday")
"""The weekend is Saturday and Sunday by the true date, whichever day the settings assign to order_dow 0."""


@table("gold.dim_date")
def dim_date(silver_orders: DataFrame, silver_promotions: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """One row per day that a gold table can hold: days of orders, and of promotions with 28 days around them."""
    days = list_covered_days(silver_orders, silver_promotions)
    dow = dow_of("date_day", calendar)
    return days.select(
        "date_day",
        F.get(F.array(*(F.lit(name) for name in calendar.day_names)), dow).alias("day_name"),
        dow.alias("order_dow"),
        F.date_sub("date_day", dow).alias("week_start_date"),
        F.trunc("date_day", "month").alias("month_start_date"),
        F.date_format("date_day", "MMMM").alias("month_name"),
        (days_since_monday("date_day") >= FIRST_WEEKEND_DAY).alias("is_weekend"),
        is_fully_covered(calendar).alias("is_full_coverage"),
        "is_date_estimated",
    )


def list_covered_days(orders: DataFrame, promotions: DataFrame) -> DataFrame:
    """Each day from the earliest to the latest that any gold table can hold, with the range of order dates."""
    range_of_orders = orders.agg(
        F.min("order_date").alias("first_order_date"),
        F.max("order_date").alias("last_order_date"),
        F.coalesce(F.bool_or("is_date_estimated"), F.lit(False)).alias("is_date_estimated"),
    )
    range_of_promotions = promotions.agg(
        F.date_sub(F.min("start_date"), DAYS_AROUND_PROMOTION).alias("first_promotion_day"),
        F.date_add(F.max("end_date"), DAYS_AROUND_PROMOTION).alias("last_promotion_day"),
    )
    # least and greatest skip nulls: either source may be empty.
    first = F.least("first_order_date", "first_promotion_day")
    last = F.greatest("last_order_date", "last_promotion_day")
    return range_of_orders.crossJoin(range_of_promotions).select(
        list_days(first, last).alias("date_day"), "first_order_date", "last_order_date", "is_date_estimated"
    )


def dow_of(day: str, calendar: OrderCalendar) -> Column:
    """The order_dow of a day: days since the calendar's first weekday."""
    return (days_since_monday(day) + (7 - WEEKDAYS.index(calendar.first_weekday))) % 7


def days_since_monday(day: str) -> Column:
    """0 for a Monday to 6 for a Sunday."""
    # dayofweek counts from Sunday 1. Not ``weekday``: the embedded engine puts a Sunday before Monday.
    return (F.dayofweek(day) + 5) % 7


def is_fully_covered(calendar: OrderCalendar) -> Column:
    """Whether all customers could have ordered on the day: by settings where dates are estimated, else by orders."""
    by_settings = F.col("date_day").between(F.lit(calendar.full_coverage_start), F.lit(calendar.window_end))
    by_orders = F.coalesce(
        F.col("date_day").between(F.col("first_order_date"), F.col("last_order_date")), F.lit(False)
    )
    return F.when(F.col("is_date_estimated"), by_settings).otherwise(by_orders)
