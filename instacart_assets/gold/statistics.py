"""Statistics as columns: tails of the normal distribution, intervals of shares and counts, adjusted p-values.

Contains what Spark SQL has no function for. What is estimated with it is in the tables' modules.
"""

from collections.abc import Sequence
from math import sqrt

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide

_ERFC = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
)  # fmt: skip
"""Coefficients of a Chebyshev fit of erfc, relative error < 1.2e-7: Press et al., Numerical Recipes, section 6.2."""

QUANTILE_95 = 1.959963984540054
"""97.5 % of a standard normal lie below it: half the width of a 95 % interval, in standard errors."""


def find_two_sided_p(z: Column) -> Column:
    """Probability of a standard normal value at least as far from 0 as z: erfc(abs(z) / sqrt(2))."""
    distance = F.abs(z) / F.lit(sqrt(2))
    t = F.lit(1.0) / (F.lit(1.0) + distance / 2)
    exponent = F.lit(0.0)
    for coefficient in reversed(_ERFC):
        exponent = exponent * t + F.lit(coefficient)
    # least() skips nulls.
    return F.when(z.isNotNull(), F.least(t * F.exp(-distance * distance + exponent), F.lit(1.0)))


def find_wilson_interval(share: Column, size: Column) -> tuple[Column, Column]:
    """Lower and upper end of the 95 % score interval of a share: Wilson (1927).

    Both lie within 0 and 1, and the interval does not collapse where the share is 0 or 1. Null where either argument is
    null or the size is not above 0.

    Args:
        share: the observed share, 0 to 1.
        size: the sample size; need not be whole, as an effective sample size is not.
    """
    slack = divide(F.lit(QUANTILE_95 * QUANTILE_95), F.when(size > 0, size))
    middle = share + slack / 2
    reach = F.sqrt(slack * share * (F.lit(1.0) - share) + slack * slack / 4)
    # Where the share is 0 or 1, rounding must not exceed it.
    low = F.when(share.isNotNull(), F.greatest((middle - reach) / (slack + 1), F.lit(0.0)))
    high = F.when(share.isNotNull(), F.least((middle + reach) / (slack + 1), F.lit(1.0)))
    return F.when(slack.isNotNull(), low), F.when(slack.isNotNull(), high)


def find_count_interval(count: Column) -> tuple[Column, Column]:
    """Ends of the 95 % interval of the expectation of a count: Byar's, in Breslow and Day (1987), section 2.3.

    It approximates the exact interval of a Poisson count, whose coverage is at least 95 %: both ends are within
    3 % of it from a count of 3 on, and within 0.5 % from 10 on. Null where the count is null or not above 0.

    Args:
        count: the observed count; need not be whole, as an effective count is not.
    """
    seen = F.when(count > 0, count)
    low = seen * F.pow(_find_middle(seen) - F.lit(QUANTILE_95 / 3) / F.sqrt(seen), F.lit(3))
    next_one = seen + 1
    high = next_one * F.pow(_find_middle(next_one) + F.lit(QUANTILE_95 / 3) / F.sqrt(next_one), F.lit(3))
    # greatest() skips nulls.
    return F.when(seen.isNotNull(), F.greatest(low, F.lit(0.0))), high


def score_count(count: Column, expected: Column) -> Column:
    """How far a count is from its expectation, as a value of a standard normal: Wilson and Hilferty (1931).

    For a count above, it comes from the chance of that many or more, for one below, of that few or fewer; 0 where
    neither is below a half. So it is valid in the tails, where (count - expected) / sqrt(expected) is far too extreme.
    It is beyond ``QUANTILE_95`` exactly where the interval of ``find_count_interval`` excludes the expectation.

    Args:
        count: the observed count, above 0; need not be whole.
        expected: the expectation of the Poisson count.
    """
    above, below = (
        3 * F.sqrt(size) * (_find_middle(size) - F.pow(divide(expected, size), F.lit(1 / 3)))
        for size in (count, count + 1)
    )
    return F.when(above > 0, above).when(below < 0, below).when(above.isNotNull(), F.lit(0.0))


def _find_middle(size: Column) -> Column:
    """Mean of the cube root of a gamma variable of this shape, relative to the cube root of its mean."""
    return F.lit(1.0) - divide(F.lit(1), 9 * size)


def adjust_p_values(rows: DataFrame, key: Sequence[str], tests: Column | None = None) -> DataFrame:
    """The rows with p_value_adjusted: their p_value adjusted for the number of tests by Benjamini and Hochberg (1995).

    The least of p x m / rank over this p and all larger ones, at most 1. Rows without a p_value are not tests.

    Args:
        rows: with p_value.
        key: columns that identify a row.
        tests: the number of tests, m, if it exceeds the rows: the others count as p-values of 1. By default the number
            of rows with a p_value.
    """
    judged = Window.partitionBy(F.col("p_value").isNotNull())
    rising, falling = judged.orderBy("p_value", *key), judged.orderBy(F.desc("p_value"), *map(F.desc, key))
    # The quotient first: for the largest p-value it is exactly 1, and rounding changes nothing.
    made = F.count("*").over(judged) if tests is None else tests
    ratio = F.col("p_value") * divide(made, F.row_number().over(rising))
    smallest = F.min("ratio").over(falling.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    ranked = rows.withColumn("ratio", ratio)
    adjusted = F.when(F.col("p_value").isNotNull(), F.least(smallest, F.lit(1.0)))
    return ranked.withColumn("p_value_adjusted", adjusted).drop("ratio")
