"""Whether each department sells more than it did: four weeks up to the as-of date against the four before.

Contains one row per department. Sales by day are in ``department_daily_sales.py``.

Whole weeks are compared, so that no day of the week weighs more on one side. The sampling unit is the customer: one who
buys in both periods is not independent evidence. With y units of customer u in the later period and b in the earlier,
the index is I = sum(y) / sum(b). By linearisation (Cochran, Sampling Techniques, 1977, section 6.4), for G customers,

    Var(log I) = G / (G - 1) x sum((y / sum(y) - b / sum(b))^2)        interval exp(log I +- 1.96 SE)
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.as_of import find_as_of_date
from instacart_assets.gold.measures import divide, find_date_origin
from instacart_assets.gold.statistics import QUANTILE_95, adjust_p_values, find_two_sided_p
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import table

DAYS = 28
"""Length of a period: four whole weeks."""

DAYS_OF_YEAR = 364
"""Fifty-two whole weeks: a period that long ago began on the same day of the week."""

FEWEST_CUSTOMERS = 50
"""With fewer customers in the two periods, a change is not judged."""

SIGNIFICANCE = 0.05


@table("gold.department_trends")
def department_trends(
    silver_order_items: DataFrame,
    silver_departments: DataFrame,
    gold_dim_date: DataFrame,
    calendar: OrderCalendar,
) -> DataFrame:
    """One row per department."""
    as_of = find_as_of_date(gold_dim_date, calendar)
    span = silver_order_items.agg(F.min("order_date").alias("first_date")).crossJoin(as_of)
    sums = sum_periods(silver_order_items.crossJoin(F.broadcast(as_of)))
    everything = sums.agg(*(F.sum(name).alias(f"all_{name}") for name in ("later", "earlier")))
    known = (
        silver_departments.select("department_id", "department")
        .join(sums, "department_id", "left")
        .fillna(0, subset=["later", "earlier", "year_before", "customers"])
        .crossJoin(span)
        .crossJoin(everything)
        .crossJoin(find_date_origin(silver_order_items))
    )
    return judge_changes(known).select(
        "department_id",
        "department",
        "as_of_date",
        F.col("later").alias("units_28d"),
        F.col("earlier").alias("units_28d_before"),
        F.col("year_before").alias("units_28d_year_before"),
        "customers",
        divide(F.col("later"), F.col("all_later")).alias("units_share_28d"),
        divide(F.col("earlier"), F.col("all_earlier")).alias("units_share_28d_before"),
        "change_index",
        "change_index_ci_low",
        "change_index_ci_high",
        F.col("p_value").alias("change_p_value"),
        F.col("p_value_adjusted").alias("change_p_value_adjusted"),
        divide(F.col("later"), F.col("year_before")).alias("year_index"),
        "trend",
        "is_date_estimated",
    )


def sum_periods(order_items: DataFrame) -> DataFrame:
    """Units of each department in the periods, and how much its customers vary.

    Args:
        order_items: with as_of_date.

    Returns:
        department_id; later, earlier and year_before, the units of the periods; over customers with a unit in the first
        two: their number customers, later_squares sum(y^2), earlier_squares sum(b^2) and products sum(y b).
    """
    days_ago = F.datediff("as_of_date", "order_date")
    periods = {"later": 0, "earlier": DAYS, "year_before": DAYS_OF_YEAR}
    is_in = {name: days_ago.between(start, start + DAYS - 1) for name, start in periods.items()}
    of_customers = (
        order_items.where(is_in["later"] | is_in["earlier"] | is_in["year_before"])
        .groupBy("department_id", "user_id")
        .agg(*(F.count_if(condition).alias(name) for name, condition in is_in.items()))
    )
    later, earlier = F.col("later"), F.col("earlier")
    return of_customers.groupBy("department_id").agg(
        *(F.sum(name).alias(name) for name in periods),
        F.count_if(later + earlier > 0).alias("customers"),
        F.sum(later * later).alias("later_squares"),
        F.sum(earlier * earlier).alias("earlier_squares"),
        F.sum(later * earlier).alias("products"),
    )


def judge_changes(known: DataFrame) -> DataFrame:
    """The rows with the index of change, its interval and p-values, and its verdict.

    A period that begins before the first order is null: it is not fully known.
    """
    later, earlier, customers = F.col("later"), F.col("earlier"), F.col("customers")
    for name, days in (("earlier", 2 * DAYS), ("year_before", DAYS_OF_YEAR + DAYS)):
        is_known = F.date_sub("as_of_date", days - 1) >= F.col("first_date")
        known = known.withColumn(name, F.when(is_known, F.col(name)))
    spread = (
        divide(F.col("later_squares"), later * later)
        - 2 * divide(F.col("products"), later * earlier)
        + divide(F.col("earlier_squares"), earlier * earlier)
    )
    variance = F.when(customers >= FEWEST_CUSTOMERS, divide(customers, customers - 1) * spread)
    compared = known.withColumns(
        {"change_index": divide(later, earlier), "variance": F.when(variance > 0, variance)}
    ).withColumn("effect", F.when(F.col("change_index") > 0, F.log("change_index")))
    margin = F.lit(QUANTILE_95) * F.sqrt("variance")
    judged = compared.withColumns(
        {
            "change_index_ci_low": F.exp(F.col("effect") - margin),
            "change_index_ci_high": F.exp(F.col("effect") + margin),
            "p_value": find_two_sided_p(divide(F.col("effect"), F.sqrt("variance"))),
        }
    )
    adjusted = F.col("p_value_adjusted")
    trend = (
        F.when(adjusted >= SIGNIFICANCE, F.lit("steady"))
        .when(F.col("change_index") > 1, F.lit("rising"))
        .when(F.col("change_index") < 1, F.lit("falling"))
    )
    return adjust_p_values(judged, ["department_id"]).withColumn("trend", F.when(adjusted.isNotNull(), trend))
