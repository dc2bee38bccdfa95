"""Orders, typed and dated: from the landed timestamp if there is one, else by the calendar's reconstruction."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.order_calendar import GAP_CAP_DAYS, OrderCalendar, capped_gap_days
from instacart_assets.silver.parsing import parse_bigint, parse_date, parse_int, parse_whole_days
from instacart_assets.tables.declare import table

LAST_DOW = 6
"""The greatest ``order_dow``: days are 0 to 6."""


@table("silver.orders", by=["user_id"])
def orders(bronze_orders: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """One row per order."""
    typed = _type_columns(bronze_orders)
    is_estimated = F.col("order_timestamp").isNull()
    return _reconstruct_dates(typed, calendar).select(
        *typed.drop("order_timestamp").columns,
        _name_day(F.col("order_dow"), calendar).alias("order_day_name"),
        F.coalesce(F.col("days_since_prior_order") == GAP_CAP_DAYS, F.lit(False)).alias("is_gap_censored"),
        F.when(is_estimated, F.col("reconstructed_date"))
        .otherwise(parse_date(F.col("order_timestamp")))
        .alias("order_date"),
        is_estimated.alias("is_date_estimated"),
    )


def _type_columns(bronze_orders: DataFrame) -> DataFrame:
    return bronze_orders.select(
        *ORIGIN,
        parse_bigint(F.col("order_id")).alias("order_id"),
        parse_bigint(F.col("user_id")).alias("user_id"),
        "eval_set",
        parse_int(F.col("order_number")).alias("order_number"),
        parse_int(F.col("order_dow")).alias("order_dow"),
        parse_int(F.col("order_hour_of_day")).alias("order_hour_of_day"),
        parse_whole_days(F.col("days_since_prior_order")).alias("days_since_prior_order"),
        "order_timestamp",
    )


def _reconstruct_dates(typed: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """Each order dated by the customer's first day plus the sum of all gaps so far.

    Dates are null from the first order that is missing, numbered twice, or has no valid weekday or gap: the number of
    days it adds is unknown, and no other date may replace it. An order without a number comes last.
    """
    number, gap = F.col("order_number"), F.col("days_since_prior_order")
    is_numbered = F.coalesce(number >= 1, F.lit(False))
    history = Window.partitionBy("user_id").orderBy(F.desc(is_numbered), "order_number", "order_id")
    dow = F.when(F.col("order_dow").between(0, LAST_DOW), F.col("order_dow"))
    placed = typed.withColumns(
        {
            "_place": F.row_number().over(history),
            # Of two orders with the same number, the second is also out of position.
            "_has_twin": F.coalesce(F.lead(number).over(history) == number, F.lit(False)),
            "_previous_dow": F.lag(dow).over(history),
        }
    )
    days = (
        F.when((F.col("_place") != number) | F.col("_has_twin"), F.lit(None))
        .when(number == 1, calendar.first_order_day(F.col("user_id"), dow))
        .when(gap == GAP_CAP_DAYS, capped_gap_days(dow, F.col("_previous_dow")))
        .when(gap.between(0, GAP_CAP_DAYS - 1), gap)
    )
    added = placed.withColumn("_days", days)
    # A frame of rows: a range frame would have to compare all ordering columns.
    so_far = history.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    is_known = (F.count("_days").over(so_far) == number) & (F.col("_place") == number)
    days_since_start = F.sum("_days").over(so_far).cast("int")
    return added.withColumn(
        "reconstructed_date", F.when(is_known, F.date_add(F.lit(calendar.window_start), days_since_start))
    )


def _name_day(dow: Column, calendar: OrderCalendar) -> Column:
    names = F.array(*(F.lit(name) for name in calendar.day_names))
    return F.get(names, dow)
