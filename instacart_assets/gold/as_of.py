"""The as-of date: the day that gold looks back from.

Contains how that day is chosen. What the tables look back at is in their own modules.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.order_calendar import OrderCalendar


def find_as_of_date(dim_date: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """One row: the calendar's ``as_of_date`` if it is set, else the last day of full coverage.

    The latter is the last order date where dates are landed, and the end of the window where they are estimated.
    """
    last = dim_date.where("is_full_coverage").agg(F.max("date_day").alias("last_day"))
    by_default = F.coalesce(F.col("last_day"), F.lit(calendar.window_end))
    return last.select(F.coalesce(F.lit(calendar.as_of_date).cast("date"), by_default).alias("as_of_date"))
