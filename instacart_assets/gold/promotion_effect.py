"""The effect of a promotion, its error and whether there are enough data, as expressions over its period totals.

Contains what is estimated from the period totals of a promotion, or of a placebo, and the noise of its department. The
days of the periods are chosen in ``promotion_windows.py``; the noise is estimated in ``promotion_noise.py``.
"""

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide

MINIMUM_EXPECTED_PROMOTION_UNITS = 10
MINIMUM_EXPECTED_BASELINE_UNITS = 20
MINIMUM_PROMOTION_DAYS = 7
MINIMUM_BASELINE_DAYS = 14
MINIMUM_PRE_PERIOD_DAYS = 21

LENGTHS = {"short": 0, "medium": 10, "long": 14}
"""Length classes of promotions, with the shortest length of each in days."""


def name_length() -> Column:
    """The length class of a promotion, by its promotion_days."""
    name = F.lit(next(iter(LENGTHS)))
    for length, days in LENGTHS.items():
        name = F.when(F.col("promotion_days") >= days, F.lit(length)).otherwise(name)
    return name


def has_enough_data() -> Column:
    """Whether the promotion's pre-period is large enough for an estimate, from its period totals.

    Decided without the baseline's units: selecting promotions by the baseline they are compared with would bias them.
    """
    usual_units = divide(F.col("pre_period_units"), F.col("pre_period_control"))
    expected_promotion_units = usual_units * F.col("promotion_control")
    expected_baseline_units = usual_units * F.col("baseline_control")
    return F.coalesce(
        (expected_promotion_units >= MINIMUM_EXPECTED_PROMOTION_UNITS)
        & (expected_baseline_units >= MINIMUM_EXPECTED_BASELINE_UNITS)
        & (F.col("promotion_days") >= MINIMUM_PROMOTION_DAYS)
        & (F.col("baseline_days") >= MINIMUM_BASELINE_DAYS)
        & (F.col("pre_period_days") >= MINIMUM_PRE_PERIOD_DAYS),
        F.lit(False),
    )


def estimate_log_effect() -> Column:
    """Log of the product's growth from baseline to promotion over the control's, on clean days, before bias correction.

    ln[(Y + f / 2) / (B + f / 2)] - ln(C_P / C_B) + v / 2 (1 / D - 1 / b), with f the department's unit_dispersion, v
    its daily_variance, and D and b the days: the terms in f and v correct the downward bias of the logarithm of a
    random number. Null where a control is zero.
    """
    growth = divide(promotion_units(), _positive(baseline_units()))
    per_day = divide(F.lit(1), F.col("promotion_days")) - divide(F.lit(1), F.col("baseline_days"))
    return F.log(_positive(growth)) - F.log(estimate_control_growth()) + F.col("daily_variance") / 2 * per_day


def estimate_error() -> Column:
    """Standard error of the log effect: the root of f [1 / (Y + f / 2) + 1 / (B + f / 2)] + v (1 / D + 1 / b) + w.

    f, v and w are the department's noise of units, days and windows.
    """
    per_unit = divide(F.lit(1), promotion_units()) + divide(F.lit(1), baseline_units())
    per_day = divide(F.lit(1), F.col("promotion_days")) + divide(F.lit(1), F.col("baseline_days"))
    return F.sqrt(
        F.col("unit_dispersion") * per_unit + F.col("daily_variance") * per_day + F.col("window_variance")
    )


def promotion_units() -> Column:
    """Units on clean promotion days plus half the unit dispersion: the logarithm of few units is then less biased."""
    return F.col("promotion_units") + F.col("unit_dispersion") / 2


def baseline_units() -> Column:
    """The same for the baseline."""
    return F.col("baseline_units") + F.col("unit_dispersion") / 2


def choose_bias() -> Column:
    """The bias for a promotion's length class; 0 where there is none because no placebo had enough data."""
    return F.coalesce(
        reduce(
            lambda otherwise, length: F.when(name_length() == length, F.col(f"bias_of_{length}")).otherwise(
                otherwise
            ),
            LENGTHS,
            F.lit(None).cast("double"),
        ),
        F.lit(0.0),
    )


def estimate_aisle_growth() -> Column:
    """Growth of the aisle's eligible products over the control's, on clean days; null where any of the four is zero."""
    growth = divide(_positive(F.col("promotion_aisle")), _positive(F.col("baseline_aisle")))
    return divide(growth, estimate_control_growth())


def estimate_control_growth() -> Column:
    """The control's units on clean promotion days per unit on clean baseline days; null where either is zero."""
    return divide(_positive(F.col("promotion_control")), _positive(F.col("baseline_control")))


def _positive(value: Column) -> Column:
    return F.when(value > 0, value)
