"""What was known of each product on past days, and what was sold in the fortnight after: the input of the forecast.

Contains how history is summarised. How the forecast is made from it is in ``forecast_errors.py``.

An origin is a day from which a fortnight is forecast. The last one is the as-of date, the others lie whole fortnights
before it, and all are treated in the same way: a back-test is the forecast made on an earlier day. At an origin nothing
later is known.

Two things are known of a product there:

- rhythm: every customer is expected to put into coming orders what was in past ones. How many orders to expect is
  learnt from customers who were as frequent and as long silent at earlier origins. A customer expected to place r
  orders a week, with n orders in the half year, counts r / n for each past line. Who has left is not known; of those
  who seem to have left, few came back.
- level: weekly units, the last week with weight 0.1, each earlier week with 0.9 of the weight of the next (exponential
  smoothing: Brown, Statistical Forecasting for Inventory Control, 1959). It captures what rhythms do not: new customers
  and changing tastes.
"""

from collections.abc import Iterator
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

DAYS_OF_WEEK = 7

FORTNIGHT_DAYS = 14
"""Length of a forecast, and the distance between origins."""

LAST_ORIGIN = 7
"""Origins are numbered from 0, the oldest; the last is the as-of date itself."""

FIRST_BLENDED = 1
"""At the oldest origin only rhythms are learnt; from the next one on there are rhythms to learn blends from."""

FIRST_JUDGED = 2
"""From here on forecasts use what was learnt at earlier origins, and are judged: five fortnights, ten weeks."""

PAST_FORTNIGHTS = 13
PAST_WEEKS = 2 * PAST_FORTNIGHTS
"""How far an origin looks back: half a year."""

SOLD_WEEKS = 8
"""A product has a forecast if it was sold in the eight weeks up to the origin."""

SEASON_WEEKS = 4
"""The seasonal naive forecast of a week is the sales four weeks before: order gaps peak at 7, 14, 21 and 28 days."""

SMOOTHING = 0.1
"""Weight of the last week in the level; no value from 0.05 to 0.2 is better by both measures (docs/forecast.md)."""

HISTORY_DAYS = FORTNIGHT_DAYS * (LAST_ORIGIN + PAST_FORTNIGHTS)
"""Older rows are used by no origin."""

GAP_BORDERS = (5, 9, 15, 25)
SILENCE_BORDERS = (0.5, 1, 1.5, 3)
"""Borders of the classes of similar customers: by mean gap in days, and by silence as a multiple of that gap."""

PRIOR_GAP_DAYS = 14
"""Each customer is given one gap of a fortnight in addition to the real ones: a single order has a rhythm, too."""

PRIOR_CUSTOMERS = 20
"""Each class of similar customers is joined by this many who continue at the customer's own pace."""


def count_days_ago(rows: DataFrame, as_of: DataFrame) -> DataFrame:
    """The rows up to the as-of date that any origin uses, with as_of_date, days_ago and fortnights_ago."""
    days_ago = F.datediff("as_of_date", "order_date")
    return (
        rows.crossJoin(F.broadcast(as_of))
        .withColumn("days_ago", days_ago)
        .where(F.col("days_ago").between(0, HISTORY_DAYS - 1))
        .withColumn("fortnights_ago", F.floor(F.col("days_ago") / FORTNIGHT_DAYS).cast("int"))
    )


def rate_customers(orders: DataFrame) -> DataFrame:
    """How much a past line of each customer counts for in a coming week.

    Args:
        orders: user_id and days_ago, fortnights_ago.

    Returns:
        One row per customer: user_id, and repeat_<origin> for each origin from the second on: the orders expected in a
        week divided by those of the half year before; null where there were none.
    """
    alike = Window.partitionBy("gap_class", "silence_class").orderBy("origin")
    before = alike.rangeBetween(Window.unboundedPreceding, -1)
    weeks = FORTNIGHT_DAYS / DAYS_OF_WEEK
    own_pace = FORTNIGHT_DAYS / F.col("mean_gap_days")
    learnt = (
        look_at_customers(orders)
        .withColumns(
            {
                "customers_alike": F.count("*").over(before),
                "orders_that_followed": F.coalesce(F.sum("next_orders").over(before), F.lit(0)),
            }
        )
        .withColumn(
            "expected_orders",
            (F.col("orders_that_followed") + PRIOR_CUSTOMERS * own_pace)
            / (F.col("customers_alike") + PRIOR_CUSTOMERS),
        )
    )
    repeat = F.col("expected_orders") / (F.col("orders") * weeks)
    return learnt.groupBy("user_id").agg(
        *(
            F.max(F.when(F.col("origin") == origin, repeat)).alias(f"repeat_{origin}")
            for origin in _origins_of_products()
        )
    )


def look_at_customers(orders: DataFrame) -> DataFrame:
    """One row per customer and origin with an order in the half year before it.

    Returns:
        user_id, origin, orders, mean_gap_days, next_orders (in the fortnight after; 0 at the last origin, where they
        are not known), and the classes of similar customers, gap_class and silence_class.
    """
    last_seen = LAST_ORIGIN - F.col("fortnights_ago")
    origins = F.sequence(
        F.greatest(last_seen - 1, F.lit(0)), F.least(last_seen + PAST_FORTNIGHTS - 1, F.lit(LAST_ORIGIN))
    )
    # Days from the order to the origin, negative for later orders.
    age = F.col("days_ago") - FORTNIGHT_DAYS * (LAST_ORIGIN - F.col("origin"))
    seen = (
        orders.select("user_id", "days_ago", F.explode(origins).alias("origin"))
        .withColumn("age", age)
        .groupBy("user_id", "origin")
        .agg(
            F.count_if(F.col("age") >= 0).alias("orders"),
            F.max("age").alias("first_age"),
            F.min(F.when(F.col("age") >= 0, F.col("age"))).alias("last_age"),
            F.count_if(F.col("age") < 0).alias("next_orders"),
        )
        .where("orders > 0")
    )
    mean_gap = (F.col("first_age") - F.col("last_age") + PRIOR_GAP_DAYS) / F.col("orders")
    return seen.withColumn("mean_gap_days", mean_gap).select(
        "user_id",
        "origin",
        "orders",
        "mean_gap_days",
        "next_orders",
        _classify(F.col("mean_gap_days"), GAP_BORDERS).alias("gap_class"),
        _classify(F.col("last_age") / F.col("mean_gap_days"), SILENCE_BORDERS).alias("silence_class"),
    )


def look_at_products(lines: DataFrame, customers: DataFrame) -> DataFrame:
    """One row per product sold in the history, with an array of its origins.

    Args:
        lines: product_id, user_id, as_of_date, days_ago and fortnights_ago of each order line.
        customers: as ``rate_customers`` returns them.

    Returns:
        product_id, as_of_date; and at_origins, with a struct for each origin from the second on of origin, rhythm and
        level (units a week), is_sold (in the eight weeks before), is_known (those weeks lie after the shop's first
        order), units_1 and units_2 (of the two weeks after it), naive (of the week before it), seasonal_1 and
        seasonal_2 (of the weeks four weeks before those).
    """
    week = F.floor(F.col("days_ago") / DAYS_OF_WEEK).cast("int")
    decayed = lines.select(
        "product_id", "user_id", "as_of_date", "days_ago", "fortnights_ago", week.alias("week")
    ).withColumn("decay", F.pow(F.lit(1 - SMOOTHING), F.col("week")))
    # The customers are on the left: the embedded engine holds the left side of a join in memory.
    summed = (
        customers.join(decayed, "user_id")
        .groupBy("product_id")
        .agg(
            F.max("as_of_date").alias("as_of_date"),
            F.max("days_ago").alias("first_days_ago"),
            *(F.count_if(F.col("week") == number).alias(f"week_{number}") for number in _weeks_counted()),
            *(part for origin in _origins_of_products() for part in _sum_at_origin(origin)),
        )
    )
    shop_begins = F.max("first_days_ago").over(Window.partitionBy("as_of_date"))
    return summed.withColumn("shop_weeks", F.floor((shop_begins + 1) / DAYS_OF_WEEK)).select(
        "product_id",
        "as_of_date",
        F.array(*(_describe_origin(origin) for origin in _origins_of_products())).alias("at_origins"),
    )


def _origins_of_products() -> range:
    return range(FIRST_BLENDED, LAST_ORIGIN + 1)


def _weeks_after(origin: int) -> int:
    """Whole weeks from an origin to the as-of date: the number of the week ending at the origin, from 0 backwards."""
    return 2 * (LAST_ORIGIN - origin)


def _weeks_counted() -> range:
    return range(_weeks_after(FIRST_BLENDED) + SOLD_WEEKS)


def _sum_at_origin(origin: int) -> Iterator[Column]:
    begin = LAST_ORIGIN - origin
    is_past = F.col("fortnights_ago").between(begin, begin + PAST_FORTNIGHTS - 1)
    yield F.sum(F.when(is_past, F.col(f"repeat_{origin}"))).alias(f"rhythm_{origin}")
    yield F.sum(F.when(is_past, F.col("decay"))).alias(f"decayed_{origin}")


def _describe_origin(origin: int) -> Column:
    """The struct of an origin, from the sums over all lines."""
    weeks_after = _weeks_after(origin)
    weeks_known = F.greatest(
        F.least(F.col("shop_weeks") - weeks_after, F.lit(PAST_WEEKS)), F.lit(1)
    )  # at least 1, even if the shop began less than a week before
    # Weights 0.1, 0.1 x 0.9, … add up to 1 - 0.9^weeks; decay counts from the as-of date, not from the origin.
    weight = SMOOTHING / (1 - SMOOTHING) ** weeks_after / (1 - F.pow(F.lit(1 - SMOOTHING), weeks_known))
    week = [F.col(f"week_{number}") for number in _weeks_counted()]
    nothing = F.lit(0).cast("bigint")
    known = {
        "origin": F.lit(origin),
        "rhythm": F.coalesce(f"rhythm_{origin}", F.lit(0.0)),
        "level": F.coalesce(F.col(f"decayed_{origin}") * weight, F.lit(0.0)),
        "is_sold": reduce(Column.__add__, week[weeks_after : weeks_after + SOLD_WEEKS]) > 0,
        "is_known": F.col("shop_weeks") >= weeks_after + SOLD_WEEKS,
        "units_1": week[weeks_after - 1] if weeks_after else nothing,
        "units_2": week[weeks_after - 2] if weeks_after else nothing,
        "naive": week[weeks_after],
        "seasonal_1": week[weeks_after + SEASON_WEEKS - 1],
        "seasonal_2": week[weeks_after + SEASON_WEEKS - 2],
    }
    return F.struct(*(column.alias(name) for name, column in known.items()))


def _classify(value: Column, borders: tuple[float, ...]) -> Column:
    """How many of the borders a value has reached."""
    return reduce(Column.__add__, ((value >= border).cast("int") for border in borders))
