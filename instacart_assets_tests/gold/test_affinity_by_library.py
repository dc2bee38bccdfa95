"""Pairs of whole shops are those that a library of frequent itemsets finds, with the same measures."""

from collections import defaultdict
from pathlib import Path

import pytest
from efficient_apriori import generate_rules_apriori, itemsets_from_transactions
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.product_affinity import product_affinity
from instacart_assets.settings import BasketSettings
from instacart_assets_tests.calibration.world_customers import make_world_customers
from instacart_assets_tests.frames import read_rows

pytestmark = pytest.mark.slow

Measures = dict[tuple[int, int], tuple[float, ...]]


def find_pairs(lines: DataFrame, minimum_support: float) -> Measures:
    """Orders together, support, both confidences and lift of each pair."""
    products = lines.select(
        "product_id", F.lit("a name").alias("product_name"), F.lit("a department").alias("department")
    ).distinct()
    settings = BasketSettings(minimum_support=minimum_support, minimum_orders=1)
    rows = read_rows(
        product_affinity(lines, products, settings),
        "product_id_a product_id_b orders_together support confidence_a_to_b confidence_b_to_a lift",
    )
    return {(a, b): tuple(measures) for a, b, *measures in rows}


def find_pairs_by_library(lines: DataFrame, minimum_support: float) -> Measures:
    baskets: dict[int, list[int]] = defaultdict(list)
    for order_id, product_id in lines.select("order_id", "product_id").collect():
        baskets[order_id].append(product_id)
    transactions = [tuple(basket) for basket in baskets.values()]
    itemsets, count = itemsets_from_transactions(transactions, minimum_support, max_length=2)
    rules = {
        (rule.lhs[0], rule.rhs[0]): rule
        for rule in generate_rules_apriori(itemsets, min_confidence=0.0, num_transactions=count)
    }
    return {
        (a, b): (
            itemsets[2][a, b],
            rules[a, b].support,
            rules[a, b].confidence,
            rules[b, a].confidence,
            rules[a, b].lift,
        )
        for a, b in itemsets.get(2, {})
    }


def check_same(found: Measures, by_library: Measures) -> None:
    assert found.keys() == by_library.keys()
    for pair, measures in found.items():
        assert measures == pytest.approx(by_library[pair], rel=1e-9), pair


def test_pairs_of_a_generated_shop_are_those_of_the_library(spark: SparkSession, tmp_path: Path) -> None:
    lines = make_world_customers(spark, "plain", 300, 41, tmp_path).order_items
    found = find_pairs(lines, 0.0051)
    assert len(found) > 100
    check_same(found, find_pairs_by_library(lines, 0.0051))


def test_pairs_of_the_real_sample_are_those_of_the_library(spark: SparkSession, sample: Path) -> None:
    def read(name: str) -> DataFrame:
        return spark.read.csv(str(sample / f"{name}.csv"), header=True)

    lines = (
        read("order_products__prior")
        .unionByName(read("order_products__train"))
        .join(read("orders"), "order_id")
        .select(*(F.col(name).cast("int").alias(name) for name in ("order_id", "product_id", "user_id")))
    )
    found = find_pairs(lines, 0.0041)
    assert len(found) > 100
    check_same(found, find_pairs_by_library(lines, 0.0041))
