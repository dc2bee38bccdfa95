"""What each promotion brought."""

from math import exp, log, sqrt
from statistics import NormalDist
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.promotion_performance import promotion_performance
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows
from instacart_assets_tests.gold.promotion_example import (
    AFTER,
    BEFORE,
    BREAD,
    BREAD_SALES,
    BUNS,
    CAKES,
    CHEESE,
    DURING,
    MILK,
    OTHER_SALES,
    PROMOTION,
    SALES,
    Run,
    make_noise,
    make_products,
    make_promotions,
    make_sales,
)

ADDRESS = "gold.promotion_performance"
ESTIMATES = "lift baseline_units incremental_units aisle_cannibalisation_units"
NO_ESTIMATES = (None, None, None, None)


def make_purchases(spark: SparkSession, *purchases: tuple[int, int, str]) -> DataFrame:
    """Order lines of (user, product, day)."""
    rows = [(number, *purchase) for number, purchase in enumerate(purchases, 1)]
    return make_table(spark, "silver.order_items", "order_id user_id product_id order_date", rows)


def measure(
    spark: SparkSession,
    *promotions: tuple[int, int, str, str],
    sales: tuple[Run, ...] = SALES,
    purchases: tuple[tuple[int, int, str], ...] = (),
    **noise: float | None,
) -> DataFrame:
    return promotion_performance(
        make_promotions(spark, *promotions),
        make_products(spark),
        make_purchases(spark, *purchases),
        make_sales(spark, sales),
        make_noise(spark, **noise),
    )


def test_the_example_has_the_effect_worked_out_for_it(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION)
    assert read_rows(result, f"promotion_days units is_enough_data {ESTIMATES}") == [
        tuple(pytest.approx(value) for value in (7, 42, True, 1.5, 28.0, 14.0, 14.0))
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_rows_say_which_promotion_they_are_and_where_dates_come_from(spark: SparkSession) -> None:
    promotions = make_table(
        spark,
        "silver.promotions",
        "promotion_id product_id promotion_name promotion_type start_date end_date is_simulated",
        [
            (1, BREAD, "Spring", "percent_off", "2020-05-01", "2020-05-07", True),
            (2, BUNS, "Shelf", "display", "2020-05-03", "2020-05-03", False),
        ],
    )
    for estimated in (True, False):
        sales = make_table(
            spark,
            "gold.daily_product_sales",
            "order_date product_id units is_date_estimated",
            [("2020-05-01", BREAD, 3, estimated)],
        )
        result = promotion_performance(
            promotions, make_products(spark), make_purchases(spark), sales, make_noise(spark)
        )
        columns = "promotion_id product_id promotion_name promotion_type start_date end_date is_simulated"
        assert read_rows(result, f"{columns} promotion_days units is_date_estimated") == [
            (1, BREAD, "Spring", "percent_off", "2020-05-01", "2020-05-07", True, 7, 3, estimated),
            (2, BUNS, "Shelf", "display", "2020-05-03", "2020-05-03", False, 1, 0, estimated),
        ]
        assert find_broken_promises(result, ADDRESS) == []


def test_the_interval_is_as_wide_as_the_noise(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION)
    columns = "lift_ci_low lift_ci_high p_value is_significant"
    p_value = 2 * (1 - NormalDist().cdf(log(1.5) / 0.1))
    assert read_rows(result, columns) == [
        (pytest.approx(1.5 / exp(0.196), rel=1e-4), pytest.approx(1.5 * exp(0.196), rel=1e-4),
         pytest.approx(p_value, rel=1e-3), True)
    ]  # fmt: skip


def test_every_part_of_the_noise_widens_the_interval(spark: SparkSession) -> None:
    # f = 2: Y + 1 = 43, B + 1 = 57, ln(43 / 57) - ln 0.5 = 0.41129
    # v = 0.07: half of it x (1/7 - 1/28) = 0.00375 is added; bias 0.015 is taken off
    # SE^2 = 2 (1/43 + 1/57) + 0.07 (1/7 + 1/28) + 0.04 = 0.08160 + 0.0125 + 0.04 = 0.13410
    result = measure(
        spark, PROMOTION, unit_dispersion=2.0, daily_variance=0.07, window_variance=0.04, bias_of_short=0.015
    )
    effect, error = 0.41129 + 0.00375 - 0.015, sqrt(0.13410)
    expected = (
        exp(effect),
        exp(effect - 1.96 * error),
        exp(effect + 1.96 * error),
        2 * (1 - NormalDist().cdf(effect / error)),
        43 / exp(effect),
    )
    assert read_rows(result, "lift lift_ci_low lift_ci_high p_value baseline_units is_significant") == [
        (*(pytest.approx(value, rel=1e-4) for value in expected), False)
    ]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("end", "bias"), [("2020-05-09", 0.1), ("2020-05-10", 0.2), ("2020-05-13", 0.2), ("2020-05-14", 0.3)]
)
def test_the_bias_is_that_of_promotions_as_long(spark: SparkSession, end: str, bias: float) -> None:
    during = ("2020-05-01", end)
    result = measure(
        spark,
        (1, BREAD, *during),
        sales=(*SALES, (BREAD, *during, 6), (CAKES, *during, 20)),
        bias_of_short=0.1,
        bias_of_medium=0.2,
        bias_of_long=0.3,
    )
    assert read_rows(result, "lift") == [(pytest.approx(1.5 * exp(-bias)),)]


def test_where_noise_is_unknown_no_promotion_is_judged(spark: SparkSession) -> None:
    unknown: dict[str, Any] = dict.fromkeys(
        (
            "unit_dispersion",
            "daily_variance",
            "window_variance",
            "bias_of_short",
            "bias_of_medium",
            "bias_of_long",
        )
    )
    result = measure(spark, PROMOTION, **unknown)
    assert read_rows(result, f"units is_enough_data {ESTIMATES} p_value is_significant") == [
        (42, False, *NO_ESTIMATES, None, None)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_p_values_are_adjusted_for_the_promotions_judged(spark: SparkSession) -> None:
    # A second promotion has no estimate and is no test; a third, of another product, has one.
    result = measure(
        spark,
        PROMOTION,
        (2, BREAD, "2019-05-01", "2019-05-07"),
        (3, CHEESE, *DURING),
        sales=(*SALES, (MILK, *BEFORE, 10), (MILK, *DURING, 10), (MILK, *AFTER, 10), (CHEESE, *BEFORE, 3)),
    )
    rows = {row[0]: row[1:] for row in read_rows(result, "promotion_id p_value p_value_adjusted lift")}
    assert rows[2] == (None, None, None)
    assert rows[3][0] < rows[1][0]
    assert rows[3][1] == pytest.approx(2 * rows[3][0])
    assert rows[1][1] == pytest.approx(rows[1][0])


def test_a_promotion_that_does_nothing_has_a_lift_of_one(spark: SparkSession) -> None:
    # BREAD and BUNS double as the control does: 4 instead of 2, 10 instead of 5.
    result = measure(spark, PROMOTION, sales=(*SALES, (BREAD, *DURING, 4), (BUNS, *DURING, 10)))
    assert read_rows(result, f"units {ESTIMATES}") == [
        tuple(pytest.approx(value) for value in (28, 1.0, 28.0, 0.0, 0.0))
    ]


def test_days_of_another_promotion_of_the_product_are_left_out_of_the_baseline(spark: SparkSession) -> None:
    # BREAD sells 50 a day in another promotion and 9 in the week after: 10 of 28 days do not count.
    # 18 days remain: (42 / 36) / (140 / 180) = 1.5, as without the other promotion.
    sales = (*SALES, (BREAD, "2020-04-10", "2020-04-12", 50), (BREAD, "2020-04-13", "2020-04-19", 9))
    result = measure(spark, PROMOTION, (2, BREAD, "2020-04-10", "2020-04-12"), sales=sales)
    assert read_rows(result.where("promotion_id = 1"), f"units is_enough_data {ESTIMATES}") == [
        tuple(pytest.approx(value) for value in (42, True, 1.5, 28.0, 14.0, 14.0))
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_days_that_promotions_share_count_in_units_and_not_in_lift(spark: SparkSession) -> None:
    # The promotion runs for 8 days. On the last another one runs too, and BREAD sells 100.
    # Lift is of the 7 other days: 1.5. On all 8 days the control sells 8 x 20: expected are 28 x 160 / 140 = 32.
    eighth = ("2020-05-08", "2020-05-08")
    sales = (*SALES, (BREAD, *eighth, 100), (CAKES, *eighth, 20))
    result = measure(
        spark, (1, BREAD, "2020-05-01", "2020-05-08"), (2, BREAD, "2020-05-08", "2020-05-09"), sales=sales
    )
    assert read_rows(
        result.where("promotion_id = 1"), "promotion_days units lift baseline_units incremental_units"
    ) == [tuple(pytest.approx(value) for value in (8, 142, 1.5, 32.0, 110.0))]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(("pre_period_units", "is_enough"), [(40, True), (39, False)])
def test_the_pre_period_alone_decides_whether_there_is_an_estimate(
    spark: SparkSession, pre_period_units: int, is_enough: bool
) -> None:
    # Of 560 units of the control a quarter is sold in the promotion, half in the baseline: 40 units in the
    # pre-period let 10 and 20 be expected. Baseline and promotion are those of the example either way.
    pre_period = (
        (BREAD, "2020-02-07", "2020-04-02", 0),
        (BREAD, "2020-03-01", "2020-03-01", pre_period_units),
    )
    result = measure(spark, PROMOTION, sales=SALES + pre_period)
    expected = (1.5, 28.0, 14.0, 14.0) if is_enough else NO_ESTIMATES
    assert read_rows(result, f"units is_enough_data {ESTIMATES}") == [
        (42, is_enough, *(value if value is None else pytest.approx(value) for value in expected))
    ]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ((BREAD, "2020-04-03", "2020-04-30", 0), (42, True, None, None, None, 14.0)),  # no baseline
        ((BREAD, *DURING, 0), (0, True, None, None, None, 14.0)),  # sold nothing while promoted
        ((BUNS, *DURING, 0), (42, True, 1.5, 28.0, 14.0, None)),  # nor did its aisle
        ((CAKES, *DURING, 0), (42, False, None, None, None, None)),  # no control
        ((CAKES, "2020-04-03", "2020-04-30", 0), (42, False, None, None, None, None)),
    ],
)
def test_without_any_of_its_four_parts_there_is_no_estimate(
    spark: SparkSession, changed: Run, expected: tuple[int | float | None, ...]
) -> None:
    result = measure(spark, PROMOTION, sales=(*SALES, changed))
    assert read_rows(result, f"units is_enough_data {ESTIMATES}") == [
        tuple(value if value is None else pytest.approx(value) for value in expected)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_neighbours_on_promotion_are_neither_control_nor_aisle(spark: SparkSession) -> None:
    # BUNS are promoted too: no product of the aisle is left to lose units. The lift does not change.
    result = measure(spark, PROMOTION, (1, BUNS, *DURING))
    assert read_rows(result.where(f"product_id = {BREAD}"), ESTIMATES) == [
        (pytest.approx(1.5), pytest.approx(28.0), pytest.approx(14.0), None)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_a_promotion_before_there_were_sales_has_a_row_and_no_estimate(spark: SparkSession) -> None:
    result = measure(spark, (1, BREAD, "2019-05-01", "2019-05-07"))
    assert read_rows(result, f"units is_enough_data {ESTIMATES}") == [(0, False, *NO_ESTIMATES)]
    assert find_broken_promises(result, ADDRESS) == []


def test_buyers_are_new_without_a_purchase_before_and_back_within_30_days_after(spark: SparkSession) -> None:
    purchases = (
        (7, BREAD, "2020-05-01"),  # bought on the first day: new, never back
        (8, BREAD, "2020-04-30"),
        (8, BREAD, "2020-05-07"),  # known, back on the last day that counts
        (8, BREAD, "2020-06-06"),
        (9, BREAD, "2020-05-03"),
        (9, BREAD, "2020-05-04"),  # twice, but one buyer: new, back a day too late
        (9, BREAD, "2020-06-07"),
        (10, BUNS, "2020-04-01"),  # another product makes nobody known
        (10, BREAD, "2020-05-05"),
        (10, BREAD, "2020-05-08"),  # new, back on the first day after
        (11, BREAD, "2020-04-30"),  # bought before and after, not in the promotion
        (11, BREAD, "2020-05-08"),
        (12, CAKES, "2020-05-05"),
        (13, BREAD, "2020-05-07"),  # bought on the last day: new, never back
    )
    result = measure(spark, PROMOTION, purchases=purchases)
    assert read_rows(result, "buyers new_buyers new_buyer_rate repeat_after_rate") == [(5, 4, 0.8, 0.4)]
    assert find_broken_promises(result, ADDRESS) == []


def test_each_promotion_of_a_product_has_its_own_buyers(spark: SparkSession) -> None:
    purchases = ((7, BREAD, "2020-03-02"), (7, BREAD, "2020-05-02"), (8, BREAD, "2020-05-03"))
    result = measure(spark, PROMOTION, (2, BREAD, "2020-03-01", "2020-03-07"), purchases=purchases)
    assert read_rows(result, "promotion_id buyers new_buyers new_buyer_rate repeat_after_rate") == [
        (1, 2, 1, 0.5, 0.0),
        (2, 1, 1, 1.0, 0.0),
    ]


def test_without_buyers_there_are_no_rates(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION, purchases=())
    assert read_rows(result, "buyers new_buyers new_buyer_rate repeat_after_rate") == [(0, 0, None, None)]


def test_without_sales_promotions_have_rows_of_nothing(spark: SparkSession) -> None:
    result = measure(spark, PROMOTION, sales=())
    assert read_rows(result, f"units buyers is_enough_data is_date_estimated {ESTIMATES}") == [
        (0, 0, False, False, *NO_ESTIMATES)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_without_promotions_there_are_no_rows(spark: SparkSession) -> None:
    result = measure(spark, sales=BREAD_SALES + OTHER_SALES, purchases=((7, BREAD, "2020-05-01"),))
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []
