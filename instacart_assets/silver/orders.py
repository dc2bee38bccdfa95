"""Orders, typed and dated: by the landed timestamp where there is one, else by the calendar's reconstruction."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.contracts.model import ORIGIN
from instacart_assets.order_calendar import GAP_CAP_DAYS, OrderCalendar, capped_gap_days
from instacart_assets.silver.parsing import parse_bigint, parse_date, parse_int, parse_whole_days
from instacart_assets.tables.declare import table


@table("silver.orders")
def orders(bronze_orders: DataFrame, calendar: OrderCalendar) -> DataFrame:
    """One row per order."""
    typed = _type_columns(bronze_orders)
    dated = typed.withColumn("reconstructed_date", _reconstruct_date(calendar))
    is_estimated = F.col("order_timestamp").isNull()
    return dated.select(
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


def _reconstruct_date(calendar: OrderCalendar) -> Column:
    """The customer's first day plus the days between all orders so far.

    Null from the first order on that is missing or numbered twice: the gap over it is not known, and no other
    date may take its place.
    """
    history = Window.partitionBy("user_id").orderBy("order_number", "order_id")
    is_contiguous = F.row_number().over(history) == F.col("order_number")
    previous_dow = F.lag("order_dow").over(history)
    days_since_previous = (
        F.when(previous_dow.isNull(), calendar.first_order_day(F.col("user_id"), F.col("order_dow")))
        .when(
            F.col("days_since_prior_order") == GAP_CAP_DAYS, capped_gap_days(F.col("order_dow"), previous_dow)
        )
        .otherwise(F.col("days_since_prior_order"))
    )
    days_since_start = F.sum(days_since_previous).over(history).cast("int")
    return F.when(is_contiguous, F.date_add(F.lit(calendar.window_start), days_since_start))


def _name_day(dow: Column, calendar: OrderCalendar) -> Column:
    names = F.array(*(F.lit(name) for name in calendar.day_names))
    return F.get(names, dow)
