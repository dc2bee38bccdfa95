"""The days around a promotion and what was sold on them."""

from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.promotion_effect import estimate_aisle_growth, has_enough_data
from instacart_assets.gold.promotion_windows import (
    lay_out_days,
    list_window_days,
    mark_clean_days,
    place_promotions,
    sum_periods,
)
from instacart_assets_tests.frames import make_table, read_rows
from instacart_assets_tests.gold.promotion_example import (
    BREAD,
    BREAD_SALES,
    BUNS,
    CAKES,
    CHEESE,
    END,
    FIRST_DAY,
    LAST_DAY,
    OTHER_SALES,
    PROMOTION,
    SALES,
    START,
    list_days,
    make_products,
    make_promotions,
    make_sales,
)


def shift(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def lay_out(
    spark: SparkSession, *promotions: tuple[int, int, str, str], sales: DataFrame | None = None
) -> DataFrame:
    return lay_out_days(make_promotions(spark, *promotions), make_products(spark), sales or make_sales(spark))


def test_days_reach_from_the_pre_period_to_four_weeks_after_the_end(spark: SparkSession) -> None:
    days = read_rows(lay_out(spark, PROMOTION), "promotion_id product_id order_date")
    assert days == [(1, BREAD, day) for day in list_days(FIRST_DAY, LAST_DAY)]
    assert len(days) == 56 + 28 + 7 + 28


def test_a_day_has_the_units_of_the_product_its_aisle_and_its_control(spark: SparkSession) -> None:
    columns = "order_date is_clean is_observed units aisle_units control_units"
    rows = {row[0]: row[1:] for row in read_rows(lay_out(spark, PROMOTION), columns)}
    assert rows["2020-04-30"] == (True, True, 2, 5, 10)
    assert rows[START] == (True, True, 6, 8, 20)
    assert rows[END] == (True, True, 6, 8, 20)
    assert rows["2020-05-08"] == (True, True, 3, 5, 10)


def test_a_day_without_sales_counts_zero_and_one_outside_the_sales_is_not_observed(
    spark: SparkSession,
) -> None:
    sales = make_sales(
        spark, [(CHEESE, "2020-04-01", "2020-04-01", 1), (CHEESE, "2020-05-02", "2020-05-02", 1)]
    )
    columns = "order_date is_observed units aisle_units control_units"
    rows = {row[0]: row[1:] for row in read_rows(lay_out(spark, PROMOTION, sales=sales), columns)}
    assert len(rows) == 119
    assert [day for day, row in rows.items() if row[0]] == list_days("2020-04-01", "2020-05-02")
    assert {row[1:] for row in rows.values()} == {(0, 0, 0)}


def test_without_sales_no_day_is_observed(spark: SparkSession) -> None:
    days = lay_out(spark, PROMOTION, sales=make_sales(spark, []))
    assert read_rows(days, "is_observed units aisle_units control_units") == [(False, 0, 0, 0)] * 119


def test_without_promotions_there_are_no_days(spark: SparkSession) -> None:
    assert lay_out(spark).count() == 0


@pytest.mark.parametrize(
    ("other", "touched"),
    [
        # In the baseline: its own days and the week after it.
        ((2, BREAD, "2020-04-10", "2020-04-12"), ("2020-04-10", "2020-04-19")),
        # In the pre-period, and from before it.
        ((2, BREAD, "2020-01-01", "2020-02-08"), ("2020-02-07", "2020-02-15")),
        # Over the end: the days they share, and the others after it.
        ((2, BREAD, "2020-05-06", "2020-05-10"), ("2020-05-06", "2020-05-10")),
        # The days of the promotion itself and after it have no washout.
        ((2, BREAD, "2020-04-28", "2020-04-30"), ("2020-04-28", "2020-04-30")),
        ((2, BREAD, "2020-05-01", "2020-05-03"), ("2020-05-01", "2020-05-03")),
        ((2, BREAD, "2020-05-20", "2020-05-21"), ("2020-05-20", "2020-05-21")),
        # Within the same promotion, and of another product: none.
        ((1, BUNS, "2020-04-10", "2020-05-12"), None),
        ((2, CAKES, "2020-04-10", "2020-05-12"), None),
    ],
)
def test_days_of_another_promotion_of_the_product_and_the_week_after_it_are_not_clean(
    spark: SparkSession, other: tuple[int, int, str, str], touched: tuple[str, str] | None
) -> None:
    promotions = make_promotions(spark, PROMOTION, other)
    placed = place_promotions(promotions, make_products(spark))
    marked = mark_clean_days(list_window_days(placed), promotions)
    own = marked.where(F.col("promotion_id") == 1).where(F.col("product_id") == BREAD)
    rows = read_rows(own, "order_date is_clean")
    assert [day for day, _ in rows] == list_days(FIRST_DAY, LAST_DAY)
    assert [day for day, is_clean in rows if not is_clean] == (list_days(*touched) if touched else [])


def test_a_day_that_two_others_touch_is_listed_once(spark: SparkSession) -> None:
    others = [(2, BREAD, "2020-04-10", "2020-04-12"), (3, BREAD, "2020-04-12", "2020-04-14")]
    own = lay_out(spark, PROMOTION, *others).where(F.col("promotion_id") == 1)
    rows = read_rows(own, "order_date is_clean")
    assert [day for day, _ in rows] == list_days(FIRST_DAY, LAST_DAY)
    assert [day for day, is_clean in rows if not is_clean] == list_days("2020-04-10", "2020-04-21")


@pytest.mark.parametrize(
    ("start", "end", "is_eligible"),
    [
        (shift(START, -50), shift(START, -36), True),
        (shift(START, -50), shift(START, -35), False),
        (shift(START, 1), shift(START, 2), False),
        (END, shift(END, 9), False),
        (shift(END, 1), shift(END, 9), True),
    ],
)
def test_products_promoted_from_35_days_before_to_the_end_leave_aisle_and_control(
    spark: SparkSession, start: str, end: str, is_eligible: bool
) -> None:
    promotions = [PROMOTION, (2, CAKES, start, end), (3, BUNS, start, end), (3, CHEESE, START, END)]
    own = lay_out(spark, *promotions).where(F.col("promotion_id") == 1)
    rows = {row[0]: row[1:] for row in read_rows(own, "order_date units aisle_units control_units")}
    before, during = ((2, 5, 10), (6, 8, 20)) if is_eligible else ((2, 0, 0), (6, 0, 0))
    # They leave on every day of the window, not on their own promoted days alone.
    assert (rows["2020-04-05"], rows["2020-05-03"]) == (before, during)


def test_an_aisle_of_two_departments_is_two_aisles(spark: SparkSession) -> None:
    # CHEESE stands in the aisle of CAKES but belongs to another department: its promotion takes nothing off.
    products = make_table(
        spark,
        "silver.products",
        "product_id aisle_id department_id",
        [(BREAD, 1, 1), (BUNS, 1, 1), (CAKES, 2, 1), (CHEESE, 2, 2)],
    )
    promotions = make_promotions(spark, PROMOTION, (1, CHEESE, START, END))
    days = lay_out_days(promotions, products, make_sales(spark)).where(F.col("product_id") == BREAD)
    rows = {row[0]: row[1:] for row in read_rows(days, "order_date units aisle_units control_units")}
    assert (rows["2020-04-05"], rows["2020-05-03"]) == ((2, 5, 10), (6, 8, 20))


def test_periods_are_summed_over_clean_observed_days(spark: SparkSession) -> None:
    # Another promotion touches 10 days of the baseline (3 and the week after) and the promotion's last day;
    # the sales begin 10 days after the pre-period.
    others = [(2, BREAD, "2020-04-10", "2020-04-12"), (3, BREAD, END, END)]
    first = "2020-02-17"
    sales = make_sales(spark, SALES).where(F.col("order_date") >= F.lit(first).cast("date"))
    totals = sum_periods(lay_out(spark, PROMOTION, *others, sales=sales)).where("promotion_id = 1")
    row = totals.collect()[0].asDict()
    assert row == {
        "promotion_id": 1,
        "product_id": BREAD,
        "promotion_days": 6,
        "promotion_units": 36,
        "promotion_control": 120,
        "promotion_aisle": 48,
        "baseline_days": 18,
        "baseline_units": 36,
        "baseline_control": 180,
        "baseline_aisle": 90,
        "pre_period_days": 46,
        "pre_period_units": 92,
        "pre_period_control": 460,
        "pre_period_aisle": 230,
        "all_promotion_days": 7,
        "all_promotion_units": 42,
        "all_promotion_control": 140,
        "all_promotion_aisle": 56,
    }


@pytest.mark.parametrize(
    ("change", "is_enough"),
    [
        # Expected in the promotion: 10 x 100 / 100; in the baseline: 10 x 200 / 100.
        ({}, True),
        ({"pre_period_units": 9}, False),
        ({"promotion_control": 99}, False),
        ({"baseline_control": 199}, False),
        ({"pre_period_control": 101}, False),
        ({"promotion_days": 6}, False),
        ({"baseline_days": 13}, False),
        ({"pre_period_days": 20}, False),
        ({"pre_period_units": 0}, False),
        ({"pre_period_control": 0}, False),
        ({"baseline_units": 0, "promotion_units": 0}, True),  # what is compared does not decide
    ],
)
def test_the_pre_period_decides_whether_data_are_enough(
    spark: SparkSession, change: dict[str, int], is_enough: bool
) -> None:
    totals = {
        "pre_period_units": 10,
        "pre_period_control": 100,
        "promotion_control": 100,
        "baseline_control": 200,
        "promotion_days": 7,
        "baseline_days": 14,
        "pre_period_days": 21,
        "promotion_units": 10,
        "baseline_units": 20,
    } | change
    frame = spark.createDataFrame(
        [tuple(totals.values())], ", ".join(f"{name} bigint" for name in totals)
    ).select(has_enough_data().alias("is_enough"))
    assert read_rows(frame, "is_enough") == [(is_enough,)]


def test_an_aisle_is_compared_with_the_growth_of_the_control_and_needs_all_four(spark: SparkSession) -> None:
    rows = [
        (42, 56, 140, 280, 1.5),
        (10, 20, 50, 100, 1.0),
        (0, 56, 140, 280, None),
        (42, 0, 140, 280, None),
        (42, 56, 0, 280, None),
        (42, 56, 140, 0, None),
    ]
    names = ("promotion_aisle", "baseline_aisle", "promotion_control", "baseline_control")
    frame = spark.createDataFrame(rows, ", ".join(f"{name} bigint" for name in names) + ", expected double")
    compared = frame.select(estimate_aisle_growth().alias("ratio"), "expected").collect()
    assert [row["ratio"] for row in compared] == [row["expected"] for row in compared]


def test_the_example_is_what_it_says(spark: SparkSession) -> None:
    assert SALES == BREAD_SALES + OTHER_SALES
    row = sum_periods(lay_out(spark, PROMOTION)).collect()[0]
    assert [row[f"{period}_days"] for period in ("pre_period", "baseline", "promotion")] == [56, 28, 7]
    assert [row[f"{period}_units"] for period in ("pre_period", "baseline", "promotion")] == [112, 56, 42]
    assert [row[f"{period}_control"] for period in ("pre_period", "baseline", "promotion")] == [560, 280, 140]
    assert [row[f"{period}_aisle"] for period in ("baseline", "promotion")] == [140, 56]
