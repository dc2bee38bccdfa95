"""The project's tables as a plain Polars script, without checks, quarantine or an orchestrator.

A peer in the benchmarks: it builds the same Delta tables from the same landed files, which must be clean. Each table is
a lazy frame that the streaming engine writes; what several tables need is written once and read again. None of the
functions that build the project's tables are imported.

    python benchmarks/polars_tables.py LANDING LAKE
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.peer_tables import (
    BRONZE,
    COMPRESSION,
    SETTINGS,
    clock_tables,
    find_landed,
    list_landed_columns,
    locate_rows,
    run_peer,
)
from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import ColumnType
from instacart_assets.order_calendar import WEEKDAYS

CALENDAR = SETTINGS.calendar
TYPES: dict[ColumnType, pl.DataType] = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "bigint": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
}
QUANTILE_95 = 1.959963984540054
ERFC = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
)  # fmt: skip
"""A Chebyshev fit of erfc: Press et al., Numerical Recipes, section 6.2."""

DIGITS = 9  # sums in another order differ in the digits after these
PRODUCT_BITS, DAY_BITS = 23, 16
"""Bits in a packed purchase: 8 million products, days up to 2149, and 16 million customers in the bits above."""

PAIR = ["product_id_a", "product_id_b"]


@dataclass(frozen=True)
class Workshop:
    """Where a build reads and writes.

    Attributes:
        landing: folder of the landed files.
        lake: folder of the tables.
        scratch: folder for intermediate results that several tables need.
    """

    landing: Path
    lake: Path
    scratch: Path

    def scan(self, address: str) -> pl.LazyFrame:
        """A table that has been built."""
        return pl.scan_parquet(locate_rows(self.lake, address), glob=False)

    def keep(self, name: str, make: Callable[["Workshop"], pl.LazyFrame]) -> pl.LazyFrame:
        """An intermediate result that several tables need, written on first use."""
        file = self.scratch / f"{name}.parquet"
        if not file.exists():
            make(self).sink_parquet(file, compression="lz4", maintain_order=False, engine="streaming")
        return pl.scan_parquet(file, glob=False)


def build(landing: Path, lake: Path) -> dict[str, float]:
    """Build all tables from the landed files in a new lake; returns seconds by address, in build order."""
    lake.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=lake.parent) as scratch, pl.Config() as config:
        config.set_engine_affinity("streaming")
        workshop = Workshop(landing, lake, Path(scratch))
        addresses = [*(f"bronze.{source}" for source in BRONZE), *MAKERS]
        return clock_tables(addresses, lake, lambda address, file: write_table(workshop, address, file))


def write_table(workshop: Workshop, address: str, file: Path) -> None:
    """Build one table, and write its rows with the contract's columns and types to a Parquet file."""
    layer, _, name = address.partition(".")
    rows = read_source(workshop.landing, name) if layer == "bronze" else MAKERS[address](workshop)
    columns = load_contracts()[address].columns
    rows.select(pl.col(column.name).cast(TYPES[column.type]) for column in columns).sink_parquet(
        file, compression=COMPRESSION, maintain_order=False
    )


def read_source(landing: Path, source: str) -> pl.LazyFrame:
    """One row per record of the source's files, as text, with its origin."""
    columns = list_landed_columns(source)
    files = [
        pl.scan_csv(
            file.path, infer_schema=False, row_index_name="_row_number", row_index_offset=1, glob=False
        ).select(
            *(
                pl.col(name) if name in file.header else pl.lit(None, pl.String).alias(name)
                for name in columns
            ),
            "_row_number",
            _source_file=pl.lit(file.name),
            _source_fingerprint=pl.lit(file.fingerprint),
            _ingested_at=pl.lit(file.read_at),
        )
        for file in find_landed(landing, source)
    ]
    nothing = {column.name: TYPES[column.type] for column in load_contracts()[f"bronze.{source}"].columns}
    return pl.concat(files) if files else pl.LazyFrame(schema=nothing)


def make_aisles(workshop: Workshop) -> pl.LazyFrame:
    """One row per aisle."""
    return workshop.scan("bronze.aisles").select(pl.col("aisle_id").cast(pl.Int32), clean_name("aisle"))


def make_departments(workshop: Workshop) -> pl.LazyFrame:
    """One row per department."""
    return workshop.scan("bronze.departments").select(
        pl.col("department_id").cast(pl.Int32), clean_name("department")
    )


def make_products(workshop: Workshop) -> pl.LazyFrame:
    """One row per product, with the names of its aisle and department."""
    return (
        workshop.scan("bronze.products")
        .select(pl.col("product_id", "aisle_id", "department_id").cast(pl.Int32), clean_name("product_name"))
        .join(workshop.scan("silver.aisles"), on="aisle_id", how="left")
        .join(workshop.scan("silver.departments"), on="department_id", how="left")
        .with_columns(is_classified=(pl.col("aisle") != "missing") & (pl.col("department") != "missing"))
    )


def make_product_history(workshop: Workshop) -> pl.LazyFrame:
    """One row per product: its first version, valid from now on."""
    return workshop.scan("silver.products").with_columns(
        valid_from_at=pl.lit(datetime.now(UTC)), valid_to_at=None, is_current=True
    )


def make_promotions(workshop: Workshop) -> pl.LazyFrame:
    """One row per product in a promotion."""
    typed = workshop.scan("bronze.promotions").select(
        pl.col("promotion_id", "product_id").cast(pl.Int32),
        clean_name("promotion_name"),
        pl.col("promotion_type").str.to_lowercase(),
        pl.col("discount_rate").cast(pl.Float64),
        parse_day("start_date"),
        parse_day("end_date"),
        pl.col("is_simulated").str.to_lowercase().is_in(["1", "true"]),
    )
    names = workshop.scan("silver.products").select("product_id", "product_name")
    return typed.join(names, on="product_id", how="left")


def make_orders(workshop: Workshop) -> pl.LazyFrame:
    """One row per order, dated by the landed timestamp or by the customer's first day and the days since."""
    dow, gap = pl.col("order_dow"), pl.col("days_since_prior_order")
    # A customer's rows are contiguous from order 1 on, so the previous row is the previous order.
    days = (
        pl.when(pl.col("order_number") == 1)
        .then(CALENDAR.first_order_day(pl.col("user_id"), dow))
        .when(gap == 30)  # noqa: PLR2004 - the cap of gaps
        .then((dow - dow.shift() + 12) % 7 + 30)
        .otherwise(gap)
    )
    reconstructed = pl.lit(CALENDAR.window_start).cast(pl.Int32) + days.cum_sum().over("user_id")
    return (
        workshop.scan("bronze.orders")
        .select(
            pl.col("order_id", "user_id").cast(pl.Int64),
            "eval_set",
            pl.col("order_number", "order_dow", "order_hour_of_day").cast(pl.Int32),
            gap.cast(pl.Float64).cast(pl.Int32),
            "order_timestamp",
        )
        .sort("user_id", "order_number")
        .with_columns(
            name_day(dow).alias("order_day_name"),
            is_gap_censored=(gap == 30).fill_null(value=False),  # noqa: PLR2004
            order_date=pl.coalesce(parse_day("order_timestamp"), reconstructed.cast(pl.Int32).cast(pl.Date)),
            is_date_estimated=pl.col("order_timestamp").is_null(),
        )
    )


def make_order_items(workshop: Workshop) -> pl.LazyFrame:
    """One row per product in an order, with the columns of both."""
    lines = pl.concat(
        workshop.scan(f"bronze.order_products__{part}").select(
            pl.col("order_id").cast(pl.Int64),
            pl.col("product_id", "add_to_cart_order").cast(pl.Int32),
            is_reordered=pl.col("reordered").cast(pl.UInt8).cast(pl.Boolean),
        )
        for part in ("prior", "train")
    )
    orders = workshop.scan("silver.orders").drop(
        "order_day_name", "days_since_prior_order", "is_gap_censored"
    )
    products = workshop.scan("silver.products").drop("is_classified")
    return lines.join(orders, on="order_id", how="left").join(products, on="product_id", how="left")


def make_dim_product(workshop: Workshop) -> pl.LazyFrame:
    """One row per product, sold or not."""
    lines = workshop.scan("silver.order_items")
    sold = lines.group_by("product_id").agg(
        first_order_date=pl.col("order_date").min(), last_order_date=pl.col("order_date").max()
    )
    return (
        workshop.scan("silver.products")
        .join(sold, on="product_id", how="left")
        .join(lines.select(find_origin()), how="cross")
        .with_columns(is_ever_sold=pl.col("first_order_date").is_not_null())
    )


def make_dim_date(workshop: Workshop) -> pl.LazyFrame:
    """One row per day that a gold table can contain."""
    of_orders = workshop.scan("silver.orders").select(
        find_origin(), first=pl.col("order_date").min(), last=pl.col("order_date").max()
    )
    of_promotions = workshop.scan("silver.promotions").select(
        first_promoted=pl.col("start_date").min().dt.offset_by("-28d"),
        last_promoted=pl.col("end_date").max().dt.offset_by("28d"),
    )
    day = pl.col("date_day")
    dow = (day.dt.weekday().cast(pl.Int32) - 1 + 7 - WEEKDAYS.index(CALENDAR.first_weekday)) % 7
    earliest = pl.min_horizontal("first", "first_promoted")
    latest = pl.max_horizontal("last", "last_promoted")
    return (
        of_orders.join(of_promotions, how="cross")
        .with_columns(date_day=pl.date_ranges(earliest, latest))
        .explode("date_day")
        .with_columns(order_dow=dow)
        .with_columns(
            name_day(pl.col("order_dow")).alias("day_name"),
            week_start_date=(day.cast(pl.Int32) - pl.col("order_dow")).cast(pl.Date),
            month_start_date=day.dt.month_start(),
            month_name=day.dt.strftime("%B"),
            is_weekend=day.dt.weekday() > WEEKDAYS.index("Friday") + 1,
            is_full_coverage=pl.when("is_date_estimated")
            .then(day.is_between(CALENDAR.full_coverage_start, CALENDAR.window_end))
            .otherwise(day.is_between(pl.col("first"), pl.col("last")).fill_null(value=False)),
        )
    )


def make_daily_product_sales(workshop: Workshop) -> pl.LazyFrame:
    """One row per day and product with a sale."""
    by_customer = (
        workshop.scan("silver.order_items")
        .group_by("order_date", "product_id", "user_id")
        .agg(count_reordered(), find_origin(), units=count_rows())
    )
    sales = by_customer.group_by("order_date", "product_id").agg(
        pl.col("units", "reordered_units").sum(), find_origin(), customers=count_rows()
    )
    promoted = (
        workshop.scan("silver.promotions")
        .select("product_id", order_date=pl.date_ranges("start_date", "end_date"))
        .explode("order_date")
        .unique()
        .with_columns(is_on_promotion=True)
    )
    return (
        sales.join(workshop.scan("silver.products"), on="product_id", how="left")
        .join(promoted, on=["product_id", "order_date"], how="left")
        .with_columns(
            pl.col("is_on_promotion").fill_null(value=False),
            divide("reordered_units", "units").alias("reorder_rate"),
            orders="units",
        )
    )


def gather_department_baskets(workshop: Workshop) -> pl.LazyFrame:
    """One row per order and department: the part of a basket that comes from one department."""
    return (
        workshop.scan("silver.order_items")
        .group_by("department_id", "order_id")
        .agg(
            pl.col("user_id", "order_date", "order_dow", "order_hour_of_day").first(),
            count_reordered(),
            units=count_rows(),
        )
    )


def make_department_daily_sales(workshop: Workshop) -> pl.LazyFrame:
    """One row per day and department, from the first day with a line to the last."""
    sales = (
        workshop.keep("department_baskets", gather_department_baskets)
        .group_by("order_date", "department_id", "user_id")
        .agg(pl.col("units", "reordered_units").sum(), orders=count_rows())
        .group_by("order_date", "department_id")
        .agg(pl.col("units", "reordered_units", "orders").sum(), customers=count_rows())
    )
    date = pl.col("order_date")
    days = (
        workshop.scan("silver.order_items")
        .select(find_origin(), first=date.min(), last=date.max())
        .select("is_date_estimated", order_date=pl.date_ranges("first", "last"))
        .explode("order_date")
    )
    units = pl.col("units")
    week, day_of_range = pl.col("units_7d_average"), pl.int_range(1, pl.len() + 1)
    of_department = "department_id"
    return (
        days.join(workshop.scan("silver.departments"), how="cross")
        .join(sales, on=["order_date", "department_id"], how="left")
        .with_columns(pl.col("units", "orders", "customers", "reordered_units").fill_null(0))
        .sort("department_id", "order_date")
        .with_columns(
            divide("reordered_units", "units").alias("reorder_rate"),
            units_share=divide(units, units.sum().over("order_date")),
            units_7d_average=units.rolling_mean(7, min_samples=1).over(of_department),
            units_28d_average=units.rolling_mean(28, min_samples=1).over(of_department),
            units_week_before=units.shift(7).over(of_department),
        )
        .with_columns(
            week_on_week_index=pl.when(day_of_range.over(of_department) >= 2 * 7).then(
                divide(week, week.shift(7).over(of_department))
            )
        )
    )


def make_department_hourly_profile(workshop: Workshop) -> pl.LazyFrame:
    """One row per department and hour of the week, sold or not."""
    keys = ["department_id", "order_dow", "order_hour_of_day"]
    sales = (
        workshop.keep("department_baskets", gather_department_baskets)
        .group_by(keys)
        .agg(pl.col("units", "reordered_units").sum(), orders=count_rows())
    )
    hours = (
        workshop.scan("silver.departments")
        .join(pl.LazyFrame({"order_dow": pl.int_range(7, dtype=pl.Int32, eager=True)}), how="cross")
        .join(pl.LazyFrame({"order_hour_of_day": pl.int_range(24, dtype=pl.Int32, eager=True)}), how="cross")
    )
    mean_hour = pl.col("units").mean().over("department_id")
    return (
        hours.join(sales, on=keys, how="left")
        .with_columns(pl.col("units", "orders", "reordered_units").fill_null(0))
        .with_columns(
            divide("reordered_units", "units").alias("reorder_rate"),
            demand_index=divide("units", mean_hour).fill_null(0.0),
        )
    )


def gather_baskets(workshop: Workshop) -> pl.LazyFrame:
    """One row per order with a line."""
    return (
        workshop.scan("silver.order_items")
        .group_by("order_id")
        .agg(pl.col("order_number").first(), count_reordered(), units=count_rows())
    )


def find_highest_order_numbers(workshop: Workshop) -> pl.LazyFrame:
    """One row per customer, with the number of orders placed."""
    highest = pl.col("order_number").max().alias("highest_order_number")
    return workshop.scan("silver.orders").group_by("user_id").agg(highest)


def make_order_retention(workshop: Workshop) -> pl.LazyFrame:
    """One row per order number that any customer reached."""
    reached = (
        find_highest_order_numbers(workshop)
        .select(order_number=pl.int_ranges(1, pl.col("highest_order_number") + 1, dtype=pl.Int32))
        .explode("order_number")
        .group_by("order_number")
        .agg(customers=count_rows())
        .sort("order_number")
    )
    placed = (
        workshop.scan("silver.orders")
        .group_by("order_number")
        .agg(orders=count_rows(), average_days_since_prior_order=pl.col("days_since_prior_order").mean())
    )
    filled = (
        workshop.keep("baskets", gather_baskets)
        .group_by("order_number")
        .agg(pl.col("units", "reordered_units").sum(), baskets=count_rows())
    )
    customers, everyone = pl.col("customers"), pl.col("customers").first()
    rates = reached.with_columns(
        everyone=everyone,
        retention_rate=divide(customers, everyone),
        continuation_rate=divide(customers.shift(-1, fill_value=0), customers),
    )
    low, high = find_wilson_interval(pl.col("retention_rate"), pl.col("everyone"))
    low_on, high_on = find_wilson_interval(pl.col("continuation_rate"), customers)
    return (
        rates.join(placed, on="order_number", how="left")
        .join(filled, on="order_number", how="left")
        .with_columns(
            pl.col("orders").fill_null(0),
            retention_rate_ci_low=low,
            retention_rate_ci_high=high,
            continuation_rate_ci_low=low_on,
            continuation_rate_ci_high=high_on,
            average_basket_units=divide("units", "baskets"),
            reorder_rate=divide("reordered_units", "units"),
        )
    )


def make_product_repeat_purchase(workshop: Workshop) -> pl.LazyFrame:
    """One row per product, sold or not."""
    lines = workshop.scan("silver.order_items")
    sums = lines.group_by("product_id").agg(
        count_reordered(), units=count_rows(), average_cart_position=pl.col("add_to_cart_order").mean()
    )
    counts = ["units", "reordered_units", "buyers", "repeat_buyers", "starters"]
    rate, buyers = pl.col("repeat_buyer_rate"), pl.col("buyers")
    is_ranked = buyers >= 20  # noqa: PLR2004 - below it a rate is mostly chance
    place = pl.int_range(1, pl.len() + 1).over("department_id", is_ranked)
    return (
        reduce(
            lambda rows, more: rows.join(more, on="product_id", how="left"),
            (sums, measure_repeats(lines), measure_retention(workshop)),
            workshop.scan("silver.products"),
        )
        .with_columns(pl.col(counts).fill_null(0), pl.col("is_enough_first_orders").fill_null(value=False))
        .with_columns(
            repeat_buyer_rate=divide("repeat_buyers", "buyers"),
            reorder_rate=divide("reordered_units", "units"),
            retention_rate_10=divide("retained_starters", "starters"),
            first_order_buyers="starters",
        )
        .sort(rate, buyers, "product_id", descending=[True, True, False], nulls_last=True)
        .with_columns(repeat_rank_in_department=pl.when(is_ranked).then(place))
    )


def measure_repeats(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Buyers, repeat buyers and the median days between purchases, per product sold."""
    # Customer, product and day in one number: it sorts three times as fast as three columns.
    packed = (
        pl.col("user_id") * 2 ** (PRODUCT_BITS + DAY_BITS)
        + pl.col("product_id").cast(pl.Int64) * 2**DAY_BITS
        + pl.col("order_date").to_physical()
    )
    purchase = pl.col("purchase")
    bought = purchase // 2**DAY_BITS
    is_again = (bought == bought.shift()).fill_null(value=False)
    return (
        lines.select(purchase=packed)
        .sort("purchase")
        .select(
            product_id=(bought % 2**PRODUCT_BITS).cast(pl.Int32),
            is_again=is_again,
            is_repeated=~is_again & (bought == bought.shift(-1)).fill_null(value=False),
            gap=pl.when(is_again).then(purchase.diff()),
        )
        .group_by("product_id")
        .agg(
            buyers=(~pl.col("is_again")).sum(),
            repeat_buyers=pl.col("is_repeated").sum(),
            median_days_between_purchases=pl.col("gap").median(),
        )
    )


def measure_retention(workshop: Workshop) -> pl.LazyFrame:
    """How a product in the first order relates to retention, per product in any first order."""
    customers = find_highest_order_numbers(workshop).select(
        "user_id",
        is_retained=pl.col("highest_order_number") >= 10,  # noqa: PLR2004 - the definition of retention
    )
    everyone, retained = pl.len().cast(pl.Float64), pl.col("is_retained").sum().cast(pl.Float64)
    first_lines = (
        workshop.scan("silver.order_items")
        .filter(pl.col("order_number") == 1)
        .select("user_id", "product_id")
    )
    first_baskets = first_lines.group_by("user_id").agg(size=pl.len()).join(customers, on="user_id")
    strata = first_baskets.group_by("size").agg(everyone=everyone, retained=retained)
    starters = (
        first_lines.join(first_baskets, on="user_id")
        .group_by("product_id", "size")
        .agg(starters=everyone, retained_starters=retained)
    )
    terms = weigh_stratum()
    lifts = compare_rates(
        starters.join(strata, on="size")
        .group_by("product_id")
        .agg(
            pl.col("starters", "retained_starters").sum(),
            *(term.sum().round(DIGITS).alias(name) for name, term in terms.items()),
        )
    )
    over_all = compare_rates(
        lifts.select("product_id", "starters", "retained_starters")
        .join(customers.select(everyone=everyone, retained=retained), how="cross")
        .with_columns(**terms)
    ).select("product_id", "everyone", "retained", all_low="lift_low", all_high="lift_high")
    return judge_lifts(lifts.join(over_all, on="product_id"))


def weigh_stratum() -> dict[str, pl.Expr]:
    """A stratum's terms of the Mantel-Haenszel weight, observed, expected and variance."""
    n, a, everyone, retained = map(pl.col, ("starters", "retained_starters", "everyone", "retained"))
    m, b = everyone - n, retained - a
    variance = divide(n * m * retained * (everyone - retained), everyone * everyone * (everyone - 1))
    return {
        "weight": n * m / everyone,
        "observed": a * m / everyone,
        "expected": b * n / everyone,
        "variance": variance.fill_null(0.0),
    }


def compare_rates(sums: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with lift, lift_low, lift_high and score, from their weight, observed, expected and variance."""
    weight, observed, expected, variance = map(pl.col, ("weight", "observed", "expected", "variance"))
    rate, expected_rate = divide(observed, weight), divide(expected, weight)
    low, high = find_wilson_interval(rate, divide(expected * (weight - expected), variance))
    return sums.with_columns(
        lift=divide(rate, expected_rate),
        lift_low=divide(low, expected_rate),
        lift_high=divide(high, expected_rate),
        score=divide(observed - expected, variance.sqrt()),
    )


def judge_lifts(lifts: pl.LazyFrame) -> pl.LazyFrame:
    """The lifts under their column names and, where enough customers start with the product, test and rank."""
    starters, everyone, expected = pl.col("starters"), pl.col("everyone"), pl.col("expected")
    is_enough = (
        (starters >= 40)  # noqa: PLR2004 - the fewest that are informative
        & pl.min_horizontal(expected, pl.col("weight") - expected).ge(10)
        & pl.col("lift_low").is_not_null()
    ).fill_null(value=False)
    named = lifts.select(
        "product_id",
        "starters",
        "retained_starters",
        "score",
        retention_lift=divide(divide("retained_starters", "starters"), divide("retained", "everyone")),
        retention_lift_ci_low=divide(
            everyone * pl.col("all_low"), everyone - starters + starters * pl.col("all_low")
        ),
        retention_lift_ci_high=divide(
            everyone * pl.col("all_high"), everyone - starters + starters * pl.col("all_high")
        ),
        retention_lift_adjusted="lift",
        retention_lift_adjusted_ci_low="lift_low",
        retention_lift_adjusted_ci_high="lift_high",
        is_enough_first_orders=is_enough,
    )
    judged = adjust_p_values(
        named.filter("is_enough_first_orders").with_columns(p_value=find_two_sided_p(pl.col("score"))),
        ["product_id"],
        pl.len(),
    )
    best_first = ["retention_lift_adjusted_ci_low", "starters", "product_id"]
    is_signal = (pl.col("p_value_adjusted") < 0.05) & (pl.col("retention_lift_adjusted") > 1)  # noqa: PLR2004
    said = judged.sort(best_first, descending=[True, True, False]).select(
        "product_id",
        retention_p_value="p_value",
        retention_p_value_adjusted="p_value_adjusted",
        is_retention_signal=is_signal,
        retention_rank=pl.int_range(1, pl.len() + 1),
    )
    return named.join(said, on="product_id", how="left")


def make_product_affinity(workshop: Workshop) -> pl.LazyFrame:
    """One row per pair of products that enough orders contain."""
    lines = workshop.scan("silver.order_items").select("order_id", "user_id", "product_id")
    baskets = workshop.keep("baskets", gather_baskets)
    all_orders = int(baskets.select(pl.len()).collect().item())
    fewest = max(all_orders * SETTINGS.baskets.minimum_support, SETTINGS.baskets.minimum_orders)
    frequent = (
        lines.group_by("product_id").agg(orders=count_rows()).filter(pl.col("orders") >= fewest).collect()
    )
    frequent_lines = lines.join(frequent.lazy(), on="product_id", how="semi").collect()
    pairs = (
        list_pairs(frequent_lines)
        .group_by(PAIR)
        .agg(orders_together=count_rows())
        .filter(pl.col("orders_together") >= fewest)
        .collect()
    )
    described = (
        count_customers(frequent_lines, pairs)
        .join(expect_pairs(pairs, count_by_size(lines, baskets, frequent)), on=PAIR)
        .with_columns(all_orders=pl.lit(all_orders))
    )
    products = workshop.scan("silver.products").join(frequent.lazy(), on="product_id")
    for side in "ab":
        named = products.select(
            pl.col("product_id", "product_name", "department", "orders").name.suffix(f"_{side}")
        )
        described = described.join(named, on=f"product_id_{side}")
    return judge_pairs(described, looked_at=len(frequent) * (len(frequent) - 1) // 2)


def list_pairs(lines: pl.DataFrame) -> pl.LazyFrame:
    """One row per order and two of its products, with the order's user_id."""
    firsts = lines.lazy().rename({"product_id": "product_id_a"})
    seconds = lines.lazy().select("order_id", product_id_b="product_id")
    return firsts.join(seconds, on="order_id").filter(pl.col("product_id_a") < pl.col("product_id_b"))


def count_customers(lines: pl.DataFrame, pairs: pl.DataFrame) -> pl.LazyFrame:
    """The pairs with the number of customers who bought both together, and the effective number of orders."""
    orders, together = pl.col("orders"), pl.col("orders_together")
    return (
        list_pairs(lines)
        .join(pairs.lazy(), on=PAIR)
        .group_by(*PAIR, "orders_together", "user_id")
        .agg(orders=count_rows())
        .group_by(*PAIR, "orders_together")
        .agg(customers_together=count_rows(), squares=(orders * orders).sum())
        .with_columns(effective_orders_together=divide(together * together, "squares"))
    )


def count_by_size(lines: pl.LazyFrame, baskets: pl.LazyFrame, frequent: pl.DataFrame) -> pl.LazyFrame:
    """Share of the baskets of each size that contain a frequent product, with the number of baskets and the spread."""
    orders, units = pl.col("orders"), pl.col("units")
    return (
        lines.join(baskets.filter(units > 1).select("order_id", "units"), on="order_id")
        .group_by("product_id", "units")
        .agg(orders=count_rows())
        .with_columns(
            baskets=divide(orders.sum(), units.first()).over("units"),
            squares=(orders * orders).sum().over("units"),
        )
        .join(frequent.lazy(), on="product_id", how="semi")
        .select(
            "product_id",
            "units",
            "baskets",
            spread=units - divide("squares", pl.col("baskets") ** 2),
            share=divide("orders", "baskets"),
        )
    )


def expect_pairs(pairs: pl.DataFrame, by_size: pl.LazyFrame) -> pl.LazyFrame:
    """The pairs with the expected orders that contain both, given only shares by basket size."""
    sides = [by_size.rename({"product_id": name}) for name in PAIR]
    a, b = pl.col("share"), pl.col("share_b")
    taken = divide((1 - a) * (1 - b), "spread").fill_null(0.0)
    expected = (pl.col("baskets") * a * b * pl.max_horizontal(1 - taken, 0.0)).sum().round(DIGITS)
    return (
        pairs.lazy()
        .join(sides[0], on="product_id_a")
        .join(sides[1].select("product_id_b", "units", share_b="share"), on=["product_id_b", "units"])
        .group_by(PAIR)
        .agg(expected_orders_together=expected)
    )


def judge_pairs(pairs: pl.LazyFrame, looked_at: int) -> pl.LazyFrame:
    """The pairs with their lifts, p-values, affinity and rank."""
    together, all_orders, orders_a, orders_b, effective, lift = map(
        pl.col,
        (
            "orders_together",
            "all_orders",
            "orders_a",
            "orders_b",
            "effective_orders_together",
            "lift_adjusted",
        ),
    )
    low, high = find_count_interval(effective)
    estimated = pairs.with_columns(
        lift_adjusted=divide(together, "expected_orders_together"),
        support=divide(together, all_orders),
        confidence_a_to_b=divide(together, orders_a),
        confidence_b_to_a=divide(together, orders_b),
        lift=divide(together * all_orders, orders_a * orders_b),
    ).with_columns(
        lift_adjusted_ci_low=divide(lift * low, effective),
        lift_adjusted_ci_high=divide(lift * high, effective),
        p_value=find_two_sided_p(score_count(effective, divide(effective, lift))),
    )
    is_found = pl.col("p_value_adjusted") < 0.05  # noqa: PLR2004 - the significance level
    affinity = (
        pl.when(is_found & (lift > 1))
        .then(pl.lit("together"))
        .when(is_found)
        .then(pl.lit("apart"))
        .when(pl.col("p_value").is_not_null())
        .then(pl.lit("chance"))
    )
    best_first = ["lift_adjusted_ci_low", "orders_together", *PAIR]
    is_together = pl.col("affinity") == "together"
    return (
        adjust_p_values(estimated, PAIR, pl.lit(looked_at))
        .with_columns(affinity=affinity)
        .sort(best_first, descending=[True, True, False, False], nulls_last=True)
        .with_columns(affinity_rank=pl.when(is_together).then(is_together.cum_sum()))
    )


def clean_name(column: str) -> pl.Expr:
    r"""The cleaned name: ``\"`` becomes ``"``, and spaces at the ends, no-break ones included, are removed."""
    return pl.col(column).str.replace_all('\\"', '"', literal=True).str.strip_chars(" \u00a0")


def parse_day(column: str) -> pl.Expr:
    """The day of an ISO 8601 date or timestamp."""
    return pl.col(column).str.head(10).str.to_date("%Y-%m-%d")


def name_day(dow: pl.Expr) -> pl.Expr:
    """The name of an order_dow."""
    return dow.replace_strict(dict(enumerate(CALENDAR.day_names)), return_dtype=pl.String)


def find_origin() -> pl.Expr:
    """Whether any date is estimated; false if there are no rows."""
    return pl.col("is_date_estimated").any()


def count_rows() -> pl.Expr:
    """Number of rows, as an integer large enough for products."""
    return pl.len().cast(pl.Int64)


def count_reordered() -> pl.Expr:
    """Number of lines whose customer had bought the product before."""
    return pl.col("is_reordered").sum().cast(pl.Int64).alias("reordered_units")


def divide(numerator: pl.Expr | str, denominator: pl.Expr | str) -> pl.Expr:
    """The quotient as a fraction; null where the denominator is zero."""
    top, bottom = (pl.col(side) if isinstance(side, str) else side for side in (numerator, denominator))
    return pl.when(bottom != 0).then(top.cast(pl.Float64) / bottom.cast(pl.Float64))


def find_two_sided_p(z: pl.Expr) -> pl.Expr:
    """Probability of a standard normal value at least as far from 0 as z."""
    distance = z.abs() / sqrt(2)
    t = 1 / (1 + distance / 2)
    exponent = reduce(lambda sum_, coefficient: sum_ * t + coefficient, reversed(ERFC), pl.lit(0.0))
    return (t * (exponent - distance * distance).exp()).clip(upper_bound=1.0)


def find_wilson_interval(share: pl.Expr, size: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Bounds of a share's 95 % score interval (Wilson 1927); null if an argument is null, or the size is zero."""
    slack = pl.when(size > 0).then(QUANTILE_95**2 / size)
    middle = share + slack / 2
    reach = (slack * share * (1 - share) + slack * slack / 4).sqrt()
    return (
        ((middle - reach) / (slack + 1)).clip(lower_bound=0.0),
        ((middle + reach) / (slack + 1)).clip(upper_bound=1.0),
    )


def find_count_interval(count: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Bounds of the 95 % interval of a Poisson count: Byar's, in Breslow and Day (1987)."""
    low = count * (find_middle(count) - QUANTILE_95 / 3 / count.sqrt()) ** 3
    high = (count + 1) * (find_middle(count + 1) + QUANTILE_95 / 3 / (count + 1).sqrt()) ** 3
    return low.clip(lower_bound=0.0), high


def score_count(count: pl.Expr, expected: pl.Expr) -> pl.Expr:
    """How far a count is from its expectation, as a standard normal value: Wilson and Hilferty (1931)."""
    above, below = (
        3 * size.sqrt() * (find_middle(size) - (expected / size) ** (1 / 3)) for size in (count, count + 1)
    )
    return pl.when(above > 0).then(above).when(below < 0).then(below).when(above.is_not_null()).then(0.0)


def find_middle(size: pl.Expr) -> pl.Expr:
    """Mean of the cube root of a gamma variable of this shape, scaled to mean 1."""
    return 1 - 1 / (9 * size)


def adjust_p_values(rows: pl.LazyFrame, key: Sequence[str], tests: pl.Expr) -> pl.LazyFrame:
    """The rows with p_value_adjusted, by Benjamini and Hochberg (1995); those without a p_value last."""
    ratio = pl.col("p_value") * (tests / pl.int_range(1, pl.len() + 1))
    return rows.sort("p_value", *key, nulls_last=True).with_columns(
        p_value_adjusted=ratio.cum_min(reverse=True).clip(upper_bound=1.0)
    )


MAKERS: dict[str, Callable[[Workshop], pl.LazyFrame]] = {
    "silver.aisles": make_aisles,
    "silver.departments": make_departments,
    "silver.products": make_products,
    "silver.product_history": make_product_history,
    "silver.promotions": make_promotions,
    "silver.orders": make_orders,
    "silver.order_items": make_order_items,
    "gold.dim_product": make_dim_product,
    "gold.dim_date": make_dim_date,
    "gold.daily_product_sales": make_daily_product_sales,
    "gold.department_daily_sales": make_department_daily_sales,
    "gold.department_hourly_profile": make_department_hourly_profile,
    "gold.order_retention": make_order_retention,
    "gold.product_repeat_purchase": make_product_repeat_purchase,
    "gold.product_affinity": make_product_affinity,
}
"""The function that builds each silver and gold table, sources first."""


if __name__ == "__main__":
    run_peer(build)
