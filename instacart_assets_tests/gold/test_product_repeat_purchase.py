"""How products are bought again."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.product_repeat_purchase import product_repeat_purchase
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.product_repeat_purchase"
PURCHASE = "order_id product_id user_id order_date order_number"


def make_products(spark: SparkSession, *product_ids: int) -> DataFrame:
    return make_table(spark, "silver.products", "product_id", product_ids)


def make_purchases(spark: SparkSession, *purchases: tuple[int, int, str]) -> DataFrame:
    """Lines of (user, product, day), each in an order of its own and none in a first order."""
    rows = [
        (order_id, product_id, user_id, day, 2)
        for order_id, (user_id, product_id, day) in enumerate(purchases, 1)
    ]
    return make_table(spark, "silver.order_items", PURCHASE, rows)


def test_each_product_has_its_units_buyers_and_positions_and_an_unsold_one_has_none(
    spark: SparkSession,
) -> None:
    products = make_table(
        spark,
        "silver.products",
        "product_id product_name aisle department",
        [(1, "Rye Bread", "bread", "bakery"), (2, "Unsold", "cheese", "dairy eggs")],
    )
    lines = make_table(
        spark,
        "silver.order_items",
        f"{PURCHASE} add_to_cart_order is_reordered",
        [
            (1, 1, 7, "2020-01-01", 1, 1, False),
            (2, 1, 7, "2020-01-08", 2, 4, True),
            (3, 1, 7, "2020-01-10", 3, 2, True),
            (4, 1, 8, "2020-01-02", 5, 3, False),
        ],
    )
    orders = make_table(
        spark,
        "silver.orders",
        "order_id user_id order_number",
        [(1, 7, 1), (2, 7, 2), (3, 7, 3), (4, 8, 5), (5, 9, 10)],
    )
    result = product_repeat_purchase(lines, orders, products)
    assert read_rows(
        result,
        "product_id product_name aisle department units buyers repeat_buyers repeat_buyer_rate reordered_units "
        "reorder_rate median_days_between_purchases average_cart_position first_order_buyers",
    ) == [
        # Gaps of 7 and 2 days.
        (1, "Rye Bread", "bread", "bakery", 4, 2, 1, 0.5, 2, 0.5, 4.5, 2.5, 1),
        (2, "Unsold", "cheese", "dairy eggs", 0, 0, 0, None, 0, None, None, None, 0),
    ]
    # Who starts with it is alone with a first basket: nobody is there to compare with.
    assert read_rows(
        result,
        "product_id retention_lift_adjusted retention_lift_adjusted_ci_low is_enough_first_orders retention_p_value "
        "is_retention_signal retention_rank",
    ) == [(1, None, None, False, None, None, None), (2, None, None, False, None, None, None)]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("days_of_customers", "median"),
    [
        ([["2020-01-01"], ["2020-01-02"]], None),  # nobody came back
        ([["2020-01-01", "2020-01-06"]], 5.0),
        ([["2020-01-01", "2020-01-02", "2020-01-10", "2020-01-13"]], 3.0),  # 1, 8, 3
        ([["2020-01-01", "2020-01-02"], ["2020-01-01", "2020-01-11"]], 5.5),  # 1, 10
        ([["2020-01-01", "2020-01-02", "2020-01-10"], ["2020-01-01", "2020-01-04", "2020-01-24"]], 5.5),
        ([["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04", "2020-02-03"]], 1.0),  # 1, 1, 1, 30
        ([["2020-01-01", "2020-01-01"]], 0.0),  # two orders of one day
        ([["2020-01-01", "2020-01-01", "2020-01-08"]], 3.5),  # 0, 7
        ([["2020-02-01", "2020-01-01", "2020-01-11"]], 15.5),  # 10, 21: rows come in any order
        ([["1969-12-30", "1970-01-02"]], 3.0),
    ],
)
def test_the_median_is_exact_over_all_gaps_of_all_customers(
    spark: SparkSession, days_of_customers: list[list[str]], median: float | None
) -> None:
    purchases = [(user, 1, day) for user, days in enumerate(days_of_customers, 1) for day in days]
    result = product_repeat_purchase(
        make_purchases(spark, *purchases), make_table(spark, "silver.orders"), make_products(spark, 1)
    )
    repeat_buyers = sum(len(days) > 1 for days in days_of_customers)
    assert read_rows(result, "buyers repeat_buyers median_days_between_purchases") == [
        (len(days_of_customers), repeat_buyers, median)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_gaps_are_between_purchases_of_the_same_product_by_the_same_customer(spark: SparkSession) -> None:
    lines = make_purchases(
        spark,
        (7, 1, "2020-01-01"),
        (7, 2, "2020-01-02"),
        (7, 1, "2020-01-05"),
        (7, 3, "2020-01-06"),
        (7, 2, "2020-01-12"),
        (8, 1, "2020-01-06"),
        (8, 3, "2020-01-07"),
    )
    result = product_repeat_purchase(lines, make_table(spark, "silver.orders"), make_products(spark, 1, 2, 3))
    assert read_rows(result, "product_id buyers repeat_buyers median_days_between_purchases") == [
        (1, 2, 1, 4.0),
        (2, 1, 1, 10.0),
        (3, 2, 0, None),
    ]


def test_retention_is_of_those_who_started_with_the_product_against_all_customers(
    spark: SparkSession,
) -> None:
    lines = make_table(
        spark,
        "silver.order_items",
        PURCHASE,
        [
            (1, 1, 7, "2020-01-01", 1),
            (1, 3, 7, "2020-01-01", 1),
            (2, 1, 8, "2020-01-01", 1),
            (3, 1, 7, "2020-01-08", 2),  # customer 7 again, not in the first order
            (4, 2, 9, "2020-01-08", 2),  # customer 9 did not start with product 2
            (5, 4, 8, "2020-01-01", 1),
        ],
    )
    # Customer 7 reached 10 orders, 8 only 9; the tenth order may be one without a basket.
    orders = make_table(
        spark,
        "silver.orders",
        "order_id user_id order_number eval_set",
        [
            (1, 7, 1, "prior"),
            (9, 7, 10, "test"),
            (2, 8, 9, "train"),
            (4, 9, 2, "prior"),
            (8, 10, 1, "prior"),
        ],
    )
    result = product_repeat_purchase(lines, orders, make_products(spark, 1, 2, 3, 4))
    columns = "product_id first_order_buyers retention_rate_10 retention_lift"
    assert read_rows(result, f"{columns} retention_lift_adjusted") == [
        # A quarter of all four customers is retained. Of the two first baskets, both of two products, both hold this one.
        (1, 2, 0.5, 2.0, None),
        (2, 0, None, None, None),
        (3, 1, 1.0, 4.0, None),  # its customer against customer 8, who is not retained: no ratio
        (4, 1, 0.0, 0.0, 0.0),  # its customer, not retained, against customer 7, who is
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_without_a_retained_customer_there_is_a_rate_but_no_lift(spark: SparkSession) -> None:
    lines = make_table(spark, "silver.order_items", PURCHASE, [(1, 1, 7, "2020-01-01", 1)])
    orders = make_table(spark, "silver.orders", "order_id user_id order_number", [(1, 7, 1), (2, 7, 9)])
    result = product_repeat_purchase(lines, orders, make_products(spark, 1))
    assert read_rows(result, "first_order_buyers retention_rate_10 retention_lift") == [(1, 0.0, None)]
    assert find_broken_promises(result, ADDRESS) == []


def test_products_of_a_department_are_ranked_from_twenty_buyers_on(spark: SparkSession) -> None:
    buyers_and_repeat_buyers = {
        1: (20, 10),  # half come back, as with product 2
        2: (40, 20),  # more buyers: before product 1
        3: (20, 10),  # as product 1: the lower product_id is first
        4: (20, 20),
        5: (19, 19),  # one buyer short of a rank
        6: (20, 0),  # alone in its department
    }
    purchases = [
        (1000 * product_id + buyer, product_id, date(2020, 1, 1 + order).isoformat())
        for product_id, (buyers, repeat_buyers) in buyers_and_repeat_buyers.items()
        for buyer in range(buyers)
        for order in range(2 if buyer < repeat_buyers else 1)
    ]
    products = make_table(
        spark,
        "silver.products",
        "product_id department_id department",
        [
            (1, 1, "bakery"),
            (2, 1, "bakery"),
            (3, 1, "bakery"),
            (4, 1, "bakery"),
            (5, 1, "bakery"),
            (6, 2, "pets"),
        ],
    )
    result = product_repeat_purchase(
        make_purchases(spark, *purchases), make_table(spark, "silver.orders"), products
    )
    assert read_rows(result, "product_id buyers repeat_buyer_rate repeat_rank_in_department") == [
        (1, 20, 0.5, 3),
        (2, 40, 0.5, 2),
        (3, 20, 0.5, 4),
        (4, 20, 1.0, 1),
        (5, 19, 1.0, None),
        (6, 20, 0.0, 1),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_without_order_lines_every_product_is_there_and_empty(spark: SparkSession) -> None:
    orders = make_table(spark, "silver.orders", "order_id user_id order_number", [(1, 7, 10)])
    result = product_repeat_purchase(
        make_table(spark, "silver.order_items"), orders, make_products(spark, 1, 2)
    )
    assert read_rows(
        result,
        "product_id units buyers repeat_buyers reordered_units first_order_buyers repeat_buyer_rate reorder_rate "
        "median_days_between_purchases average_cart_position retention_rate_10 retention_lift "
        "repeat_rank_in_department",
    ) == [(product_id, *[0] * 5, *[None] * 7) for product_id in (1, 2)]
    assert find_broken_promises(result, ADDRESS) == []
