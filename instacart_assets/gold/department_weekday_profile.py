"""On which days of the week each department sells, and how certain that is.

Contains one row per department and day of the week, over all dates. Hours are in ``department_hourly_profile.py``.

The sampling unit is the department's customer: whoever shops on Sundays does so week after week, so units are not
independent, and an interval based on units would be far too narrow. With x units of customer u, x_d of them on day d,
the share s = sum(x_d) / sum(x) has, by linearisation (Cochran, Sampling Techniques, 1977, section 2.11), for G
customers, the variance

    V = G / (G - 1) x sum((x_d - s x)^2) / sum(x)^2

The interval is Wilson's for s, with an effective sample size of s (1 - s) / V customers.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide
from instacart_assets.gold.statistics import find_wilson_interval
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import table

DAYS_OF_WEEK = 7

FEWEST_CUSTOMERS = 50
"""With fewer customers, their variance is not known well enough for an interval."""


@table("gold.department_weekday_profile")
def department_weekday_profile(
    silver_order_items: DataFrame, silver_departments: DataFrame, calendar: OrderCalendar
) -> DataFrame:
    """One row per department and day of the week, sold or not."""
    keys = ["department_id", "order_dow"]
    dense = (
        lay_out_days(silver_departments)
        .join(sum_days(count_by_customer(silver_order_items)), keys, "left")
        .fillna(0, subset=["units", "customers"])
    )
    in_all = F.sum("units").over(Window.partitionBy("department_id"))
    shares = dense.withColumn("units_share", divide(F.col("units"), in_all))
    low, high = find_wilson_interval(F.col("units_share"), F.col("size"))
    return shares.withColumn("size", find_size()).select(
        *keys,
        "department",
        F.get(F.array(*(F.lit(name) for name in calendar.day_names)), F.col("order_dow")).alias("day_name"),
        "units",
        "customers",
        "units_share",
        (F.col("units_share") * DAYS_OF_WEEK).alias("demand_index"),
        (low * DAYS_OF_WEEK).alias("demand_index_ci_low"),
        (high * DAYS_OF_WEEK).alias("demand_index_ci_high"),
    )


def lay_out_days(departments: DataFrame) -> DataFrame:
    """Every department on every day of the week."""
    days = F.explode(F.sequence(F.lit(0), F.lit(DAYS_OF_WEEK - 1)))
    return departments.select("department_id", "department", days.alias("order_dow"))


def count_by_customer(order_items: DataFrame) -> DataFrame:
    """One row per department and customer: units x, and units x_d on each day of the week."""
    return order_items.groupBy("department_id", "user_id").agg(
        F.count("*").alias("units"),
        *(F.count_if(F.col("order_dow") == day).alias(f"units_{day}") for day in range(DAYS_OF_WEEK)),
    )


def sum_days(of_customers: DataFrame) -> DataFrame:
    """Units bought on each day of the week, and the sums of squares for their variance.

    Returns:
        department_id, order_dow, units, customers (with a unit on that day), and over all customers of the department:
        all_customers G, day_squares sum(x_d^2), products sum(x_d x) and squares sum(x^2).
    """
    days = range(DAYS_OF_WEEK)
    sums = of_customers.groupBy("department_id").agg(
        F.count("*").alias("all_customers"),
        F.sum(F.col("units") * F.col("units")).alias("squares"),
        *(
            F.struct(
                F.lit(day).alias("order_dow"),
                F.sum(f"units_{day}").alias("units"),
                F.count_if(F.col(f"units_{day}") > 0).alias("customers"),
                F.sum(F.col(f"units_{day}") * F.col(f"units_{day}")).alias("day_squares"),
                F.sum(F.col(f"units_{day}") * F.col("units")).alias("products"),
            ).alias(f"day_{day}")
            for day in days
        ),
    )
    each_day = F.explode(F.array(*(f"day_{day}" for day in days))).alias("day")
    return sums.select("department_id", "all_customers", "squares", each_day).select(
        "department_id", "all_customers", "squares", "day.*"
    )


def find_size() -> Column:
    """Effective sample size: s (1 - s) / V independent customers; null where there are too few."""
    share, customers = F.col("units_share"), F.col("all_customers")
    spread = F.col("day_squares") - 2 * share * F.col("products") + share * share * F.col("squares")
    units = divide(F.col("units"), share)
    variance = divide(customers, customers - 1) * divide(spread, units * units)
    return F.when(customers >= FEWEST_CUSTOMERS, divide(share * (1 - share), variance))
