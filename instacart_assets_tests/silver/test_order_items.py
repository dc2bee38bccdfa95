"""Order items: lines with their order and product."""

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.silver.order_items import order_items
from instacart_assets_tests.frames import make_table

LINE = "order_id product_id add_to_cart_order reordered"


def land(spark: SparkSession, split: str, *lines: tuple[str, ...]) -> DataFrame:
    return make_table(spark, f"bronze.order_products__{split}", LINE, lines)


def known_orders(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [(1, 7, "prior", 1, date(2016, 1, 2), True, 0, 8), (2, 7, "train", 2, date(2016, 1, 9), True, 0, 9)],
        "order_id bigint, user_id bigint, eval_set string, order_number int, order_date date, "
        "is_date_estimated boolean, order_dow int, order_hour_of_day int",
    )


def known_products(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        [(24, "Bananas", 5, "fruit", 4, "produce")],
        "product_id int, product_name string, aisle_id int, aisle string, department_id int, department string",
    )


def test_lines_of_both_files_meet_their_order_and_product(spark: SparkSession) -> None:
    prior = land(spark, "prior", ("1", "24", "1", "0"))
    train = land(spark, "train", ("2", "24", "1", "1"))
    rows = order_items(prior, train, known_orders(spark), known_products(spark)).orderBy("order_id").collect()
    assert [
        (row["order_id"], row["eval_set"], row["order_date"], row["product_name"], row["is_reordered"])
        for row in rows
    ] == [
        (1, "prior", date(2016, 1, 2), "Bananas", False),
        (2, "train", date(2016, 1, 9), "Bananas", True),
    ]


def test_lines_of_unknown_orders_and_products_keep_their_row(spark: SparkSession) -> None:
    prior = land(spark, "prior", ("99", "24", "1", "0"), ("1", "99", "1", "0"))
    train = land(spark, "train")
    rows = order_items(prior, train, known_orders(spark), known_products(spark)).orderBy("order_id").collect()
    assert [(row["order_id"], row["user_id"], row["product_id"], row["product_name"]) for row in rows] == [
        (1, 7, 99, None),
        (99, None, 24, "Bananas"),
    ]
