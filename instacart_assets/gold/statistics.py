"""Statistics as columns: tails of the normal distribution, intervals of shares, p-values adjusted for their number.

Here lives what Spark's SQL has no function for. What is estimated stands with the tables.
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
"""Coefficients of a Chebyshev fit of erfc, relative error below 1.2e-7: Press et al., Numerical Recipes, section 6.2."""

QUANTILE_95 = 1.959963984540054
"""97.5 % of a standard normal lie below it: half the width of a 95 % interval, in standard errors."""


def find_two_sided_p(z: Column) -> Column:
    """Probability of a standard normal value at least as far from 0 as z: erfc(abs(z) / sqrt(2))."""
    distance = F.abs(z) / F.lit(sqrt(2))
    t = F.lit(1.0) / (F.lit(1.0) + distance / 2)
    exponent = F.lit(0.0)
    for coefficient in reversed(_ERFC):
        exponent = exponent * t + F.lit(coefficient)
    # least() passes nulls over.
    return F.when(z.isNotNull(), F.least(t * F.exp(-distance * distance + exponent), F.lit(1.0)))


def find_wilson_interval(share: Column, size: Column) -> tuple[Column, Column]:
    """Lower and upper end of the 95 % score interval of a share: Wilson (1927).

    Both lie within 0 and 1, and neither collapses where the share is 0 or 1. Null where either argument is null or the size
    is not above 0.

    Args:
        share: what was seen, 0 to 1.
        size: of how many; need not be whole, as where a design is worth fewer independent ones.
    """
    slack = divide(F.lit(QUANTILE_95 * QUANTILE_95), F.when(size > 0, size))
    middle = share + slack / 2
    reach = F.sqrt(slack * share * (F.lit(1.0) - share) + slack * slack / 4)
    # Where the share is 0 or 1, rounding must not lead beyond it.
    low = F.when(share.isNotNull(), F.greatest((middle - reach) / (slack + 1), F.lit(0.0)))
    high = F.when(share.isNotNull(), F.least((middle + reach) / (slack + 1), F.lit(1.0)))
    return F.when(slack.isNotNull(), low), F.when(slack.isNotNull(), high)


def adjust_p_values(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """The rows with p_value_adjusted: their p_value adjusted for the number of tests by Benjamini and Hochberg (1995).

    The least of p x m / rank over this p and all larger ones, at most 1. Rows without a p_value are no tests.

    Args:
        rows: with p_value.
        key: columns that tell rows apart.
    """
    tests = Window.partitionBy(F.col("p_value").isNotNull())
    rising, falling = tests.orderBy("p_value", *key), tests.orderBy(F.desc("p_value"), *map(F.desc, key))
    # The quotient first: of the largest p-value it is exactly 1, and rounding takes nothing off.
    ratio = F.col("p_value") * divide(F.count("*").over(tests), F.row_number().over(rising))
    smallest = F.min("ratio").over(falling.rowsBetween(Window.unboundedPreceding, Window.currentRow))
    ranked = rows.withColumn("ratio", ratio)
    adjusted = F.when(F.col("p_value").isNotNull(), F.least(smallest, F.lit(1.0)))
    return ranked.withColumn("p_value_adjusted", adjusted).drop("ratio")
