"""Statistics as columns, held against SciPy."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scipy import stats

from instacart_assets.gold.statistics import (
    QUANTILE_95,
    adjust_p_values,
    find_count_interval,
    find_two_sided_p,
    find_wilson_interval,
    score_count,
)
from instacart_assets_tests.frames import read_rows


def test_two_sided_p_is_that_of_the_normal_distribution(spark: SparkSession) -> None:
    values = [0.0, 0.001, -0.5, 1.0, -1.959963984540054, 2.5758, 4.0, -6.0, 12.0]
    frame = spark.createDataFrame([(value,) for value in values], "z double")
    found = frame.select("z", find_two_sided_p(F.col("z")).alias("p")).collect()
    for row in found:
        assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(row["z"])), rel=3e-7)


def test_no_value_has_no_p(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(None,)], "z double")
    assert read_rows(frame.select(find_two_sided_p(F.col("z")).alias("p")), "p") == [(None,)]


def test_half_the_width_of_an_interval_is_the_quantile() -> None:
    assert pytest.approx(stats.norm.ppf(0.975)) == QUANTILE_95


def test_p_values_are_adjusted_as_scipy_does(spark: SparkSession) -> None:
    p_values = [0.01, 0.04, 0.03, 0.005, 0.04, 0.9, 0.55]
    rows = [*enumerate(p_values), (90, None), (91, None)]
    adjusted = adjust_p_values(spark.createDataFrame(rows, "id int, p_value double"), ["id"])
    expected = stats.false_discovery_control(p_values, method="bh")
    assert read_rows(adjusted, "id p_value p_value_adjusted") == [
        *((at, p, pytest.approx(expected[at])) for at, p in enumerate(p_values)),
        (90, None, None),
        (91, None, None),
    ]


def test_an_adjusted_p_value_can_be_worked_out(spark: SparkSession) -> None:
    # Of 3 tests: 0.01 x 3 / 1 = 0.03, 0.04 x 3 / 2 = 0.06, 0.05 x 3 / 3 = 0.05, and 0.05 is less than 0.06.
    rows = spark.createDataFrame([(1, 0.04), (2, 0.01), (3, 0.05)], "id int, p_value double")
    adjusted = read_rows(adjust_p_values(rows, ["id"]), "id p_value_adjusted")
    assert adjusted == [(1, pytest.approx(0.05)), (2, pytest.approx(0.03)), (3, pytest.approx(0.05))]


def test_adjusting_takes_nothing_off_by_rounding(spark: SparkSession) -> None:
    largest = 0.0254
    assert largest * 3 / 3 < largest
    rows = spark.createDataFrame([(1, 0.001), (2, 0.002), (3, largest)], "id int, p_value double")
    assert read_rows(adjust_p_values(rows, ["id"]), "id p_value_adjusted")[2] == (3, largest)


def test_tests_that_no_row_shows_count_too(spark: SparkSession) -> None:
    # Of 10 tests: 0.001 x 10 / 1 = 0.01 and 0.02 x 10 / 2 = 0.1.
    rows = spark.createDataFrame([(1, 0.02), (2, 0.001), (3, None)], "id int, p_value double")
    adjusted = read_rows(adjust_p_values(rows, ["id"], F.lit(10)), "id p_value_adjusted")
    assert adjusted == [(1, pytest.approx(0.1)), (2, pytest.approx(0.01)), (3, None)]


@pytest.mark.parametrize(("count", "error"), [(3, 0.03), (10, 0.005), (10.5, 0.005), (1_000, 0.0001)])
def test_the_interval_of_a_count_is_close_to_the_exact_one(
    spark: SparkSession, count: float, error: float
) -> None:
    low, high = find_count_interval(F.col("count"))
    rows = spark.createDataFrame([(float(count),)], "count double")
    exact = (stats.gamma.ppf(0.025, count), stats.gamma.ppf(0.975, count + 1))
    found = read_rows(rows.select(low.alias("low"), high.alias("high")), "low high")
    assert found == [tuple(pytest.approx(end, rel=error) for end in exact)]


def test_the_least_count_has_an_interval_and_none_has_not(spark: SparkSession) -> None:
    low, high = find_count_interval(F.col("count"))
    rows = spark.createDataFrame([(1.0,), (0.0,), (None,)], "count double")
    # (1 - 1 / 9 - 1.96 / 3)^3 and 2 (1 - 1 / 18 + 1.96 / (3 sqrt(2)))^3
    assert read_rows(rows.select("count", low.alias("low"), high.alias("high")), "count low high") == [
        (0.0, None, None),
        (1.0, pytest.approx(0.0130, abs=1e-4), pytest.approx(5.5638, abs=1e-4)),
        (None, None, None),
    ]


@pytest.mark.parametrize(
    ("count", "expected"), [(120, 100.0), (80, 100.0), (11, 1.0), (3, 0.1), (2, 10.0), (400, 100.0)]
)
def test_a_count_far_from_what_is_expected_is_as_rare_as_it_is(
    spark: SparkSession, count: int, expected: float
) -> None:
    rows = spark.createDataFrame([(float(count), expected)], "count double, expected double")
    ((score,),) = read_rows(rows.select(score_count(F.col("count"), F.col("expected")).alias("z")), "z")
    exact = stats.poisson.sf(count - 1, expected) if count > expected else stats.poisson.cdf(count, expected)
    # In the tails it claims less than the exact chance, never much more.
    assert score * (1 if count > expected else -1) > 0
    assert abs(score) == pytest.approx(stats.norm.isf(exact), rel=0.1)
    assert stats.norm.sf(abs(score)) >= 0.97 * exact


def test_a_count_as_expected_says_nothing(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(7.0, 7.0), (7.0, None)], "count double, expected double")
    scores = rows.select("expected", score_count(F.col("count"), F.col("expected")).alias("z"))
    assert read_rows(scores, "expected z") == [(7.0, 0.0), (None, None)]


@pytest.mark.parametrize(("seen", "size"), [(0, 12), (12, 12), (3, 7), (560, 1_000)])
def test_the_interval_of_a_share_is_wilsons(spark: SparkSession, seen: int, size: int) -> None:
    low, high = find_wilson_interval(F.col("share"), F.col("size"))
    rows = spark.createDataFrame([(seen / size, size)], "share double, size bigint")
    found = read_rows(rows.select(low.alias("low"), high.alias("high")), "low high")
    expected = stats.binomtest(seen, size).proportion_ci(0.95, method="wilson")
    assert found == [(pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))]
    assert 0 <= found[0][0] < found[0][1] <= 1


@pytest.mark.parametrize(("share", "size"), [(None, 5.0), (0.5, None), (0.5, 0.0)])
def test_of_nothing_there_is_no_interval(
    spark: SparkSession, share: float | None, size: float | None
) -> None:
    low, high = find_wilson_interval(F.col("share"), F.col("size"))
    rows = spark.createDataFrame([(share, size)], "share double, size double")
    assert read_rows(rows.select(low.alias("low"), high.alias("high")), "low high") == [(None, None)]
