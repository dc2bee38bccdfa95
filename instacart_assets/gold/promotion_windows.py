"""The days around a promotion and what was sold on them: by the product, by its aisle and by its control.

Contains the arithmetic that ``promotion_performance`` and ``promotion_daily_effect`` share: which days count,
which products are the control, and the totals over each period. What each table reports of it is in the tables'
own modules.

Every promotion (meaning one product in one promotion) has

- a promotion period, its first to its last day,
- a baseline, the 28 days before,
- a pre-period, the 56 days before the baseline, which alone decides whether there are enough data.

A day is clean if no other promotion of the product covers it and, before the promotion, none ended within the
week before it. The control is what the product's department sold outside the product's aisle, without the products
that had a promotion of their own from 35 days before the promotion to its end.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import list_days

DAYS_AROUND_PROMOTION = 28
"""Length of the baseline before a promotion, and of the days shown after it: whole weeks."""

PRE_PERIOD_DAYS = 56
WASHOUT_DAYS = 7
"""Days after a promotion on which its product may still sell more, or less, than without it."""

PERIODS = ("promotion", "baseline", "pre_period")

PROMOTION_KEY = ("promotion_id", "product_id")
WINDOW_KEY = ("start_date", "end_date")


def lay_out_days(promotions: DataFrame, products: DataFrame, daily_sales: DataFrame) -> DataFrame:
    """One row per promotion and day, from the start of its pre-period to 28 days after its end.

    Args:
        promotions: rows of silver.promotions.
        products: rows of silver.products.
        daily_sales: rows of gold.daily_product_sales.

    Returns:
        promotion_id, product_id, start_date, end_date, order_date; is_clean and is_observed (the day lies
        within the range of daily_sales); units of the product, aisle_units of the aisle's eligible products
        and control_units of the control, all 0 where nothing was sold.
    """
    placed = place_promotions(promotions, products)
    sales = place_sales(daily_sales, products)
    eligible = sum_eligible_units(placed.select(*WINDOW_KEY, "department_id").distinct(), placed, sales)
    control = eligible.groupBy(*WINDOW_KEY, "department_id", "order_date").agg(
        F.sum("aisle_units").alias("department_units")
    )
    return (
        mark_clean_days(list_window_days(placed), promotions)
        .crossJoin(find_observed_days(daily_sales))
        .join(sales.select("product_id", "order_date", "units"), ["product_id", "order_date"], "left")
        .join(eligible, [*WINDOW_KEY, "department_id", "aisle_id", "order_date"], "left")
        .join(control, [*WINDOW_KEY, "department_id", "order_date"], "left")
        .fillna(0, subset=["units", "aisle_units", "department_units"])
        .select(
            *PROMOTION_KEY,
            *WINDOW_KEY,
            "order_date",
            "is_clean",
            F.coalesce(
                F.col("order_date").between(F.col("first_observed"), F.col("last_observed")), F.lit(False)
            ).alias("is_observed"),
            "units",
            "aisle_units",
            (F.col("department_units") - F.col("aisle_units")).alias("control_units"),
        )
    )


def place_promotions(promotions: DataFrame, products: DataFrame) -> DataFrame:
    """Key and days of each promotion with the product's department and aisle."""
    return promotions.select(*PROMOTION_KEY, *WINDOW_KEY).join(
        products.select("product_id", "department_id", "aisle_id"), "product_id", "left"
    )


def place_sales(daily_sales: DataFrame, products: DataFrame) -> DataFrame:
    """Units by product and day with the product's department and aisle."""
    return daily_sales.select("order_date", "product_id", "units").join(
        products.select("product_id", "department_id", "aisle_id"), "product_id"
    )


def list_window_days(windows: DataFrame) -> DataFrame:
    """The rows with every day of their window as order_date, from the pre-period's start to 28 days after the end."""
    return windows.select("*", list_days(first_day(), last_day()).alias("order_date"))


def first_day() -> Column:
    """First day of a promotion's pre-period."""
    return F.date_sub("start_date", DAYS_AROUND_PROMOTION + PRE_PERIOD_DAYS)


def last_day() -> Column:
    """Last of the 28 days after a promotion."""
    return F.date_add("end_date", DAYS_AROUND_PROMOTION)


def mark_clean_days(days: DataFrame, promotions: DataFrame) -> DataFrame:
    """The days with is_clean: unaffected by the product's other promotions."""
    others = promotions.select(
        "product_id",
        F.col("promotion_id").alias("other_id"),
        F.col("start_date").alias("other_start"),
        F.col("end_date").alias("other_end"),
    )
    washout = F.when(F.col("order_date") < F.col("start_date"), F.lit(WASHOUT_DAYS)).otherwise(F.lit(0))
    touched = (
        days.join(others, "product_id")
        .where(F.col("other_id") != F.col("promotion_id"))
        .where(F.col("order_date") >= F.col("other_start"))
        .where(F.datediff("order_date", "other_end") <= washout)
        .select(*PROMOTION_KEY, "order_date")
        .distinct()
        .withColumn("is_touched", F.lit(True))
    )
    return (
        days.join(touched, [*PROMOTION_KEY, "order_date"], "left")
        .withColumn("is_clean", F.col("is_touched").isNull())
        .drop("is_touched")
    )


def find_observed_days(daily_sales: DataFrame) -> DataFrame:
    """One row: the first and last day with a sale; a day outside is unknown, not a day without sales."""
    return daily_sales.agg(
        F.min("order_date").alias("first_observed"), F.max("order_date").alias("last_observed")
    )


def sum_eligible_units(windows: DataFrame, placed: DataFrame, sales: DataFrame) -> DataFrame:
    """Units of the eligible products by window, department, aisle and day, where anything was sold.

    Eligible are products without a promotion of their own from 35 days before the window to its end. Whole
    aisles are summed first and the few promoted products subtracted, so nothing grows with the size of the
    catalog.

    Args:
        windows: start_date, end_date and department_id, without duplicates.
        placed: the promotions, with department_id and aisle_id.
        sales: units by product and day, with department_id and aisle_id.
    """
    keys = [*WINDOW_KEY, "department_id", "aisle_id", "order_date"]
    by_aisle = sales.groupBy("department_id", "aisle_id", "order_date").agg(F.sum("units").alias("units"))
    all_units = (
        list_window_days(windows).join(by_aisle, ["department_id", "order_date"]).select(*keys, "units")
    )
    promoted_units = (
        list_window_days(list_promoted_products(windows, placed))
        .join(sales.select("product_id", "order_date", "units"), ["product_id", "order_date"])
        .groupBy(*keys)
        .agg(F.sum("units").alias("promoted_units"))
    )
    return all_units.join(promoted_units, keys, "left").select(
        *keys, (F.col("units") - F.coalesce("promoted_units", F.lit(0))).alias("aisle_units")
    )


def list_promoted_products(windows: DataFrame, placed: DataFrame) -> DataFrame:
    """The products of each window's department that are not eligible, once, with their aisle."""
    runs = placed.select(
        "department_id",
        "aisle_id",
        "product_id",
        F.col("start_date").alias("run_start"),
        F.col("end_date").alias("run_end"),
    )
    earliest = F.date_sub("start_date", DAYS_AROUND_PROMOTION + WASHOUT_DAYS)
    return (
        windows.join(runs, "department_id")
        .where((F.col("run_start") <= F.col("end_date")) & (F.col("run_end") >= earliest))
        .select(*WINDOW_KEY, "department_id", "aisle_id", "product_id")
        .distinct()
    )


def is_promotion_day() -> Column:
    """Whether the promotion ran on the day."""
    return F.col("order_date").between(F.col("start_date"), F.col("end_date"))


def is_in_period(period: str) -> Column:
    """Whether order_date lies in a period of its window."""
    baseline_start = F.date_sub("start_date", DAYS_AROUND_PROMOTION)
    return {
        "promotion": is_promotion_day(),
        "baseline": (F.col("order_date") >= baseline_start) & (F.col("order_date") < F.col("start_date")),
        "pre_period": F.col("order_date") < baseline_start,
    }[period]


def period_totals() -> dict[str, Column]:
    """Aggregates over the days of one promotion, by name.

    Clean days only, unless the name says all: ``promotion_*``, ``baseline_*`` and ``pre_period_*`` for the
    three periods, each with ``_days``, ``_units`` (the product), ``_control`` and, where it is needed,
    ``_aisle``.
    """
    counts = F.col("is_clean") & F.col("is_observed")
    periods = {period: counts & is_in_period(period) for period in PERIODS}
    periods["all_promotion"] = is_promotion_day()
    totals = {}
    for name, applies in periods.items():
        totals[f"{name}_days"] = _sum_where(F.lit(1), applies)
        totals[f"{name}_units"] = _sum_where(F.col("units"), applies)
        totals[f"{name}_control"] = _sum_where(F.col("control_units"), applies)
        totals[f"{name}_aisle"] = _sum_where(F.col("aisle_units"), applies)
    return totals


def _sum_where(value: Column, condition: Column) -> Column:
    return F.sum(F.when(condition, value).otherwise(F.lit(0)).cast("bigint"))


def sum_periods(days: DataFrame) -> DataFrame:
    """One row per promotion with its period totals."""
    return days.groupBy(*PROMOTION_KEY).agg(*(total.alias(name) for name, total in period_totals().items()))
