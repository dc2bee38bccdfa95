"""The adjusted lift on worlds whose truth is known: where nothing belongs together nothing is found, and what does is.

Customers of a generated world have usual baskets and favourites. Here their tastes are taken from them, so that no two
products have anything to do with each other; then a few are made to. The seeds were fixed before anything was looked at.
"""

from collections.abc import Sequence

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy import stats

from instacart_assets.gold.product_affinity import product_affinity
from instacart_assets.settings import BasketSettings
from instacart_assets.synthetic import shopping
from instacart_assets_tests.calibration.world_customers import make_world_customers
from instacart_assets_tests.faults.proof import scale, write_report

pytestmark = pytest.mark.slow

USERS = scale(2_000, 20_000)
MINIMUM_ORDERS = scale(20, 100)
BASKETS = BasketSettings(minimum_support=1e-9, minimum_orders=MINIMUM_ORDERS)

PLANTED = (0.5, 0.3, 0.2)
"""Shares of the customers who put the second product of a pair into every basket with the first: the first pair's first."""


@pytest.fixture(scope="module")
def lines(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """What was bought in a world without tastes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shopping, "_TASTE_SPREAD", 0.0)
        return make_world_customers(spark, "plain", USERS, 51, tmp_path_factory.mktemp("world")).order_items


def judge(lines: DataFrame) -> pd.DataFrame:
    products = lines.select(
        "product_id", F.lit("a name").alias("product_name"), F.lit("a department").alias("department")
    ).distinct()
    return product_affinity(lines, products, BASKETS).toPandas()


@pytest.fixture(scope="module")
def unrelated(lines: DataFrame) -> pd.DataFrame:
    """Pairs that were expected often enough to be rows, whatever chance did: others are rows because they were lucky."""
    pairs = judge(lines)
    return pairs[pairs["expected_orders_together"] >= 2 * MINIMUM_ORDERS]


def test_where_no_two_products_belong_together_the_interval_holds_one(unrelated: pd.DataFrame) -> None:
    low, high = unrelated["lift_adjusted_ci_low"], unrelated["lift_adjusted_ci_high"]
    covered = float(((low <= 1) & (high >= 1)).mean())
    beyond = (unrelated["orders_together"] - unrelated["expected_orders_together"]) / unrelated[
        "expected_orders_together"
    ] ** 0.5
    as_if_independent = float((2 * stats.norm.sf(beyond.abs()) >= 0.05).mean())
    best = unrelated.nlargest(len(unrelated) // 10, "expected_orders_together")
    found = {
        "customers": USERS,
        "pairs": len(unrelated),
        "coverage": covered,
        "coverage_if_orders_were_independent": as_if_independent,
        "median_lift": float(unrelated["lift"].median()),
        "median_lift_adjusted": float(unrelated["lift_adjusted"].median()),
        "median_lift_of_best": float(best["lift"].median()),
        "median_lift_adjusted_of_best": float(best["lift_adjusted"].median()),
        "found": int((unrelated["affinity"] != "chance").sum()),
    }
    write_report("affinity.json", {"unrelated": found})
    assert len(unrelated) > 200
    assert covered >= 0.95
    # Customers buy the same again: orders taken for independent evidence would find what is not there.
    assert as_if_independent < 0.9
    assert found["found"] <= 0.001 * len(unrelated)


def test_sizes_of_baskets_lift_all_pairs_and_not_the_adjusted_lift(unrelated: pd.DataFrame) -> None:
    assert unrelated["lift"].median() > 1.2
    assert unrelated["lift_adjusted"].median() == pytest.approx(1, abs=0.05)


def plant(lines: DataFrame, pairs: Sequence[tuple[int, int]]) -> DataFrame:
    """The lines, where some customers put the second product of a pair into every basket that holds the first."""
    for (first, second), share in zip(pairs, PLANTED, strict=True):
        of_second = F.max((F.col("product_id") == second).cast("int"))
        asked = (
            lines.where(F.col("product_id").isin(first, second))
            .groupBy("order_id", "user_id")
            .agg(F.max((F.col("product_id") == first).cast("int")).alias("holds"), of_second.alias("has"))
            .where(f"holds = 1 AND has = 0 AND user_id % 100 < {100 * share}")
        )
        added = asked.select("order_id", F.lit(second).cast("int").alias("product_id"), "user_id")
        lines = lines.select("order_id", "product_id", "user_id").unionByName(added)
    return lines


def test_what_was_made_to_belong_together_is_found_and_ranks_first(lines: DataFrame) -> None:
    best = (
        lines.groupBy("product_id").agg(F.count("*").alias("orders")).orderBy(F.desc("orders"), "product_id")
    )
    ranked = [row["product_id"] for row in best.limit(26).collect()]
    chosen = [(min(pair), max(pair)) for pair in zip(ranked[20:23], ranked[23:26], strict=True)]
    pairs = judge(plant(lines, chosen))
    together = pairs[pairs["affinity"] == "together"].sort_values("affinity_rank")
    first = list(zip(together["product_id_a"], together["product_id_b"], strict=True))
    write_report("affinity.json", {"planted": {"pairs": len(chosen), "found": len(set(first) & set(chosen))}})
    assert first[: len(chosen)] == chosen
