"""Products with the days between which they sold."""

from pyspark.sql import SparkSession

from instacart_assets.gold.dim_product import dim_product
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.dim_product"


def test_sold_products_have_their_first_and_last_day_and_others_none(spark: SparkSession) -> None:
    products = make_table(
        spark,
        "silver.products",
        "product_id product_name aisle_id aisle department_id department is_classified",
        [
            (1, "Rye Bread", 5, "bread", 3, "bakery", True),
            (2, "Bun", 5, "bread", 3, "bakery", True),
            (3, "Mystery", 100, "missing", 21, "missing", False),
        ],
    )
    lines = make_table(
        spark,
        "silver.order_items",
        "order_id product_id order_date is_date_estimated",
        [
            (1, 1, "2020-01-09", True),
            (2, 1, "2020-01-04", True),
            (3, 1, "2020-01-06", True),
            (3, 2, "2020-01-06", True),
        ],
    )
    result = dim_product(products, lines)
    assert read_rows(
        result,
        "product_id product_name aisle_id aisle department_id department is_classified "
        "first_order_date last_order_date is_ever_sold is_date_estimated",
    ) == [
        (1, "Rye Bread", 5, "bread", 3, "bakery", True, "2020-01-04", "2020-01-09", True, True),
        (2, "Bun", 5, "bread", 3, "bakery", True, "2020-01-06", "2020-01-06", True, True),
        (3, "Mystery", 100, "missing", 21, "missing", False, None, None, False, True),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_without_order_lines_nothing_was_ever_sold_and_no_date_is_estimated(spark: SparkSession) -> None:
    result = dim_product(
        make_table(spark, "silver.products", "product_id", [1, 2]), make_table(spark, "silver.order_items")
    )
    assert read_rows(
        result, "product_id first_order_date last_order_date is_ever_sold is_date_estimated"
    ) == [
        (1, None, None, False, False),
        (2, None, None, False, False),
    ]
    assert find_broken_promises(result, ADDRESS) == []
