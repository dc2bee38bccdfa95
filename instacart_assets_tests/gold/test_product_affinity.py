"""Which products are bought together."""

from collections.abc import Mapping, Sequence

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.basket_pairs import count_customers, count_pairs, find_frequent
from instacart_assets.gold.pair_lift import count_by_size, expect_pairs, judge_pairs
from instacart_assets.gold.product_affinity import product_affinity
from instacart_assets.settings import BasketSettings
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.product_affinity"
TEA, HONEY, BREAD, SOAP = 1, 2, 3, 4
EVERY_PAIR = BasketSettings(minimum_support=1e-9, minimum_orders=1)

Baskets = Sequence[Sequence[int]]


def make_lines(spark: SparkSession, baskets: Baskets, users: Mapping[int, int] | None = None) -> DataFrame:
    """Lines of baskets of products; each order has a customer of its own where none is named for it."""
    rows = [
        (order_id, product_id, (users or {}).get(order_id, 1_000 + order_id))
        for order_id, basket in enumerate(baskets, 1)
        for product_id in basket
    ]
    return make_table(spark, "silver.order_items", "order_id product_id user_id", rows)


def make_products(spark: SparkSession) -> DataFrame:
    return make_table(
        spark,
        "silver.products",
        "product_id product_name department",
        [
            (TEA, "Tea", "beverages"),
            (HONEY, "Honey", "pantry"),
            (BREAD, "Bread", "bakery"),
            (SOAP, "Soap", "household"),
        ],
    )


def test_a_pair_has_the_measures_of_the_literature(spark: SparkSession) -> None:
    # Of 8 orders 4 hold tea, 2 hold honey, and both of these hold tea.
    baskets = [[TEA, HONEY], [TEA, HONEY], [TEA], [TEA], [BREAD], [BREAD], [BREAD], [SOAP]]
    result = product_affinity(make_lines(spark, baskets), make_products(spark), EVERY_PAIR)
    assert read_rows(
        result,
        "product_id_a product_id_b product_name_a product_name_b department_a department_b orders_a orders_b "
        "orders_together customers_together support confidence_a_to_b confidence_b_to_a lift",
    ) == [
        # 2 / 8, 2 / 4, 2 / 2, and honey is in half of the orders with tea, and in a quarter of all.
        (TEA, HONEY, "Tea", "Honey", "beverages", "pantry", 4, 2, 2, 2, 0.25, 0.5, 1.0, 2.0)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_a_pair_is_told_of_once_whichever_product_came_first(spark: SparkSession) -> None:
    result = product_affinity(
        make_lines(spark, [[HONEY, TEA], [TEA, SOAP, HONEY]]), make_products(spark), EVERY_PAIR
    )
    assert read_rows(result, "product_id_a product_id_b orders_together") == [
        (TEA, HONEY, 2),
        (TEA, SOAP, 1),
        (HONEY, SOAP, 1),
    ]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("minimum_support", "minimum_orders", "pairs"),
    [
        (1e-9, 1, [(TEA, HONEY), (TEA, BREAD), (HONEY, BREAD)]),
        (0.2, 1, [(TEA, HONEY), (TEA, BREAD)]),  # a fifth of ten orders is two
        (0.201, 1, [(TEA, HONEY)]),
        (1e-9, 3, [(TEA, HONEY)]),  # the floor holds where the share is of few
        (0.301, 1, []),
    ],
)
def test_a_pair_needs_its_share_of_orders_and_as_many_as_the_floor(
    spark: SparkSession, minimum_support: float, minimum_orders: int, pairs: list[tuple[int, int]]
) -> None:
    baskets = [[TEA, HONEY, BREAD], [TEA, HONEY], [TEA, HONEY], [TEA, BREAD], *[[SOAP]] * 6]
    settings = BasketSettings(minimum_support=minimum_support, minimum_orders=minimum_orders)
    result = product_affinity(make_lines(spark, baskets), make_products(spark), settings)
    assert read_rows(result, "product_id_a product_id_b") == pairs


def test_products_in_too_few_orders_are_left_out_before_pairs_are_made(spark: SparkSession) -> None:
    lines = make_lines(spark, [[TEA, HONEY, BREAD], [TEA, HONEY], [TEA, SOAP], [BREAD]])
    frequent = find_frequent(lines, BasketSettings(minimum_support=0.5, minimum_orders=1))
    # Two of four orders are asked for. Soap is in one; of the other three there are three pairs to look at.
    assert (frequent.all_orders, frequent.fewest_orders, frequent.pairs) == (4, 2.0, 3)
    assert read_rows(frequent.products, "product_id orders") == [(TEA, 3), (HONEY, 2), (BREAD, 2)]
    assert read_rows(count_pairs(lines, frequent), "pair orders_together") == [(TEA * 2**32 + HONEY, 2)]


def test_orders_of_one_customer_are_not_so_many_pieces_of_evidence(spark: SparkSession) -> None:
    baskets = [*[[TEA, HONEY]] * 4, *[[TEA, BREAD]] * 4]
    # Tea and honey: three orders by customer 7, one by 8. Tea and bread: one by each of four.
    lines = make_lines(spark, baskets, {1: 7, 2: 7, 3: 7, 4: 8})
    frequent = find_frequent(lines, EVERY_PAIR)
    found = count_customers(lines, count_pairs(lines, frequent))
    columns = "product_id_a product_id_b orders_together customers_together effective_orders_together"
    assert read_rows(found, columns) == [
        (TEA, HONEY, 4, 2, 1.6),  # (3 + 1)^2 / (3^2 + 1^2)
        (TEA, BREAD, 4, 4, 4.0),
    ]


def test_what_is_expected_is_summed_over_sizes_of_baskets(spark: SparkSession) -> None:
    twos = [[TEA, HONEY], [TEA, HONEY], [BREAD, SOAP], [BREAD, SOAP]]
    threes = [[TEA, HONEY, BREAD], [TEA, HONEY, SOAP]]
    lines = make_lines(spark, [*twos, *threes, [TEA], [HONEY]])
    pairs = spark.createDataFrame(
        [(TEA, HONEY), (TEA, BREAD), (BREAD, SOAP)], "product_id_a int, product_id_b int"
    )
    # Of 4 baskets of two lines half hold each product: d = 4 x 1/4 = 1, and each pair is expected in
    # 4 x 1/2 x 1/2 x (1 - 1/2 x 1/2 / 1) = 0.75. Of 2 baskets of three lines tea and honey are in all and bread and soap in
    # half: d = 2 x 1/4 = 1/2, so that tea meets honey in 2 x (1 - 0) = 2, tea meets bread in 2 x 1/2 = 1, and bread soap in
    # 2 x 1/2 x 1/2 x (1 - 1/2 x 1/2 / (1/2)) = 0.25. Baskets of one line hold no pair.
    assert read_rows(
        expect_pairs(pairs, count_by_size(lines)), "product_id_a product_id_b expected_orders_together"
    ) == [(TEA, HONEY, 2.75), (TEA, BREAD, 1.75), (BREAD, SOAP, 1.0)]


def test_sizes_of_baskets_explain_what_all_orders_do_not(spark: SparkSession) -> None:
    # Large baskets hold all four products, small ones bread or soap: the crude lift of tea and honey is 12 / 2, and by baskets
    # of their size it is 1.
    baskets = [*[[TEA, HONEY, BREAD, SOAP]] * 2, *[[BREAD]] * 5, *[[SOAP]] * 5]
    result = product_affinity(make_lines(spark, baskets), make_products(spark), EVERY_PAIR)
    tea_and_honey = result.where(f"product_id_a = {TEA} AND product_id_b = {HONEY}")
    assert read_rows(tea_and_honey, "lift lift_adjusted affinity p_value") == [(6.0, 1.0, "chance", 1.0)]
    assert find_broken_promises(result, ADDRESS) == []


def make_pairs(spark: SparkSession, *pairs: tuple[int, int, float, float]) -> DataFrame:
    """Pairs of (product_id_b, orders together, what they are worth, what is expected)."""
    return spark.createDataFrame(
        [(TEA, *pair) for pair in pairs],
        "product_id_a int, product_id_b int, orders_together bigint, effective_orders_together double, "
        "expected_orders_together double",
    )


def test_the_interval_is_that_of_what_the_orders_are_worth(spark: SparkSession) -> None:
    judged = judge_pairs(make_pairs(spark, (HONEY, 64, 16.0, 32.0)), looked_at=1)
    # Twice as often, by 16 pieces of evidence where 8 are expected.
    # Low: 2 (1 - 1 / 144 - 1.96 / 12)^3 = 2 x 0.8297^3. High: 2 x 17 / 16 (1 - 1 / 153 + 1.96 / (3 x 4.1231))^3.
    # p: 3 x 4 x (1 - 1 / 144 - (1 / 2)^(1 / 3)) = 2.3922, and as far from 0 on both sides 0.0167.
    assert read_rows(
        judged, "lift_adjusted lift_adjusted_ci_low lift_adjusted_ci_high p_value affinity affinity_rank"
    ) == [
        (
            2.0,
            pytest.approx(1.1424, abs=1e-4),
            pytest.approx(3.2481, abs=1e-4),
            pytest.approx(0.0167, abs=1e-4),
            "together",
            1,
        )
    ]


def test_pairs_that_were_looked_at_and_are_no_rows_count_against_those_that_are(spark: SparkSession) -> None:
    pairs = make_pairs(spark, (HONEY, 64, 16.0, 32.0), (BREAD, 64, 64.0, 32.0))
    alone = read_rows(judge_pairs(pairs, looked_at=2), "product_id_b affinity")
    among_many = read_rows(judge_pairs(pairs, looked_at=1_000), "product_id_b p_value_adjusted affinity")
    assert alone == [(HONEY, "together"), (BREAD, "together")]
    # 0.0167 x 1000 / 2 is above 1, and the other stays far below 0.05.
    assert among_many == [
        (HONEY, 1.0, "chance"),
        (BREAD, pytest.approx(9.13e-4, rel=0.01), "together"),  # 3 x 8 x (1 - 1 / 576 - 0.7937) = 4.91
    ]


def test_what_surely_is_there_ranks_before_what_may_be_luck(spark: SparkSession) -> None:
    judged = judge_pairs(
        make_pairs(
            spark,
            (HONEY, 30, 30.0, 3.0),
            (BREAD, 3_000, 2_000.0, 400.0),
            (SOAP, 50, 50.0, 100.0),
            (5, 40, 2.0, 1.0),
        ),
        looked_at=1_000,
    )
    assert read_rows(judged, "product_id_b lift_adjusted affinity affinity_rank") == [
        (HONEY, 10.0, "together", 2),
        (BREAD, 7.5, "together", 1),  # less often, and surer: at least 7.2 times, where honey is at least 6.7
        (SOAP, 0.5, "apart", None),
        (5, 40.0, "chance", None),  # two customers who buy it again and again
    ]


def test_equals_are_ranked_by_orders_together_then_by_product(spark: SparkSession) -> None:
    judged = judge_pairs(
        make_pairs(spark, (SOAP, 400, 100.0, 40.0), (BREAD, 400, 100.0, 40.0), (HONEY, 500, 100.0, 50.0)),
        looked_at=3,
    )
    assert read_rows(judged, "product_id_b affinity_rank") == [(HONEY, 1), (BREAD, 2), (SOAP, 3)]


def test_where_nothing_is_expected_nothing_is_said(spark: SparkSession) -> None:
    judged = judge_pairs(make_pairs(spark, (HONEY, 2, 2.0, 0.0)), looked_at=1)
    columns = "lift_adjusted lift_adjusted_ci_low lift_adjusted_ci_high p_value p_value_adjusted affinity affinity_rank"
    assert read_rows(judged, columns) == [(None,) * 7]


@pytest.mark.parametrize("baskets", [[], [[TEA], [HONEY]]], ids=["no orders", "no basket of two"])
def test_without_pairs_the_table_is_empty(spark: SparkSession, baskets: Baskets) -> None:
    result = product_affinity(make_lines(spark, baskets), make_products(spark), EVERY_PAIR)
    assert read_rows(result, "product_id_a") == []
    assert find_broken_promises(result, ADDRESS) == []
