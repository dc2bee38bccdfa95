"""Estimated effects of promotions beside the true ones, and how well they agree, many together.

Contains the judging; what is demanded of it stands in ``test_promotions.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.promotion_noise import promotion_noise
from instacart_assets.gold.promotion_performance import promotion_performance
from instacart_assets.synthetic.worlds import WORLDS
from instacart_assets_tests.calibration.world_sales import WorldSales, make_world_sales
from instacart_assets_tests.frames import make_table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """A promotion that had enough data, as it was judged and as it was.

    Attributes:
        world: name of the world and its seed: effects of one world share noise.
        true_lift: the factor that was injected.
        lift: the estimate.
        low: lower end of its 95 % interval.
        high: upper end.
        p_value: its p-value.
    """

    world: str
    true_lift: float
    lift: float
    low: float
    high: float
    p_value: float


def measure_effects(spark: SparkSession, world: str, users: int, seed: int, folder: Path) -> list[Effect]:
    """Judge the promotions of a world; those without enough data are left out, as the table leaves them."""
    sales = make_world_sales(spark, world, users, seed, folder)
    judged = judge_promotions(spark, sales).where("is_enough_data").collect()
    truth = {(line.promotion_id, line.product + 1): line.lift for line in sales.ledger}
    return [
        Effect(
            f"{world} {seed}",
            truth[row["promotion_id"], row["product_id"]],
            row["lift"],
            row["lift_ci_low"],
            row["lift_ci_high"],
            row["p_value"],
        )
        for row in judged
    ]


def judge_promotions(spark: SparkSession, sales: WorldSales) -> DataFrame:
    """Rows of gold.promotion_performance; nothing is known of buyers."""
    noise = promotion_noise(sales.promotions, sales.products, sales.departments, sales.daily_sales)
    held = spark.createDataFrame(noise.collect(), noise.schema)
    purchases = make_table(spark, "silver.order_items")
    return promotion_performance(sales.promotions, sales.products, purchases, sales.daily_sales, held)


@dataclass(frozen=True)
class Calibration:
    """How estimates of many effects agree with the truth.

    Attributes:
        effects: how many.
        coverage: share of intervals that hold the true lift.
        mean_log_error: mean of ln(lift / true lift).
        error_of_mean: standard error of that mean, worlds taken as the units that differ independently.
        placebos: promotions without any effect.
        false_alarms: share of these with a p-value below 0.05; 0 where there are none.
    """

    effects: int
    coverage: float
    mean_log_error: float
    error_of_mean: float
    placebos: int
    false_alarms: float


def calibrate(effects: Sequence[Effect]) -> Calibration:
    """Judge many effects together."""
    errors = np.array([np.log(effect.lift / effect.true_lift) for effect in effects])
    placebos = [effect.p_value for effect in effects if effect.true_lift == 1]
    return Calibration(
        effects=len(effects),
        coverage=float(np.mean([effect.low <= effect.true_lift <= effect.high for effect in effects])),
        mean_log_error=float(errors.mean()),
        error_of_mean=find_error_of_mean(errors, [effect.world for effect in effects]),
        placebos=len(placebos),
        false_alarms=sum(p_value < 0.05 for p_value in placebos) / max(len(placebos), 1),
    )


def find_error_of_mean(values: Floats, clusters: Sequence[str]) -> float:
    """Standard error of a mean whose values are independent between clusters alone (the cluster-robust one)."""
    deviations = values - values.mean()
    _, members = np.unique(clusters, return_inverse=True)
    sums = np.bincount(members, weights=deviations)
    return float(np.sqrt((sums**2).sum()) / len(values))


def describe(effects: Sequence[Effect]) -> dict[str, Any]:
    """What a report says: all together, by kind of world and by size of the true lift."""
    kinds = sorted({effect.world.partition(" ")[0] for effect in effects})
    return {
        "all": asdict(calibrate(effects)),
        "worlds": len({effect.world for effect in effects}),
        "by_kind": {
            kind: asdict(calibrate([effect for effect in effects if effect.world.startswith(f"{kind} ")]))
            for kind in kinds
        },
        "by_lift": {name: asdict(calibrate(found)) for name, found in _part_by_lift(effects).items()},
        "placebo_p_values": sorted(effect.p_value for effect in effects if effect.true_lift == 1),
    }


def _part_by_lift(effects: Iterable[Effect]) -> dict[str, list[Effect]]:
    parts: dict[str, list[Effect]] = {}
    for effect in sorted(effects, key=lambda effect: effect.true_lift):
        name = next(name for name, most in LIFTS.items() if effect.true_lift <= most)
        parts.setdefault(name, []).append(effect)
    return parts


LIFTS = {"below 1": 0.999, "1 (placebo)": 1.0, "to 1.25": 1.25, "to 1.5": 1.5, "above 1.5": np.inf}


def name_parts(described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The parts of ``describe`` by a name for people, in an order for people."""
    worlds = {f"world {kind}": described["by_kind"][kind] for kind in WORLDS if kind in described["by_kind"]}
    lifts = {f"lift {name}": described["by_lift"][name] for name in LIFTS if name in described["by_lift"]}
    return worlds | lifts


def count_rows(rows: DataFrame) -> list[tuple[Any, ...]]:
    """Day, product and units, sorted."""
    return sorted(
        tuple(row) for row in rows.select(F.col("order_date").cast("string"), "product_id", "units").collect()
    )
