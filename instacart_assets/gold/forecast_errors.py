"""How a forecast is blended and how large its errors are: both are learnt from the sales after earlier origins.

Contains what turns rhythm and level into expected units, evaluates them, and sets the width of the intervals. How
rhythm and level are computed is in ``forecast_origins.py``.

For a product with rhythm R, level L and Y units in a coming week, m = a R + b L units are expected. Over the products
of all earlier origins, slow ones (L below 1) separately from the others, a and b minimise

    sum((Y - a R - b L)^2 / (R + L)) + (a - 1/2)^2 + (b - 1/2)^2      with a, b >= 0

which is weighted least squares, as the variance of units grows with their mean, shrunk to a half each where data are
few.

Forecasts are evaluated by the root mean squared error and by the mean Poisson deviance 2 (Y ln(Y / m) - (Y - m))
(McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3), with m at least 1/8 in each forecast compared.

Units have the standard deviation s = sqrt(m + k m^2), k = sum((Y - m)^2 - m) / sum(m^2), at least 0 (negative binomial,
by moments: Cameron and Trivedi, Regression Analysis of Count Data, 2013, section 3.3). Errors (Y - m) / s of
product-weeks with similar expectations are ranked, and 90 % of them lie in the interval m + s x (their 5 % quantile,
their 95 % quantile): it is conformal (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005,
chapter 4) and assumes no distribution. The lower end is in whole units. Where it is 0 nothing can lie below, and the
upper end is the 90 % quantile.
"""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from instacart_assets.gold.forecast_origins import FIRST_JUDGED, LAST_ORIGIN
from instacart_assets.gold.measures import divide

SMALLEST_MEAN = 1 / 8
"""Lower bound of forecasts in deviances: a product with a forecast was sold at least once in eight weeks."""

SLOW_UNITS = 1
"""Products below this level, in units a week, are blended separately: they have a forecast because they sold recently,
which is more than can be expected of them again."""

PRIOR_WEIGHT = 0.5
"""Weight of rhythm and of level before anything is learnt."""

CLASS_BORDERS = (1 / 16, 1 / 4, 1, 4, 16, 64, 256, 1024)
"""Borders between classes of product-weeks, by expected units: within a factor of four, they are treated as alike."""

FEWEST_ERRORS = 200
"""With fewer product-weeks in a class, the quantiles of the normal distribution are used instead."""

QUANTILES = (0.05, 0.9, 0.95)
NORMAL_QUANTILES = (-1.6448536269514722, 1.2815515655446004, 1.6448536269514722)
"""The same quantiles of the standard normal distribution: 5 %, 90 %, 95 %."""

_DIGITS = (
    6  # engines sum in different orders: whether a whole number is reached must not depend on the last digits
)


def blend(rows: DataFrame) -> DataFrame:
    """The rows with rhythm_weight, level_weight and expected, units a week.

    Args:
        rows: one per product and origin: as_of_date, origin, rhythm, level, is_known, units_1 and units_2.
    """
    rhythm, level = F.col("rhythm"), F.col("level")
    terms = {
        "rhythm_squares": rhythm * rhythm,
        "products": rhythm * level,
        "level_squares": level * level,
        "rhythm_units": rhythm * F.col("mean_units"),
        "level_units": level * F.col("mean_units"),
    }
    earlier = Window.partitionBy("is_slow").orderBy("origin").rangeBetween(Window.unboundedPreceding, -1)
    weight = divide(F.lit(1), rhythm + level)
    prior = {
        "rhythm_squares": 1.0,
        "level_squares": 1.0,
        "rhythm_units": PRIOR_WEIGHT,
        "level_units": PRIOR_WEIGHT,
    }
    return (
        rows.withColumns(
            {"is_slow": level < SLOW_UNITS, "mean_units": (F.col("units_1") + F.col("units_2")) / 2}
        )
        .withColumns({name: F.when(F.col("is_known"), term * weight) for name, term in terms.items()})
        .withColumns(
            {name: F.coalesce(F.sum(name).over(earlier), F.lit(0.0)) + prior.get(name, 0.0) for name in terms}
        )
        .withColumns(_solve())
        .withColumn("expected", F.col("rhythm_weight") * rhythm + F.col("level_weight") * level)
        .drop("is_slow", "mean_units", *terms)
    )


def _solve() -> dict[str, Column]:
    """Both weights by the normal equations; if one would be negative it is 0, and the other is fitted alone."""
    aa, ab, bb = F.col("rhythm_squares"), F.col("products"), F.col("level_squares")
    ay, by = F.col("rhythm_units"), F.col("level_units")
    determinant = aa * bb - ab * ab
    of_rhythm, of_level = ay * bb - by * ab, by * aa - ay * ab
    return {
        "rhythm_weight": F.when(of_rhythm <= 0, F.lit(0.0))
        .when(of_level <= 0, ay / aa)
        .otherwise(of_rhythm / determinant),
        "level_weight": F.when(of_rhythm <= 0, by / bb)
        .when(of_level <= 0, F.lit(0.0))
        .otherwise(of_level / determinant),
    }


def judge(rows: DataFrame) -> DataFrame:
    """The rows with the back-test errors of their product, and the spread k over all products.

    Args:
        rows: as ``blend`` returns them, with product_id, naive, seasonal_1 and seasonal_2.

    Returns:
        The rows with is_judged; backtest_weeks, and for each of the forecasts backtest, naive and seasonal_naive
        a <forecast>_rmse and <forecast>_deviance over the weeks of the product, null where there are none; and spread.
    """
    expected = F.col("expected")
    forecasts = {
        "backtest": (expected, expected),
        "naive": (F.col("naive"), F.col("naive")),
        "seasonal_naive": (F.col("seasonal_1"), F.col("seasonal_2")),
    }
    units = (F.col("units_1"), F.col("units_2"))
    is_judged = F.col("is_known") & F.col("origin").between(FIRST_JUDGED, LAST_ORIGIN - 1)
    marked = rows.withColumn("is_judged", is_judged)
    errors = {}
    for name, means in forecasts.items():
        pairs = tuple(zip(units, means, strict=True))
        errors[f"{name}_rmse"] = reduce(Column.__add__, (_square(y - m) for y, m in pairs))
        errors[f"{name}_deviance"] = reduce(Column.__add__, (find_deviance(y, m) for y, m in pairs))
    surplus = reduce(Column.__add__, (_square(y - expected) - expected for y in units))
    errors |= {"surplus": surplus, "squares": 2 * _square(expected)}
    measured = marked.withColumns({name: F.when(F.col("is_judged"), error) for name, error in errors.items()})
    of_product, of_all = Window.partitionBy("product_id"), Window.partitionBy("as_of_date")
    summed = measured.withColumns(
        {
            "backtest_weeks": 2 * F.count("surplus").over(of_product),
            **{name: F.sum(name).over(of_product) for name in errors if name not in {"surplus", "squares"}},
            "surplus": F.sum("surplus").over(of_all),
            "squares": F.sum("squares").over(of_all),
        }
    )
    weeks = F.col("backtest_weeks")
    return summed.withColumns(
        {
            **{f"{name}_rmse": F.sqrt(divide(F.col(f"{name}_rmse"), weeks)) for name in forecasts},
            **{f"{name}_deviance": divide(F.col(f"{name}_deviance"), weeks) for name in forecasts},
            "spread": F.greatest(
                F.coalesce(divide(F.col("surplus"), F.col("squares")), F.lit(0.0)), F.lit(0.0)
            ),
        }
    ).drop("surplus", "squares")


def find_deviance(units: Column, expected: Column) -> Column:
    """The Poisson deviance of a week, with a mean of at least 1/8."""
    mean = F.greatest(expected.cast("double"), F.lit(SMALLEST_MEAN))
    return 2 * (F.when(units > 0, units * F.log(units / mean)).otherwise(F.lit(0.0)) - (units - mean))


def rank_errors(rows: DataFrame) -> DataFrame:
    """One row: quantiles of the errors of product-weeks, by class of expected units.

    Args:
        rows: as ``judge`` returns them.

    Returns:
        quantiles: for each class, in order of expected units, an array of the quantiles of (Y - m) / s.
    """
    weeks = (
        rows.where("is_judged")
        .select("expected", "spread", F.explode(F.array("units_1", "units_2")).alias("units"))
        .select(
            classify("expected").alias("class"),
            divide(F.col("units") - F.col("expected"), find_spread("expected")).alias("error"),
        )
    )
    classes = range(len(CLASS_BORDERS) + 1)
    of_class = {number: F.when(F.col("class") == number, F.col("error")) for number in classes}
    ranked = weeks.agg(
        *(F.count(of_class[number]).alias(f"weeks_{number}") for number in classes),
        *(F.percentile(of_class[number], list(QUANTILES)).alias(f"quantiles_{number}") for number in classes),
    )
    normal = F.array(*map(F.lit, NORMAL_QUANTILES))
    chosen = (
        F.when(F.col(f"weeks_{number}") >= FEWEST_ERRORS, F.col(f"quantiles_{number}")).otherwise(normal)
        for number in classes
    )
    return ranked.select(F.array(*chosen).alias("quantiles"))


def classify(expected: str) -> Column:
    """The class of a period by its expected units, from 0."""
    return reduce(Column.__add__, ((F.col(expected) >= border).cast("int") for border in CLASS_BORDERS))


def find_spread(expected: str) -> Column:
    """The s of a period, from the rows' spread k."""
    return F.sqrt(F.col(expected) + F.col("spread") * _square(F.col(expected)))


def add_interval(rows: DataFrame, expected: str) -> DataFrame:
    """The rows with <expected>_low and <expected>_high, the ends of the 90 % interval.

    Args:
        rows: with spread, quantiles and the expected units of a period, above 0.
        expected: name of the column with the expected units.
    """
    low, high = f"{expected}_low", f"{expected}_high"
    reached = [
        F.col(expected) + find_spread(expected) * F.get("quantiles_alike", F.lit(number))
        for number in range(len(QUANTILES))
    ]
    above, above_where_low = F.col("_above"), F.col("_above_where_low")
    return (
        rows.withColumn("quantiles_alike", F.get("quantiles", classify(expected)))
        .withColumns({"_below": reached[0], "_above_where_low": reached[1], "_above": reached[2]})
        .withColumn(low, F.greatest(F.floor(F.round("_below", _DIGITS)).cast("double"), F.lit(0.0)))
        .withColumn(high, F.greatest(F.when(F.col(low) > 0, above).otherwise(above_where_low), expected))
        .withColumn(low, F.least(low, F.floor(expected).cast("double")))
        .drop("quantiles_alike", "_below", "_above", "_above_where_low")
    )


def _square(value: Column) -> Column:
    return value * value
