"""Customers by how much and how regularly they order, and whether they still do.

Contains one row per customer, and the rules for segments and lapsing. A segment describes how a customer has ordered:
it needs only the gaps between orders, which are exact even if dates are not known. Whether a customer has lapsed
depends on the calendar, and is unknown where dates are estimated; there, the last gap compared with the earlier ones is
all that can be reported. Cohorts by order number are in ``order_retention.py``.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.as_of import find_as_of_date
from instacart_assets.gold.measures import divide, gather_baskets
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.tables.declare import table

ESTABLISHED_ORDERS = 5
"""A customer with fewer orders is ``new``: too few for a rhythm."""

LOYAL_ORDERS = 20
LOYAL_GAP_DAYS = 10
"""``loyal``: at least 20 orders, on average at most 10 days apart."""

REGULAR_GAP_DAYS = 14
"""``regular``: not loyal, on average at most a fortnight between orders; ``occasional``: further apart."""

LAPSED_GAPS = 3
LAPSED_DAYS = 28
"""Lapsed: silent for more than three of the customer's own mean gaps, and for more than four weeks.

For a customer without any rhythm, whose next order is as likely today as on any other day, one gap in twenty is at
least three times the mean (exp(-3)); for one with a rhythm, fewer.
"""


@table("gold.customer_segments", by=["user_id"])
def customer_segments(
    silver_orders: DataFrame,
    silver_order_items: DataFrame,
    gold_dim_date: DataFrame,
    calendar: OrderCalendar,
) -> DataFrame:
    """One row per customer with an order."""
    return (
        measure_rhythm(silver_orders, find_as_of_date(gold_dim_date, calendar))
        .join(find_favourite_dow(silver_orders), "user_id")
        .join(sum_baskets(silver_order_items), "user_id", "left")
        .join(find_favourite_department(silver_order_items), "user_id", "left")
        .fillna(0, subset=["units", "baskets", "reordered_units"])
        .select(
            "user_id",
            "orders",
            "units",
            divide(F.col("units"), F.col("baskets")).alias("average_basket_units"),
            "average_days_between_orders",
            "recency_days",
            divide(F.col("recency_days"), F.col("average_days_between_orders")).alias("recency_gaps"),
            has_lapsed().alias("is_lapsed"),
            "last_gap_days",
            "last_gap_ratio",
            divide(F.col("reordered_units"), F.col("units")).alias("reorder_rate"),
            "favourite_department",
            "favourite_order_dow",
            choose_segment().alias("segment"),
        )
    )


def measure_rhythm(orders: DataFrame, as_of: DataFrame) -> DataFrame:
    """Orders, mean days between them, the last gap and days since the last order, per customer."""
    is_known = F.col("order_date") <= F.col("as_of_date")
    by_customer = (
        orders.select("user_id", "order_date", "is_date_estimated")
        .crossJoin(as_of)
        .groupBy("user_id")
        .agg(
            F.count("*").alias("orders"),
            F.array_sort(F.collect_list("order_date")).alias("dates"),
            F.max(F.when(is_known, F.col("order_date"))).alias("last_known_date"),
            F.max("as_of_date").alias("as_of_date"),
            F.bool_or("is_date_estimated").alias("is_date_estimated"),
        )
        .withColumns(
            {
                "first_date": F.get("dates", F.lit(0)),
                "last_date": F.get("dates", F.col("orders").cast("int") - 1),
                "date_before": F.get("dates", F.greatest(F.col("orders").cast("int") - 2, F.lit(0))),
            }
        )
    )
    several = F.col("orders") > 1
    earlier_mean = divide(F.datediff("date_before", "first_date"), F.col("orders") - 2)
    last_gap = F.when(several, F.datediff("last_date", "date_before").cast("bigint"))
    recency = F.datediff("as_of_date", "last_known_date").cast("bigint")
    return by_customer.select(
        "user_id",
        "orders",
        divide(F.datediff("last_date", "first_date"), F.col("orders") - 1).alias(
            "average_days_between_orders"
        ),
        last_gap.alias("last_gap_days"),
        divide(last_gap, earlier_mean).alias("last_gap_ratio"),
        # Where dates are estimated the distance to any fixed day is an assumption, not a measurement.
        F.when(~F.col("is_date_estimated"), recency).alias("recency_days"),
    )


def sum_baskets(order_items: DataFrame) -> DataFrame:
    """Baskets, units and reordered units per customer; an order without a basket does not count."""
    return (
        gather_baskets(order_items)
        .groupBy("user_id")
        .agg(
            F.count("*").alias("baskets"),
            F.sum("units").alias("units"),
            F.sum("reordered_units").alias("reordered_units"),
        )
    )


def find_favourite_department(order_items: DataFrame) -> DataFrame:
    """The department each customer bought most units from; ties go to the first by name."""
    units = order_items.groupBy("user_id", "department").agg(F.count("*").alias("units"))
    return _keep_first(units, F.desc("units"), F.asc("department")).select(
        "user_id", F.col("department").alias("favourite_department")
    )


def find_favourite_dow(orders: DataFrame) -> DataFrame:
    """The day of the week each customer ordered on most; ties go to the lowest."""
    counts = orders.groupBy("user_id", "order_dow").agg(F.count("*").alias("orders_of_day"))
    return _keep_first(counts, F.desc("orders_of_day"), F.asc("order_dow")).select(
        "user_id", F.col("order_dow").alias("favourite_order_dow")
    )


def _keep_first(rows: DataFrame, *order: Column) -> DataFrame:
    """The first row of each customer in the given order."""
    position = F.row_number().over(Window.partitionBy("user_id").orderBy(*order))
    return rows.withColumn("position", position).where("position = 1")


def choose_segment() -> Column:
    """The segment by orders and average_days_between_orders; the first rule that holds wins."""
    orders, gap = F.col("orders"), F.col("average_days_between_orders")
    return (
        F.when(orders < ESTABLISHED_ORDERS, F.lit("new"))
        .when((orders >= LOYAL_ORDERS) & (gap <= LOYAL_GAP_DAYS), F.lit("loyal"))
        .when(gap <= REGULAR_GAP_DAYS, F.lit("regular"))
        .otherwise(F.lit("occasional"))
    )


def has_lapsed() -> Column:
    """Whether an established customer is silent for longer than the rhythm explains; null where that is unknown."""
    recency, gap = F.col("recency_days"), F.col("average_days_between_orders")
    is_silent = (recency > LAPSED_DAYS) & (recency > LAPSED_GAPS * gap)
    return F.when((F.col("orders") >= ESTABLISHED_ORDERS) & recency.isNotNull(), is_silent)
