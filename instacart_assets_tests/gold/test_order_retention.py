"""How many customers stay, order by order."""

import pytest
from pyspark.sql import SparkSession
from scipy import stats

from instacart_assets.gold.order_retention import order_retention
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.order_retention"
ORDER = "order_id user_id order_number days_since_prior_order"
LINE = "order_id product_id user_id order_number is_reordered"


def test_each_order_number_has_its_customers_gaps_and_baskets(spark: SparkSession) -> None:
    orders = make_table(
        spark,
        "silver.orders",
        ORDER,
        [
            (1, 7, 1, None),
            (2, 7, 2, 10),
            (3, 7, 3, 30),  # the test order: its basket was never published
            (4, 8, 1, None),
            (5, 8, 2, 5),
            (6, 9, 1, None),
            (7, 10, 1, None),
        ],
    )
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [
            (1, 11, 7, 1, False),
            (1, 12, 7, 1, False),
            (1, 13, 7, 1, False),
            (2, 11, 7, 2, True),
            (2, 12, 7, 2, True),
            (4, 11, 8, 1, False),
            (5, 11, 8, 2, True),
            (5, 14, 8, 2, False),
            (6, 11, 9, 1, False),
            (6, 12, 9, 1, False),  # the first order of customer 10 has no basket and does not count
        ],
    )
    result = order_retention(orders, lines)
    assert read_rows(
        result,
        "order_number customers retention_rate average_days_since_prior_order average_basket_units reorder_rate",
    ) == [
        (1, 4, 1.0, None, 2.0, 0.0),  # 6 units in 3 baskets
        (2, 2, 0.5, 7.5, 2.0, 0.75),
        (3, 1, 0.25, 30.0, None, None),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_customers_count_for_every_number_up_to_their_highest(spark: SparkSession) -> None:
    # The second order of customer 7 was refused by quality, but was placed.
    orders = make_table(
        spark, "silver.orders", ORDER, [(1, 7, 1, None), (3, 7, 3, 6), (4, 8, 1, None), (5, 9, 1, None)]
    )
    result = order_retention(orders, make_table(spark, "silver.order_items"))
    assert read_rows(
        result,
        "order_number customers retention_rate average_days_since_prior_order average_basket_units reorder_rate",
    ) == [
        (1, 3, 1.0, None, None, None),
        (2, 1, pytest.approx(1 / 3), None, None, None),
        (3, 1, pytest.approx(1 / 3), 6.0, None, None),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_rates_have_wilsons_interval_and_each_order_says_who_goes_on(spark: SparkSession) -> None:
    # Of 20 customers 12 order a second and 3 a third time; the second order of one of those was refused.
    reached = [3] * 3 + [2] * 9 + [1] * 8
    rows = [
        (10 * user + number, user, number, None)
        for user, highest in enumerate(reached, 1)
        for number in range(1, highest + 1)
        if (user, number) != (1, 2)
    ]
    result = order_retention(
        make_table(spark, "silver.orders", ORDER, rows), make_table(spark, "silver.order_items")
    )
    columns = "order_number customers orders retention_rate continuation_rate"
    assert read_rows(result, columns) == [
        (1, 20, 20, 1.0, 0.6),
        (2, 12, 11, 0.6, 0.25),
        (3, 3, 3, 0.15, 0.0),  # nobody goes on from the last
    ]
    for row in result.collect():
        for rate, of in (("retention_rate", 20), ("continuation_rate", row["customers"])):
            interval = stats.binomtest(round(row[rate] * of), of).proportion_ci(0.95, method="wilson")
            assert row[f"{rate}_ci_low"] == pytest.approx(interval.low, abs=1e-12)
            assert row[f"{rate}_ci_high"] == pytest.approx(interval.high, abs=1e-12)
    assert find_broken_promises(result, ADDRESS) == []


def test_without_orders_there_are_no_rows(spark: SparkSession) -> None:
    result = order_retention(make_table(spark, "silver.orders"), make_table(spark, "silver.order_items"))
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []
