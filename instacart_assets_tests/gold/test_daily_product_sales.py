"""Units, orders and customers per product and day."""

from pyspark.sql import SparkSession

from instacart_assets.gold.daily_product_sales import daily_product_sales
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.daily_product_sales"
LINE = "order_id product_id user_id order_date is_reordered"
RUN = "promotion_id product_id start_date end_date"


def test_rows_are_the_days_with_a_sale_with_units_customers_and_reorders(spark: SparkSession) -> None:
    lines = make_table(
        spark,
        "silver.order_items",
        f"{LINE} is_date_estimated",
        [
            (1, 1, 7, "2020-01-04", False, True),
            (2, 1, 7, "2020-01-04", True, True),  # the same customer again, on the same day
            (3, 1, 8, "2020-01-04", True, True),
            (4, 1, 9, "2020-01-04", False, True),
            (4, 2, 9, "2020-01-04", False, True),
            (5, 1, 9, "2020-01-06", True, True),  # nothing was sold on the day between
        ],
    )
    products = make_table(
        spark,
        "silver.products",
        "product_id product_name aisle department",
        [
            (1, "Rye Bread", "bread", "bakery"),
            (2, "Cheddar", "cheese", "dairy eggs"),
            (3, "Unsold", "bread", "bakery"),
        ],
    )
    result = daily_product_sales(lines, products, make_table(spark, "silver.promotions"))
    assert read_rows(
        result,
        "order_date product_id product_name aisle department units orders customers reordered_units "
        "reorder_rate is_on_promotion is_date_estimated",
    ) == [
        ("2020-01-04", 1, "Rye Bread", "bread", "bakery", 4, 4, 3, 2, 0.5, False, True),
        ("2020-01-04", 2, "Cheddar", "cheese", "dairy eggs", 1, 1, 1, 0, 0.0, False, True),
        ("2020-01-06", 1, "Rye Bread", "bread", "bakery", 1, 1, 1, 1, 1.0, False, True),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_any_promotion_of_the_product_marks_its_days_once_both_ends_included(spark: SparkSession) -> None:
    days = ["2020-01-03", "2020-01-04", "2020-01-05", "2020-01-06", "2020-01-07"]
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [
            (10 * product_id + number, product_id, 7, day, False)
            for product_id in (1, 2)
            for number, day in enumerate(days)
        ],
    )
    promotions = make_table(
        spark,
        "silver.promotions",
        RUN,
        [
            (1, 1, "2020-01-04", "2020-01-05"),
            (2, 1, "2020-01-05", "2020-01-06"),  # shares the 5th with the first
            (3, 2, "2020-01-07", "2020-01-07"),
        ],
    )
    result = daily_product_sales(
        lines, make_table(spark, "silver.products", "product_id", [1, 2]), promotions
    )
    assert read_rows(result, "product_id order_date units is_on_promotion") == [
        (1, "2020-01-03", 1, False),
        (1, "2020-01-04", 1, True),
        (1, "2020-01-05", 1, True),
        (1, "2020-01-06", 1, True),
        (1, "2020-01-07", 1, False),
        (2, "2020-01-03", 1, False),
        (2, "2020-01-04", 1, False),
        (2, "2020-01-05", 1, False),
        (2, "2020-01-06", 1, False),
        (2, "2020-01-07", 1, True),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_promoted_days_without_a_sale_make_no_rows_and_lose_none(spark: SparkSession) -> None:
    lines = make_table(
        spark, "silver.order_items", LINE, [(1, 1, 7, "2020-01-04", False), (2, 2, 7, "2020-01-05", True)]
    )
    promotions = make_table(
        spark,
        "silver.promotions",
        RUN,
        [
            (1, 1, "2020-01-05", "2020-01-08"),  # product 1 sold the day before only
            (1, 3, "2020-01-04", "2020-01-05"),  # product 3 never sold
        ],
    )
    result = daily_product_sales(
        lines, make_table(spark, "silver.products", "product_id", [1, 2, 3]), promotions
    )
    columns = "order_date product_id units orders customers reordered_units is_on_promotion is_date_estimated"
    assert read_rows(result, columns) == [
        ("2020-01-04", 1, 1, 1, 1, 0, False, False),
        ("2020-01-05", 2, 1, 1, 1, 1, False, False),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_without_order_lines_there_are_no_rows_promoted_or_not(spark: SparkSession) -> None:
    lines = make_table(spark, "silver.order_items")
    products = make_table(spark, "silver.products", "product_id", [1])
    promoted = make_table(spark, "silver.promotions", RUN, [(1, 1, "2020-01-04", "2020-01-08")])
    for promotions in (make_table(spark, "silver.promotions"), promoted):
        result = daily_product_sales(lines, products, promotions)
        assert result.count() == 0
        assert find_broken_promises(result, ADDRESS) == []
