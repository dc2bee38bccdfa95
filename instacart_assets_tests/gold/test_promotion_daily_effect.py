"""What each promoted product sold and would have sold, day by day."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.promotion_daily_effect import promotion_daily_effect
from instacart_assets.gold.promotion_performance import promotion_performance
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows
from instacart_assets_tests.gold.promotion_example import (
    BREAD,
    BUNS,
    CAKES,
    DURING,
    LAST_DAY,
    PROMOTION,
    SALES,
    Run,
    list_days,
    make_noise,
    make_products,
    make_promotions,
    make_sales,
)

ADDRESS = "gold.promotion_daily_effect"


def measure(
    spark: SparkSession, *promotions: tuple[int, int, str, str], sales: tuple[Run, ...] = SALES
) -> DataFrame:
    return follow(spark, make_promotions(spark, *promotions), make_sales(spark, sales))


def follow(spark: SparkSession, promotions: DataFrame, sales: DataFrame) -> DataFrame:
    products = make_products(spark)
    return promotion_daily_effect(promotions, products, sales, judge(spark, promotions, sales))


def judge(spark: SparkSession, promotions: DataFrame, sales: DataFrame) -> DataFrame:
    purchases = make_table(spark, "silver.order_items")
    return promotion_performance(promotions, make_products(spark), purchases, sales, make_noise(spark))


def test_the_example_has_the_days_worked_out_for_it(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION)
    before = [(day, 2, 2.0, 0.0, False) for day in list_days("2020-04-03", "2020-04-30")]
    during = [(day, 6, 4.0, 2.0, True) for day in list_days("2020-05-01", "2020-05-07")]
    after = [(day, 3, 2.0, 1.0, False) for day in list_days("2020-05-08", LAST_DAY)]
    rows = read_rows(result, "order_date units expected_units incremental_units is_promotion_day")
    assert [row[0] for row in rows] == [row[0] for row in before + during + after]
    assert [row[1:] for row in rows] == [pytest.approx(row[1:]) for row in before + during + after]
    assert set(read_rows(result, "promotion_id product_id is_date_estimated")) == {(1, BREAD, False)}
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("promotions", "changes"),
    [
        ([PROMOTION], []),
        # The control differs from day to day.
        ([PROMOTION], [(CAKES, "2020-05-02", "2020-05-03", 35), (CAKES, "2020-04-20", "2020-04-24", 3)]),
        # Another promotion in the baseline, and one that shares the last days.
        (
            [(1, BREAD, "2020-05-01", "2020-05-10"), (2, BREAD, "2020-04-10", "2020-04-12")],
            [(BREAD, "2020-04-10", "2020-04-12", 50)],
        ),
        (
            [(1, BREAD, "2020-05-01", "2020-05-09"), (2, BREAD, "2020-05-08", "2020-05-12")],
            [(BREAD, "2020-05-08", "2020-05-12", 100), (CAKES, "2020-05-08", "2020-05-08", 40)],
        ),
        # The promotion runs on beyond the last day with a sale.
        ([(1, BREAD, "2020-05-25", "2020-06-10")], []),
    ],
)
def test_expected_units_of_the_promotion_days_add_up_to_the_baseline_units(
    spark: SparkSession, promotions: list[tuple[int, int, str, str]], changes: list[Run]
) -> None:
    sales = (*SALES, *changes)
    ledger = make_promotions(spark, *promotions)
    performance = judge(spark, ledger, make_sales(spark, sales)).where("promotion_id = 1")
    days = measure(spark, *promotions, sales=sales).where("promotion_id = 1").where("is_promotion_day")
    totals = days.agg(
        F.sum("expected_units").alias("expected"),
        F.sum("incremental_units").alias("incremental"),
        F.sum("units").alias("units"),
    )
    (row,) = read_rows(performance, "baseline_units incremental_units units")
    assert row[0] is not None
    assert read_rows(totals, "expected incremental units") == [tuple(pytest.approx(value) for value in row)]


def test_a_promotion_that_does_nothing_has_no_effect_on_any_day(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION, sales=(*SALES, (BREAD, *DURING, 4))).where("order_date < '2020-05-08'")
    effects = [row[0] for row in read_rows(result, "incremental_units")]
    assert effects == pytest.approx([0.0] * 35)


def test_each_promotion_and_product_has_its_own_days_and_says_whether_it_was_invented(
    spark: SparkSession,
) -> None:
    promotions = make_table(
        spark,
        "silver.promotions",
        "promotion_id product_id start_date end_date is_simulated",
        [
            (1, BREAD, "2020-05-01", "2020-05-07", True),
            (1, BUNS, "2020-05-01", "2020-05-07", True),
            (2, BREAD, "2020-05-05", "2020-05-05", False),  # overlaps the first
        ],
    )
    sales = make_table(
        spark,
        "gold.daily_product_sales",
        "order_date product_id units is_date_estimated",
        [("2020-05-05", BREAD, 3, True)],
    )
    result = follow(spark, promotions, sales)
    counted = result.groupBy("promotion_id", "product_id", "is_simulated", "is_date_estimated").agg(
        F.count("*").alias("days"),
        F.count_if("is_promotion_day").alias("promotion_days"),
        F.sum("units").alias("units"),
    )
    columns = "promotion_id product_id is_simulated is_date_estimated days promotion_days units"
    assert read_rows(counted, columns) == [
        (1, BREAD, True, True, 63, 7, 3),
        (1, BUNS, True, True, 63, 7, 0),
        (2, BREAD, False, True, 57, 1, 3),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_days_outside_the_sales_and_promotions_without_lift_expect_nothing(spark: SparkSession) -> None:
    # Sales end on 2020-06-04. The first promotion has a lift; the second is too short for one.
    promotions = [(1, BREAD, "2020-05-20", "2020-05-27"), (2, BUNS, "2020-05-20", "2020-05-20")]
    result = measure(spark, *promotions)
    rows = read_rows(result, "promotion_id order_date units expected_units incremental_units")
    of_first = [row for row in rows if row[0] == 1]
    assert of_first[-1][:2] == (1, "2020-06-24")
    assert [row[1] for row in of_first if row[3] is None] == list_days("2020-06-05", "2020-06-24")
    assert {row[3:] for row in rows if row[0] == 2} == {(None, None)}
    assert all((row[3] is None) == (row[4] is None) for row in rows)
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    "changed", [(BREAD, *DURING, 0), (BREAD, "2020-04-03", "2020-04-30", 0), (CAKES, *DURING, 0)]
)
def test_nothing_is_expected_where_there_is_no_lift(spark: SparkSession, changed: Run) -> None:
    result = measure(spark, PROMOTION, sales=(*SALES, changed))
    assert set(read_rows(result, "expected_units incremental_units")) == {(None, None)}


def test_without_sales_the_days_are_there_and_expect_nothing(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION, sales=())
    assert (
        read_rows(result, "units expected_units incremental_units is_date_estimated")
        == [(0, None, None, False)] * 63
    )
    assert find_broken_promises(result, ADDRESS) == []


def test_without_promotions_there_are_no_days(spark: SparkSession) -> None:
    result = measure(spark)
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []
