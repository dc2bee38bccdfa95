"""What starting with a product says of staying, worked out by hand and held against SciPy."""

from math import log, sqrt
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy import stats

from instacart_assets.gold.retention_lift import (
    count_starters,
    estimate_lifts,
    judge_lifts,
    measure_retention,
    sum_strata,
)
from instacart_assets_tests.frames import make_table, read_rows

STRATUM = "product_id int, first_basket_units bigint, starters bigint, retained_starters bigint, customers bigint, retained_customers bigint"
Stratum = tuple[int, int, int, int, int, int]

SMALL: Stratum = (1, 1, 20, 12, 100, 40)
LARGE: Stratum = (1, 2, 30, 27, 50, 40)


def judge(spark: SparkSession, *strata: Stratum) -> DataFrame:
    """What is said of products by these strata."""
    return judge_lifts(
        estimate_lifts(sum_strata(spark.createDataFrame(strata, STRATUM)), make_orders(spark, 4, 2))
    )


def make_orders(spark: SparkSession, customers: int, retained: int) -> DataFrame:
    """The last orders of so many customers."""
    rows = [(user, user, 10 if user <= retained else 9) for user in range(1, customers + 1)]
    return make_table(spark, "silver.orders", "order_id user_id order_number", rows)


def test_customers_are_counted_by_the_size_of_their_first_basket(spark: SparkSession) -> None:
    lines = make_table(
        spark,
        "silver.order_items",
        "order_id product_id user_id order_number",
        [
            (1, 11, 7, 1),
            (1, 12, 7, 1),
            (2, 11, 8, 1),
            (2, 13, 8, 1),
            (3, 11, 9, 1),
            (4, 12, 9, 2),  # no first order
            (5, 11, 10, 2),  # the first order of customer 10 was never published
        ],
    )
    orders = make_table(
        spark,
        "silver.orders",
        "order_id user_id order_number",
        [(1, 7, 1), (6, 7, 10), (2, 8, 9), (3, 9, 12), (5, 10, 30)],
    )
    columns = "product_id first_basket_units starters retained_starters customers retained_customers"
    assert read_rows(count_starters(lines, orders), columns) == [
        (11, 1, 1, 1, 1, 1),
        (11, 2, 2, 1, 2, 1),
        (12, 2, 1, 1, 2, 1),
        (13, 2, 1, 0, 2, 1),
    ]


def test_the_adjusted_lift_can_be_worked_out(spark: SparkSession) -> None:
    # Small baskets: of 100 customers 40 stay; 20 start with it, 12 of them stay, and 28 of the 80 others.
    #   weight 20 x 80 / 100 = 16, observed 12 x 80 / 100 = 9.6, expected 28 x 20 / 100 = 5.6
    #   variance 20 x 80 x 40 x 60 / (100 x 100 x 99) = 3.878788
    # Large ones: of 50 customers 40 stay; 30 start with it, 27 of them stay, and 13 of the 20 others.
    #   weight 12, observed 10.8, expected 7.8, variance 30 x 20 x 40 x 10 / (50 x 50 x 49) = 1.959184
    # Together: lift 20.4 / 13.4; score 7 / sqrt(5.837972) = 2.897124
    # Of 20.4 / 28 = 0.728571 by 13.4 x 14.6 / 5.837972 = 33.5116 customers, Wilson's interval is 0.560531 to 0.849599;
    # divided by 13.4 / 28 = 0.478571 it is that of the lift.
    row = judge(spark, SMALL, LARGE).collect()[0]
    assert row["retention_lift_adjusted"] == pytest.approx(20.4 / 13.4)
    assert row["retention_lift_adjusted_ci_low"] == pytest.approx(0.560531 / 0.478571, rel=1e-5)
    assert row["retention_lift_adjusted_ci_high"] == pytest.approx(0.849599 / 0.478571, rel=1e-5)
    assert row["retention_p_value"] == pytest.approx(2 * stats.norm.sf(2.897124), rel=1e-5)
    assert (row["first_order_buyers"], row["retained_buyers"]) == (50, 39)


def find_score(*strata: Stratum) -> float:
    """The score of Cochran, Mantel and Haenszel: retained starters against the hypergeometric distribution."""
    by_chance = [stats.hypergeom(customers, retained, n) for _, _, n, _, customers, retained in strata]
    excess = sum(stratum[3] - chance.mean() for stratum, chance in zip(strata, by_chance, strict=True))
    return float(excess / sqrt(sum(chance.var() for chance in by_chance)))


@pytest.mark.parametrize(
    "strata",
    [
        (SMALL, LARGE),
        ((1, 1, 60, 20, 200, 100), (1, 5, 45, 40, 300, 240), (1, 9, 8, 8, 16, 12)),
        ((1, 1, 300, 150, 900, 480),),
    ],
)
def test_the_p_value_is_that_of_cochran_mantel_and_haenszel_and_the_interval_agrees_with_it(
    spark: SparkSession, strata: tuple[Stratum, ...]
) -> None:
    row = judge(spark, *strata).collect()[0]
    assert row["retention_p_value"] == pytest.approx(2 * stats.norm.sf(abs(find_score(*strata))), rel=1e-6)
    is_outside = not row["retention_lift_adjusted_ci_low"] <= 1 <= row["retention_lift_adjusted_ci_high"]
    assert is_outside == (row["retention_p_value"] < 0.05)


def test_beside_many_others_the_interval_is_wilsons(spark: SparkSession) -> None:
    row = judge(spark, (1, 1, 50, 31, 50_000_000, 28_000_000)).collect()[0]
    interval = stats.binomtest(31, 50).proportion_ci(0.95, method="wilson")
    assert row["retention_lift_adjusted_ci_low"] == pytest.approx(interval.low / 0.56, rel=1e-5)
    assert row["retention_lift_adjusted_ci_high"] == pytest.approx(interval.high / 0.56, rel=1e-5)


def test_luck_is_told_as_luck_where_nearly_all_are_retained(spark: SparkSession) -> None:
    """35 of 40 where 56 % are expected: once in 27,000 times, says the binomial distribution."""
    starters, retained, customers, rate = 40, 35, 4_000_000, 0.56
    row = judge(spark, (1, 1, starters, retained, customers, int(customers * rate))).collect()[0]
    exact = stats.binomtest(retained, starters, rate).pvalue
    assert exact / 4 < row["retention_p_value"] < 4 * exact
    # Greenland and Robins (1985), of one stratum: sum(n m M / N^2 - a b / N) / (R S).
    others = customers - starters
    retained_others = customers * rate - retained
    variance = (
        starters * others * customers * rate / customers**2 - retained * retained_others / customers
    ) / ((retained * others / customers) * (retained_others * starters / customers))
    claimed = 2 * stats.norm.sf(log(row["retention_lift_adjusted"]) / sqrt(variance))
    assert claimed < exact / 10_000


def test_where_many_start_with_it_the_error_is_that_of_greenland_and_robins(spark: SparkSession) -> None:
    strata = ((1, 3, 4_000, 2_100, 40_000, 20_000), (1, 8, 6_000, 3_700, 30_000, 18_000))
    row = judge(spark, *strata).collect()[0]
    top = bottom = other = 0.0
    for _, _, n, a, everyone, all_retained in strata:
        m, b = everyone - n, all_retained - a
        top += (n * m * all_retained - a * b * everyone) / everyone**2
        bottom, other = bottom + a * m / everyone, other + b * n / everyone
    error = sqrt(top / (bottom * other))
    width = log(row["retention_lift_adjusted_ci_high"] / row["retention_lift_adjusted_ci_low"])
    assert width == pytest.approx(2 * stats.norm.ppf(0.975) * error, rel=0.06)


def test_a_product_of_large_baskets_is_not_credited_with_their_loyalty(spark: SparkSession) -> None:
    # Of baskets of one product a quarter of the customers stay, of those of two three quarters: with the bread or
    # without. Eight of the ten who start with bread have two.
    rows, orders = [], []
    for size, starters, others in ((1, 4, 12), (2, 16, 8)):
        for number in range(starters + others):
            user = 100 * size + number
            held = ([1] if number < starters else [2]) + [3] * (size - 1)
            rows += [(user, product, user, 1) for product in held]
            orders.append((user, user, 10 if number % 4 < 2 * size - 1 else 4))
    found = measure_retention(
        make_table(spark, "silver.order_items", "order_id product_id user_id order_number", rows),
        make_table(spark, "silver.orders", "order_id user_id order_number", orders),
    )
    columns = "product_id first_order_buyers retained_buyers retention_lift retention_lift_adjusted"
    assert read_rows(found, columns)[:1] == [
        (1, 20, 13, pytest.approx(0.65 / 0.55), 1.0)  # 13 of 20, of all 22 of 40
    ]


def test_the_crude_interval_is_that_of_the_share_among_all_customers(spark: SparkSession) -> None:
    # 60 of 100 starters stay and 400 of the 900 others: against the others a lift of 1.35, against all of 0.6 / 0.46.
    strata = spark.createDataFrame([(1, 1, 100, 60, 1_000, 460)], STRATUM)
    row = estimate_lifts(sum_strata(strata), make_orders(spark, 1_000, 460)).collect()[0]
    assert row["lift"] == pytest.approx(1.35)
    assert row["all_lift"] == pytest.approx(0.6 / 0.46)
    for end, of_all in (("lift_low", "all_lift_low"), ("lift_high", "all_lift_high")):
        # Starters retained at L times the others' rate, and all of them together.
        others, starters = 400 / 900, row[end] * 400 / 900
        assert row[of_all] == pytest.approx(starters / ((100 * starters + 900 * others) / 1_000))
    assert row["all_lift_low"] < row["all_lift"] < row["all_lift_high"]


@pytest.mark.parametrize(
    ("stratum", "is_judged"),
    [
        ((1, 1, 40, 20, 1_000_000, 500_000), True),
        ((1, 1, 39, 39, 1_000_000, 500_000), False),  # too few starters
        ((1, 1, 40, 20, 1_000_000, 240_000), False),  # 9.6 retained are expected
        ((1, 1, 40, 20, 1_000_000, 260_000), True),
        ((1, 1, 40, 40, 1_000_000, 760_000), False),  # 9.6 others are expected
        ((1, 1, 40, 40, 1_000_000, 740_000), True),
        ((1, 1, 1_000, 500, 1_010, 505), False),  # hardly anybody is without it
        ((1, 1, 1_000, 500, 1_000, 500), False),  # nobody is
    ],
)
def test_products_are_judged_where_enough_customers_tell(
    spark: SparkSession, stratum: Stratum, is_judged: bool
) -> None:
    row = judge(spark, stratum).collect()[0]
    assert row["is_enough_first_orders"] == is_judged
    verdicts = ("retention_p_value", "retention_p_value_adjusted", "is_retention_signal", "retention_rank")
    assert [row[name] is not None for name in verdicts] == [is_judged] * 4


def test_products_are_ranked_by_what_they_surely_say(spark: SparkSession) -> None:
    everyone = (1_000_000, 500_000)
    strata: list[Any] = [
        (1, 1, 4_000, 2_800, *everyone),  # 1.4, and sure of it
        (2, 1, 44, 35, *everyone),  # 1.59, hardly sure
        (3, 1, 4_000, 2_000, *everyone),  # says nothing
        (4, 1, 4_000, 1_200, *everyone),  # keeps customers away
        (5, 1, 20, 20, *everyone),  # not judged
        (6, 1, 4_000, 2_000, *everyone),  # as product 3: the lower product_id is first
    ]
    assert read_rows(judge(spark, *strata), "product_id retention_rank is_retention_signal") == [
        (1, 1, True),
        (2, 2, True),
        (3, 3, False),
        (4, 5, False),
        (5, None, None),
        (6, 4, False),
    ]


def test_a_signal_is_one_among_all_products_that_are_judged(spark: SparkSession) -> None:
    # Alone p = 0.0027 is a signal. Beside 29 products that say nothing it is 0.08, and none.
    lucky: Stratum = (1, 1, 100, 65, 1_000_000, 500_000)
    alone = judge(spark, lucky).collect()[0]
    assert alone["is_retention_signal"]
    assert alone["retention_p_value_adjusted"] == alone["retention_p_value"]
    silent: list[Stratum] = [(product, 1, 100, 50, 1_000_000, 500_000) for product in range(2, 31)]
    rows = read_rows(
        judge(spark, lucky, *silent), "product_id retention_p_value_adjusted is_retention_signal"
    )
    assert rows[0] == (1, pytest.approx(30 * alone["retention_p_value"]), False)
