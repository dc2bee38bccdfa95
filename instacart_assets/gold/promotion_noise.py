"""How much sales vary between windows of days while nothing is promoted, learnt from the sales themselves.

Contains what calibrates the intervals of ``promotion_performance``. The windows of real promotions are applied to
products that were not promoted in them (``promotion_placebos.py``); any effect that is estimated there is noise.

Of the N = Y + B units of a placebo, in its window and in the 28 days before, the share pi = C_P / (C_P + C_B) is
expected in the window, the same share as of its control's units. With h = N pi (1 - pi) and D days in the window

    E[(Y - N pi)^2 / h]  =  unit_dispersion  +  daily_variance x h (1 / D + 1 / 28)  +  window_variance x h

the noise of single units, of days and of whole windows. The three are fitted by weighted least squares, none below
zero, for each department, whose own placebos are pooled with a weighted share of all departments'. What is left is
bias: the mean log effect of placebos with enough data, by the length of the window.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from instacart_assets.gold.measures import divide
from instacart_assets.gold.promotion_effect import LENGTHS, estimate_log_effect, has_enough_data, name_length
from instacart_assets.gold.promotion_placebos import sum_placebos
from instacart_assets.tables.declare import table

PLACEBOS_OF_ALL = 300
"""Weight, in placebos, of all departments' placebos in the estimate of one department, besides its own."""

PLACEBOS_OF_ALL_LENGTHS = 100
"""Weight, in placebos, of all lengths' placebos in the estimate of one length, besides its own."""

FEWEST_PLACEBOS = 200
"""With fewer placebos in all, noise is not estimated."""

_SMALLEST_SPREAD = 0.5  # units of spread below which a placebo carries no information
_ROUNDS = 8
_DIGITS = 9  # engines sum in different orders: further digits mean nothing


@dataclass(frozen=True)
class Noise:
    """The estimated noise of a department.

    Attributes:
        placebos: number of its own placebos.
        unit_dispersion: variance of single units, relative to that of independent ones.
        daily_variance: variance of the log rate from day to day.
        window_variance: variance of the log rate from window to window.
    """

    placebos: int
    unit_dispersion: float
    daily_variance: float
    window_variance: float


@table("gold.promotion_noise")
def promotion_noise(
    silver_promotions: DataFrame,
    silver_products: DataFrame,
    silver_departments: DataFrame,
    gold_daily_product_sales: DataFrame,
) -> DataFrame:
    """One row per department; nulls where there are too few placebos."""
    session = silver_departments.sparkSession
    # Used twice, computed once: windows and products are sampled, so the number of rows does not grow with sales.
    found = sum_placebos(silver_promotions, silver_products, gold_daily_product_sales)
    placebos = session.createDataFrame(found.toArrow(), found.schema)
    bins = [Bin(*row) for row in gather_bins(placebos).collect()]
    departments = sorted(row["department_id"] for row in silver_departments.select("department_id").collect())
    noise = fit_noise(bins, departments)
    fitted = session.createDataFrame(
        [
            (department, of.placebos, of.unit_dispersion, of.daily_variance, of.window_variance)
            for department, of in noise.items()
        ],
        "department_id int, placebos bigint, unit_dispersion double, daily_variance double, window_variance double",
    )
    effects = average_effects(placebos.join(F.broadcast(fitted), "department_id"))
    biases = fit_biases({row["length"]: (row["placebos"], row["mean"]) for row in effects.collect()})
    return silver_departments.join(fitted, "department_id", "left").select(
        "department_id",
        "department",
        F.coalesce("placebos", F.lit(0)).cast("bigint").alias("placebos"),
        "unit_dispersion",
        "daily_variance",
        "window_variance",
        *(F.lit(biases.get(length)).cast("double").alias(f"bias_of_{length}") for length in LENGTHS),
    )


@dataclass(frozen=True)
class Bin:
    """Placebos of a department with similar length and spread: their number and means.

    Attributes:
        department_id: the department.
        placebos: number of placebos.
        surprise: mean of (Y - N pi)^2 / h.
        spread: mean of h.
        daily_spread: mean of h (1 / D + 1 / 28).
    """

    department_id: int
    placebos: float
    surprise: float
    spread: float
    daily_spread: float


def gather_bins(placebos: DataFrame) -> DataFrame:
    """One row per department, length and power of two of h, in the columns of ``Bin``: some hundreds at any scale."""
    units = F.col("promotion_units") + F.col("baseline_units")
    control = F.col("promotion_control") + F.col("baseline_control")
    expected = units * divide(F.col("promotion_control"), control)
    spread = expected * divide(F.col("baseline_control"), control)
    surprise = divide((F.col("promotion_units") - expected) ** 2, F.col("spread"))
    per_day = divide(F.lit(1), F.col("promotion_days")) + divide(F.lit(1), F.col("baseline_days"))
    return (
        placebos.withColumn("spread", spread)
        .where(F.col("spread") > _SMALLEST_SPREAD)
        .withColumn("surprise", surprise)
        .groupBy("department_id", name_length().alias("length"), F.floor(F.log2("spread")).alias("power"))
        .agg(
            F.count("*").alias("placebos"),
            F.avg("surprise").alias("surprise"),
            F.avg("spread").alias("spread"),
            F.avg(F.col("spread") * per_day).alias("daily_spread"),
        )
        .select("department_id", "placebos", "surprise", "spread", "daily_spread")
    )


def fit_noise(bins: Sequence[Bin], departments: Iterable[int]) -> dict[int, Noise]:
    """The noise of each department; empty if there are too few placebos in all."""
    total = sum(of.placebos for of in bins)
    if total < FEWEST_PLACEBOS:
        return {}
    found = {}
    for department in departments:
        own = [of for of in bins if of.department_id == department]
        weights = [of.placebos for of in own] + [of.placebos * PLACEBOS_OF_ALL / total for of in bins]
        variances = fit_variances([*own, *bins], weights)
        found[department] = Noise(sum(int(of.placebos) for of in own), *variances)
    return found


def fit_variances(bins: Sequence[Bin], weights: Sequence[float]) -> tuple[float, float, float]:
    """Dispersion of units, variance of days and of windows, by least squares, none below zero.

    The variance of a squared surprise grows with the square of its expectation, so bins are reweighted by its inverse
    in each round.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - importing it takes longer than loading the definitions

    terms = np.array([(1.0, of.daily_spread, of.spread) for of in bins])
    surprises = np.array([of.surprise for of in bins])
    expected: npt.NDArray[np.float64] = np.ones(len(bins))
    solution = np.ones(3)
    for _ in range(_ROUNDS):
        scale = np.sqrt(np.asarray(weights)) / expected
        solution, _ = nnls(terms * scale[:, None], surprises * scale)
        expected = np.maximum(terms @ solution, _SMALLEST_SPREAD)
    units, days, windows = (round(float(value), _DIGITS) for value in solution)
    return units, days, windows


def average_effects(placebos: DataFrame) -> DataFrame:
    """Mean log effect and number of placebos with enough data, by length."""
    return (
        placebos.where(has_enough_data())
        .withColumn("effect", estimate_log_effect())
        .where(F.col("effect").isNotNull())
        .groupBy(name_length().alias("length"))
        .agg(F.count("*").alias("placebos"), F.avg("effect").alias("mean"))
    )


def fit_biases(effects: Mapping[str, tuple[int, float]]) -> dict[str, float]:
    """The bias of each length, from its placebos and their mean effect; empty if no placebo has enough data."""
    count = sum(placebos for placebos, _ in effects.values())
    if not count:
        return {}
    overall = sum(placebos * mean for placebos, mean in effects.values()) / count
    return {
        length: round(
            (placebos * mean + PLACEBOS_OF_ALL_LENGTHS * overall) / (placebos + PLACEBOS_OF_ALL_LENGTHS),
            _DIGITS,
        )
        for length in LENGTHS
        for placebos, mean in [effects.get(length, (0, 0.0))]
    }
