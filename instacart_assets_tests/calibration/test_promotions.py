"""Intervals hold the truth as often as they say, and promotions without effect are found out as seldom as they should."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy import stats

from instacart_assets.lakehouse.folder_lake import FolderLake
from instacart_assets.runs import run_graph
from instacart_assets.settings import Settings
from instacart_assets.synthetic.generate import generate
from instacart_assets_tests.calibration.effects import (
    Effect,
    calibrate,
    count_rows,
    describe,
    find_error_of_mean,
    judge_promotions,
    measure_effects,
)
from instacart_assets_tests.calibration.world_sales import WorldSales, make_world_sales
from instacart_assets_tests.faults.proof import IS_PROOF, scale, write_report
from instacart_assets_tests.frames import make_table

pytestmark = pytest.mark.slow

USERS = 20_000
FIRST_SEED = 7_000
"""Seeds were fixed before any of these worlds was looked at; those that the method was tried on are others."""

WORLDS = [
    (world, FIRST_SEED + at)
    for at in range(scale(1, 12))
    for world in (["plain", "usual", "harsh"] if IS_PROOF else ["usual"])
]


@pytest.fixture(scope="module")
def effects(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> list[Effect]:
    folder = tmp_path_factory.mktemp("worlds")
    return [effect for world, seed in WORLDS for effect in measure_effects(spark, world, USERS, seed, folder)]


def test_sales_of_a_world_are_those_of_the_graph(spark: SparkSession, tmp_path: Path) -> None:
    files = generate(600, 3, tmp_path / "landing", world="harsh")
    settings = Settings(landing=files.landing, lake=tmp_path / "lake")
    assert run_graph(settings, "+gold.daily_product_sales").is_success
    made = FolderLake(tmp_path / "lake", lambda: spark).read("gold.daily_product_sales")
    assert count_rows(made) == count_rows(make_world_sales(spark, "harsh", 600, 3, tmp_path).daily_sales)


def test_lifts_are_calibrated(effects: list[Effect]) -> None:
    found = calibrate(effects)
    write_report("calibration.json", {"promotions": describe(effects)})
    if not IS_PROOF:  # few effects: chance alone reaches further
        assert stats.binomtest(round(found.coverage * found.effects), found.effects, 0.95).pvalue > 1e-4
        assert stats.binomtest(round(found.false_alarms * found.placebos), found.placebos, 0.05).pvalue > 1e-4
        assert abs(found.mean_log_error) < 0.05
        assert found.effects > 100
        return
    assert found.effects >= 2_000
    assert found.placebos >= 1_000
    assert 0.93 <= found.coverage <= 0.97
    assert 0.03 <= found.false_alarms <= 0.07
    assert abs(found.mean_log_error) < max(2 * found.error_of_mean, 0.01)


def test_true_effects_are_found(effects: list[Effect]) -> None:
    large = [effect for effect in effects if effect.true_lift > 1.5]
    assert np.mean([effect.p_value < 0.05 and effect.lift > 1 for effect in large]) > 0.7


def test_an_error_of_a_mean_knows_that_worlds_share_their_noise() -> None:
    # Two worlds of two effects that are off by the same: two values tell, not four.
    # Deviations 1, 1, -1, -1 sum to 2 and -2: sqrt(4 + 4) / 4.
    assert find_error_of_mean(np.array([3.0, 3.0, 1.0, 1.0]), ["a", "a", "b", "b"]) == np.sqrt(8) / 4


def test_invented_promotions_of_the_real_sample_are_significant_by_chance_alone(
    spark: SparkSession, sample: Path, tmp_path: Path
) -> None:
    lake = FolderLake(tmp_path / "lake", lambda: spark)
    assert run_graph(Settings(landing=sample, lake=tmp_path / "lake"), "+gold.daily_product_sales").is_success
    sold = lake.read("gold.daily_product_sales")
    best = (
        sold.groupBy("product_id").agg(F.sum("units").alias("units")).orderBy(F.desc("units"), "product_id")
    )
    products = [row["product_id"] for row in best.limit(40).collect()]
    p_values = [
        row["p_value"]
        for ledger in range(scale(3, 6))
        for row in judge_promotions(
            spark,
            WorldSales(
                promotions=invent_promotions(spark, products, FIRST_SEED + ledger),
                products=lake.read("silver.products"),
                departments=lake.read("silver.departments"),
                daily_sales=sold,
            ),
        )
        .where("p_value IS NOT NULL")
        .collect()
    ]
    alarms = sum(p_value < 0.05 for p_value in p_values)
    write_report("calibration.json", {"sample": {"promotions": len(p_values), "significant": alarms}})
    assert len(p_values) >= 150
    assert stats.binomtest(alarms, len(p_values), 0.05).pvalue > 0.001


def invent_promotions(spark: SparkSession, products: list[int], seed: int) -> DataFrame:
    """Promotions that never were: each product in a turn of its own, every fifteen weeks, for two or three weeks."""
    stream = np.random.default_rng(seed)
    rows: list[tuple[int, int, str, str]] = []
    for product in products:
        start = date(2015, 7, 1) + timedelta(days=int(stream.integers(0, 105)))
        while start < date(2016, 11, 20):
            end = start + timedelta(days=int(stream.choice([13, 20])))
            rows.append((len(rows) + 1, product, start.isoformat(), end.isoformat()))
            start += timedelta(days=105)
    return make_table(spark, "silver.promotions", "promotion_id product_id start_date end_date", rows)
