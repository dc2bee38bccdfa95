"""What is noise, and what is learned of it."""

from math import log

import numpy as np
import pytest
from pyspark.sql import SparkSession

from instacart_assets.gold.promotion_noise import (
    FEWEST_PLACEBOS,
    Bin,
    average_effects,
    fit_biases,
    fit_noise,
    fit_variances,
    gather_bins,
    promotion_noise,
)
from instacart_assets.gold.promotion_placebos import (
    choose_products,
    choose_windows,
    list_touched,
    sum_placebos,
)
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows
from instacart_assets_tests.gold.promotion_example import (
    BREAD,
    BUNS,
    CAKES,
    CHEESE,
    DURING,
    PROMOTION,
    SALES,
    make_products,
    make_promotions,
    make_sales,
)

PLACEBO = (
    "department_id int, promotion_days int, baseline_days int, pre_period_days int, promotion_units bigint, "
    "baseline_units bigint, pre_period_units bigint, promotion_control bigint, baseline_control bigint, "
    "pre_period_control bigint, unit_dispersion double, daily_variance double"
)


def test_a_placebo_is_a_window_and_a_product_that_was_not_promoted_in_it(spark: SparkSession) -> None:
    # BREAD is promoted. Of the others each has its own sums, and as control what other aisles of its department
    # sold of unpromoted products: BUNS have CAKES, CAKES have BUNS alone, CHEESE has nothing.
    placebos = sum_placebos(make_promotions(spark, PROMOTION), make_products(spark), make_sales(spark))
    columns = "product_id promotion_days promotion_units baseline_units pre_period_units promotion_control"
    assert read_rows(placebos, f"{columns} baseline_control pre_period_control") == [
        (BUNS, 7, 56, 140, 280, 140, 280, 560),
        (CAKES, 7, 140, 280, 560, 56, 140, 280),
        (CHEESE, 7, 700, 28, 56, 0, 0, 0),
    ]


@pytest.mark.parametrize(
    ("start", "end", "is_touched"),
    [
        ("2020-05-07", "2020-05-20", True),  # the last day of the window
        ("2020-05-08", "2020-05-20", False),
        ("2020-01-20", "2020-01-31", True),  # within a week before the pre-period, which begins on 2020-02-07
        ("2020-01-20", "2020-01-30", False),
    ],
)
def test_a_promotion_near_the_window_makes_its_product_no_placebo(
    spark: SparkSession, start: str, end: str, is_touched: bool
) -> None:
    windows = make_promotions(spark, PROMOTION).select("start_date", "end_date")
    touched = list_touched(windows, make_promotions(spark, (2, BUNS, start, end)))
    assert read_rows(touched, "product_id") == ([(BUNS,)] if is_touched else [])


def test_windows_lie_in_the_range_of_the_sales_and_are_taken_once(spark: SparkSession) -> None:
    # Sales begin on 2020-02-07, the first day of the example's pre-period, and end on 2020-06-04.
    ledger = make_promotions(
        spark,
        PROMOTION,
        (1, BUNS, *DURING),
        (2, CAKES, "2020-04-30", "2020-05-06"),
        (3, CAKES, "2020-05-30", "2020-06-04"),
        (4, CAKES, "2020-05-30", "2020-06-05"),
    )
    found = choose_windows(ledger, make_sales(spark))
    assert read_rows(found, "start_date end_date") == [DURING, ("2020-05-30", "2020-06-04")]


def test_products_that_sell_too_little_are_no_placebos(spark: SparkSession) -> None:
    # 28 days: 5 units are enough, 4 are not.
    rows = [("2020-01-01", BREAD, 2, 1, 1), ("2020-01-28", BREAD, 3, 1, 1), ("2020-01-05", BUNS, 4, 1, 1)]
    sales = spark.createDataFrame(
        rows, "order_date string, product_id int, units bigint, department_id int, aisle_id int"
    ).selectExpr("cast(order_date as date) AS order_date", "product_id", "units", "department_id", "aisle_id")
    assert read_rows(choose_products(sales), "product_id") == [(BREAD,)]


def test_placebos_are_counted_by_department_length_and_spread(spark: SparkSession) -> None:
    # The control sells as much in the window as before, so half of the units is expected in it.
    # N = 40: expected 20, h = 40 / 4 = 10; the first sells 25, (5 x 5) / 10 = 2.5, the second 20, 0. Mean 1.25.
    # h (1/10 + 1/28) = 10 x 0.135714 = 1.35714. N = 2: h = 0.5 is no spread worth counting.
    rows = [
        (1, 10, 28, 56, 25, 15, 80, 100, 100, 200, 1.0, 0.0),
        (1, 10, 28, 56, 20, 20, 80, 100, 100, 200, 1.0, 0.0),
        (1, 10, 28, 56, 2, 0, 80, 100, 100, 200, 1.0, 0.0),
        (2, 10, 28, 56, 9, 9, 80, 0, 0, 200, 1.0, 0.0),  # without control
    ]
    (found,) = gather_bins(spark.createDataFrame(rows, PLACEBO)).collect()
    assert tuple(found) == (1, 2, pytest.approx(1.25), pytest.approx(10.0), pytest.approx(1.357143))


def test_the_three_kinds_of_noise_are_found_again() -> None:
    bins = [
        Bin(1, 500.0, 1.2 + 0.05 * spread * per_day + 0.003 * spread, spread, spread * per_day)
        for spread in (1.0, 3.0, 10.0, 30.0, 100.0)
        for per_day in (1 / 7 + 1 / 28, 1 / 14 + 1 / 28)
    ]
    found = fit_variances(bins, [of.placebos for of in bins])
    assert found == pytest.approx((1.2, 0.05, 0.003))


def test_no_kind_of_noise_is_below_zero() -> None:
    falling = [Bin(1, 100.0, 1.5 - 0.01 * spread, spread, spread / 7) for spread in (1.0, 10.0, 50.0)]
    units, days, windows = fit_variances(falling, [100.0] * 3)
    assert units > 0
    assert (days, windows) == (0.0, 0.0)


def test_a_department_with_few_placebos_is_like_all_and_one_with_many_like_itself() -> None:
    quiet = [Bin(1, 100_000.0, 1.0, spread, spread / 7) for spread in (1.0, 10.0, 100.0)]
    noisy = [Bin(2, 100_000.0, 2.0, spread, spread / 7) for spread in (1.0, 10.0, 100.0)]
    found = fit_noise([*quiet, *noisy, Bin(3, 1.0, 9.0, 10.0, 10 / 7)], [1, 2, 3, 4])
    assert found[1].unit_dispersion == pytest.approx(1.0, abs=0.01)
    assert found[2].unit_dispersion == pytest.approx(2.0, abs=0.01)
    of_all = found[4].unit_dispersion
    assert 1.2 < of_all < 1.7
    assert found[3].unit_dispersion == pytest.approx(of_all, abs=0.1)
    assert [of.placebos for of in found.values()] == [300_000, 300_000, 1, 0]


def test_of_too_few_placebos_nothing_is_learned() -> None:
    assert fit_noise([Bin(1, FEWEST_PLACEBOS - 1.0, 1.0, 5.0, 1.0)], [1]) == {}
    assert fit_biases({}) == {}


def test_the_effect_of_placebos_is_averaged_by_length_where_data_are_enough(spark: SparkSession) -> None:
    enough = (1, 7, 28, 56, 20, 40, 80, 100, 200, 400, 0.0, 0.0)  # ln(20 / 40) - ln(100 / 200) = 0
    double = (1, 7, 28, 56, 40, 40, 80, 100, 200, 400, 0.0, 0.0)  # ln 2
    long = (1, 14, 28, 56, 20, 40, 80, 100, 200, 400, 0.0, 0.0)
    thin = (1, 7, 28, 56, 90, 1, 8, 100, 200, 400, 0.0, 0.0)
    found = average_effects(spark.createDataFrame([enough, double, long, thin], PLACEBO))
    assert read_rows(found, "length placebos mean") == [
        ("long", 1, 0.0),
        ("short", 2, pytest.approx(log(2) / 2)),
    ]


def test_the_bias_of_a_length_is_drawn_to_that_of_all() -> None:
    # All: (300 x 0.02 + 100 x -0.02) / 400 = 0.01. Each with 100 of those: (6 + 1) / 400, (-2 + 1) / 200, 1 / 100.
    found = fit_biases({"short": (300, 0.02), "long": (100, -0.02)})
    assert found == {
        "short": pytest.approx(0.0175),
        "medium": pytest.approx(0.01),
        "long": pytest.approx(-0.005),
    }


def test_a_shop_without_placebos_has_rows_that_say_so(spark: SparkSession) -> None:
    departments = make_table(
        spark, "silver.departments", "department_id department", [(1, "bakery"), (2, "dairy eggs")]
    )
    result = promotion_noise(
        make_promotions(spark, PROMOTION), make_products(spark), departments, make_sales(spark, SALES)
    )
    columns = "department_id department placebos unit_dispersion daily_variance window_variance bias_of_short"
    assert read_rows(result, columns) == [
        (1, "bakery", 0, None, None, None, None),
        (2, "dairy eggs", 0, None, None, None, None),
    ]
    assert find_broken_promises(result, "gold.promotion_noise") == []


def test_independent_sales_have_a_dispersion_of_one_and_no_more(spark: SparkSession) -> None:
    stream = np.random.default_rng(3)
    products = [(product, product % 4 + 1, 1) for product in range(1, 121)]
    rows = [
        (day, product, int(units))
        for product, _, _ in products
        for day, units in zip(
            np.arange("2020-01-01", "2020-12-31", dtype="datetime64[D]").astype(str),
            stream.poisson(3, 365),
            strict=True,
        )
        if units
    ]
    ledger = make_promotions(
        spark,
        *(
            (at, 1, f"2020-{month:02}-10", f"2020-{month:02}-{19 + at}")
            for at, month in enumerate(range(4, 13))
        ),
    )
    result = promotion_noise(
        ledger,
        make_table(spark, "silver.products", "product_id aisle_id department_id", products),
        make_table(spark, "silver.departments", "department_id", [1]),
        make_table(spark, "gold.daily_product_sales", "order_date product_id units", rows),
    )
    (row,) = result.collect()
    assert row["placebos"] == 119 * 9
    # Windows of about 14 days: N = 3 x (14 + 28) = 126 and h = 126 x 1/3 x 2/3 = 28.
    total = row["unit_dispersion"] + 28 * (row["daily_variance"] * (1 / 14 + 1 / 28) + row["window_variance"])
    assert total == pytest.approx(1.0, abs=0.15)
    assert abs(row["bias_of_medium"]) < 0.02
    assert find_broken_promises(result, "gold.promotion_noise") == []
