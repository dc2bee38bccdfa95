"""The day that gold looks back from.

Here lives which day that is. What is looked back at stands with the tables.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.order_calendar import OrderCalendar


def find_as_of_date(dim_date: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """One row: the day to look back from, by the calendar's ``as_of_date``, else the last day of full coverage.

    Where dates are landed that is the last order date; where they are estimated, the end of the window.
    """
    last = dim_date.where("is_full_coverage").agg(F.max("date_day").alias("last_day"))
    by_default = F.coalesce(F.col("last_day"), F.lit(calendar.window_end))
    return last.select(F.coalesce(F.lit(calendar.as_of_date).cast("date"), by_default).alias("as_of_date"))
