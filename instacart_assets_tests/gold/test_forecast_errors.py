"""How forecasts are blended, judged and given intervals, on numbers that can be worked out by hand."""

from collections.abc import Sequence
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.optimize import nnls

from instacart_assets.gold.forecast_errors import (
    FEWEST_ERRORS,
    NORMAL_QUANTILES,
    add_interval,
    blend,
    find_deviance,
    judge,
    rank_errors,
)
from instacart_assets_tests.frames import read_rows

COLUMNS = (
    "product_id int, origin int, rhythm double, level double, units_1 bigint, units_2 bigint, "
    "naive bigint, seasonal_1 bigint, seasonal_2 bigint, is_known boolean"
)
Row = tuple[int, int, float, float, int, int]


def make_rows(spark: SparkSession, rows: Sequence[Row], *, is_known: bool = True) -> DataFrame:
    """Rows of (product, origin, rhythm, level, units of two weeks); the naive forecast is 1, the seasonal ones 2 and 3."""
    frame = spark.createDataFrame([(*row, 1, 2, 3, is_known) for row in rows], COLUMNS)
    return frame.withColumn("as_of_date", F.lit("2021-06-30").cast("date"))


def test_weights_are_learnt_from_earlier_origins_alone(spark: SparkSession) -> None:
    rows = [(1, 1, 1.0, 3.0, 3, 5), (1, 2, 1.0, 3.0, 90, 90), (2, 2, 5.0, 2.0, 0, 0)]
    found = read_rows(blend(make_rows(spark, rows)), "product_id origin rhythm_weight level_weight expected")
    # Of the row of origin 1, by 1 / (R + L) = 1/4: R R = 1/4, R L = 3/4, L L = 9/4, R Y = 1, L Y = 3; the prior adds 1, 0, 1, 1/2, 1/2.
    rhythm, level = (1.5 * 3.25 - 3.5 * 0.75) / 3.5, (3.5 * 1.25 - 1.5 * 0.75) / 3.5
    assert found == [
        (1, 1, 0.5, 0.5, 2.0),
        (1, 2, pytest.approx(rhythm), pytest.approx(level), pytest.approx(rhythm + 3 * level)),
        (2, 2, pytest.approx(rhythm), pytest.approx(level), pytest.approx(5 * rhythm + 2 * level)),
    ]


def test_slow_products_are_blended_by_themselves(spark: SparkSession) -> None:
    rows = [(1, 1, 1.0, 3.0, 3, 5), (2, 2, 0.1, 0.9, 0, 0)]
    weights = read_rows(blend(make_rows(spark, rows)), "product_id rhythm_weight level_weight")
    assert weights == [(1, 0.5, 0.5), (2, 0.5, 0.5)]


def test_what_came_before_the_shop_is_no_lesson(spark: SparkSession) -> None:
    rows = [(1, 1, 1.0, 3.0, 3, 5), (1, 2, 1.0, 3.0, 1, 1)]
    assert (
        read_rows(blend(make_rows(spark, rows, is_known=False)), "rhythm_weight level_weight")
        == [(0.5, 0.5)] * 2
    )


@pytest.mark.parametrize(("of_rhythm", "of_level"), [(0.7, 0.4), (1.6, -0.4), (-0.4, 1.6)])
def test_weights_are_those_of_a_library_and_none_is_below_zero(
    spark: SparkSession, of_rhythm: float, of_level: float
) -> None:
    known = np.random.default_rng(5).uniform(1, 9, (30, 2))
    units = np.maximum(known @ (of_rhythm, of_level), 0).round().astype(int)
    rows = [
        (product, 1, float(r), float(b), int(y), int(y))
        for product, ((r, b), y) in enumerate(zip(known, units, strict=True))
    ]
    scale = np.append(1 / np.sqrt(known.sum(axis=1)), (1, 1))
    left = np.vstack([known, np.eye(2)]) * scale[:, None]
    expected, _ = nnls(left, np.append(units, (0.5, 0.5)) * scale)
    assert (expected == 0).tolist() == [of_rhythm < 0, of_level < 0]
    found = blend(make_rows(spark, [*rows, (99, 2, 1.0, 1.0, 0, 0)])).where("origin = 2")
    assert read_rows(found, "rhythm_weight level_weight") == [
        tuple(pytest.approx(float(one)) for one in expected)
    ]


def test_errors_of_a_product_are_those_of_its_judged_weeks(spark: SparkSession) -> None:
    # Rhythm and level of 2 and equal halves expect 2 at origin 2, where nothing was learnt.
    rows = [(1, 2, 2.0, 2.0, 2, 4), (1, 7, 2.0, 2.0, 0, 0), (2, 7, 2.0, 2.0, 0, 0)]
    judged = judge(blend(make_rows(spark, rows)))
    nulls = (None,) * 6
    columns = "backtest_rmse naive_rmse seasonal_naive_rmse backtest_deviance naive_deviance seasonal_naive_deviance"
    assert read_rows(judged.where("origin = 7"), f"product_id backtest_weeks {columns}") == [
        (
            1,
            2,
            pytest.approx(sqrt((0 + 4) / 2)),  # 2 and 4 beside 2
            pytest.approx(sqrt((1 + 9) / 2)),  # beside 1
            pytest.approx(sqrt((0 + 1) / 2)),  # beside 2 and 3
            pytest.approx((0 + 2 * (4 * log(2) - 2)) / 2),
            pytest.approx((2 * (2 * log(2) - 1) + 2 * (4 * log(4) - 3)) / 2),
            pytest.approx((0 + 2 * (4 * log(4 / 3) - 1)) / 2),
        ),
        (2, 0, *nulls),
    ]
    # (0 - 2) + (4 - 2) over 2 x 2^2: no more than Poisson.
    assert read_rows(judged, "spread") == [(0.0,)] * 3


def test_the_first_origins_teach_and_are_not_judged(spark: SparkSession) -> None:
    rows = [(1, 1, 2.0, 2.0, 9, 9), (1, 7, 2.0, 2.0, 0, 0)]
    assert read_rows(judge(blend(make_rows(spark, rows))), "origin is_judged backtest_weeks") == [
        (1, False, 0),
        (7, False, 0),
    ]


def test_units_vary_more_than_poisson_by_the_square_of_what_is_expected(spark: SparkSession) -> None:
    # 10 and 2 beside 2: ((64 - 2) + (0 - 2)) / (2 x 4)
    rows = [(1, 2, 2.0, 2.0, 10, 2)]
    assert read_rows(judge(blend(make_rows(spark, rows))), "spread") == [(pytest.approx(60 / 8),)]


@pytest.mark.parametrize(
    ("units", "mean", "deviance"),
    [(0, 2.0, 4.0), (0, 0.0, 0.25), (3, 3.0, 0.0), (1, 0.0, 2 * (log(8) - 0.875))],
)
def test_deviance_of_a_week(spark: SparkSession, units: int, mean: float, deviance: float) -> None:
    found = spark.range(1).select(find_deviance(F.lit(units), F.lit(mean)).alias("deviance"))
    assert read_rows(found, "deviance") == [(pytest.approx(deviance),)]


def test_quantiles_of_errors_are_those_of_product_weeks_alike(spark: SparkSession) -> None:
    # 201 errors of 0, 1, …, 200 half units beside an expectation of 4, and as many as stay too few beside 0.5.
    rows: list[Any] = [(4.0, unit) for unit in range(201)] + [(0.5, 7)] * (FEWEST_ERRORS - 1)
    frame = spark.createDataFrame(rows, "expected double, units_1 double").selectExpr(
        "expected", "units_1", "CAST(NULL AS double) AS units_2", "0.0D AS spread", "true AS is_judged"
    )
    quantiles = rank_errors(frame).collect()[0]["quantiles"]
    # 4 is a border: it belongs to the class above. (Y - 4) / 2 at Y = 10, 180, 190.
    assert quantiles[4] == [pytest.approx(value) for value in (3.0, 88.0, 93.0)]
    assert [tuple(of_class) for number, of_class in enumerate(quantiles) if number != 4] == [
        NORMAL_QUANTILES
    ] * 8


@pytest.mark.parametrize(
    ("expected", "spread", "low", "high"),
    [
        (9.0, 0.0, 4.0, 9 + 3 * 1.6448536),  # 9 - 4.93 = 4.07
        (16.0, 0.5, 0.0, 16 + 12 * 1.2815516),  # s = sqrt(16 + 0.5 x 256) = 12: nothing lies below
        (1.0, 0.0, 0.0, 2.2815516),
    ],
)
def test_an_interval_is_in_whole_units_below_and_open_above_where_nothing_lies_below(
    spark: SparkSession, expected: float, spread: float, low: float, high: float
) -> None:
    assert find_interval(spark, expected, spread, NORMAL_QUANTILES) == (low, pytest.approx(high))


def test_what_is_expected_lies_in_its_interval_whatever_was_learnt(spark: SparkSession) -> None:
    assert find_interval(spark, 0.25, 0.0, (-0.5, -0.5, -0.5)) == (0.0, 0.25)
    assert find_interval(spark, 9.5, 0.0, (1.0, 2.0, 3.0)) == (9.0, pytest.approx(9.5 + 3 * sqrt(9.5)))


def find_interval(
    spark: SparkSession, expected: float, spread: float, quantiles: Sequence[float]
) -> tuple[Any, ...]:
    rows = spark.createDataFrame(
        [(expected, spread, [list(quantiles)] * 9)],
        "units double, spread double, quantiles array<array<double>>",
    )
    return read_rows(add_interval(rows, "units"), "units_low units_high")[0]
