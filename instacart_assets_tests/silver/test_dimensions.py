"""Departments, aisles, products and promotions, typed."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.quality.split import mark_refused
from instacart_assets.silver.aisles import aisles
from instacart_assets.silver.departments import departments
from instacart_assets.silver.products import products
from instacart_assets.silver.promotions import promotions
from instacart_assets_tests.frames import make_table, read_rows

PROMOTION_COLUMNS = (
    "promotion_id product_id promotion_name promotion_type discount_rate start_date end_date is_simulated"
)


def test_departments_and_aisles_are_typed_and_missing_is_a_name(spark: SparkSession) -> None:
    landed_departments = make_table(
        spark, "bronze.departments", "department_id department", [("21", "missing")]
    )
    landed_aisles = make_table(spark, "bronze.aisles", "aisle_id aisle", [("100", "missing"), ("x", "odd")])
    assert read_rows(departments(landed_departments), "department_id department") == [(21, "missing")]
    assert read_rows(aisles(landed_aisles), "aisle_id aisle") == [(100, "missing"), (None, "odd")]


def test_products_get_the_names_of_their_aisle_and_department(spark: SparkSession) -> None:
    landed = make_table(
        spark,
        "bronze.products",
        "product_id product_name aisle_id department_id",
        [
            ("1", 'Pan 9\\"', "87", "17"),
            ("2", "Mystery", "100", "21"),
            ("3", "Half known", "87", "21"),
            ("4", "Nowhere", "999", "17"),
        ],
    )
    known_aisles = spark.createDataFrame(
        [(87, "more household"), (100, "missing")], "aisle_id int, aisle string"
    )
    known_departments = spark.createDataFrame(
        [(17, "household"), (21, "missing")], "department_id int, department string"
    )
    rows = products(landed, known_aisles, known_departments).orderBy("product_id").collect()
    assert [
        (row["product_id"], row["product_name"], row["aisle"], row["department"], row["is_classified"])
        for row in rows
    ] == [
        (1, 'Pan 9"', "more household", "household", True),
        (2, "Mystery", "missing", "missing", False),
        (3, "Half known", "more household", "missing", False),
        (4, "Nowhere", None, "household", None),  # kept with nulls: the contract refuses it, it is not lost
    ]


def promote(spark: SparkSession, *lines: tuple[str | None, ...]) -> DataFrame:
    """The table made of these landed lines, where product 24 is known."""
    landed = make_table(spark, "bronze.promotions", PROMOTION_COLUMNS, lines)
    known = make_table(spark, "silver.products", "product_id product_name", [(24, "Bananas")])
    return promotions(landed, known)


def list_refusals(rows: DataFrame) -> list[list[str] | None]:
    """The rules that each row breaks, which refuse it."""
    return [row["_reasons"] for row in mark_refused(rows, load_contracts()["silver.promotions"]).collect()]


def test_promotions_are_typed_and_get_the_names_of_their_products(spark: SparkSession) -> None:
    rows = promote(
        spark,
        ("1", "24", "Spring", "Percent_Off", "0.25", "2016-04-01", "2016-04-07", "true"),
        ("2", "24", "Shelf", "display", None, "2016-05-01", "someday", "0"),
        ("3", "99", "Gone", "coupon", None, "2016-06-01", "2016-06-02", "0"),
    )
    assert read_rows(rows, PROMOTION_COLUMNS.replace("promotion_name", "promotion_name product_name")) == [
        (1, 24, "Spring", "Bananas", "percent_off", 0.25, "2016-04-01", "2016-04-07", True),
        (2, 24, "Shelf", "Bananas", "display", None, "2016-05-01", None, False),
        (3, 99, "Gone", None, "coupon", None, "2016-06-01", "2016-06-02", False),
    ]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (("1", "24", "Spring", "coupon", "20%", "2016-04-01", "2016-04-07", "1"), "discount_rate_is_a_share"),
        (
            ("1", "24", "Spring", "coupon", None, "2016-04-01", "9999-12-31", "1"),
            "promotion_lasts_at_most_a_year",
        ),
        (
            ("1", "24", "Spring", "coupon", None, "2016-04-07", "2016-04-01", "1"),
            "promotion_ends_after_it_starts",
        ),
        (("1", "24", "Spring", "gift", None, "2016-04-01", "2016-04-07", "1"), "promotion_type_is_known"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused_by_the_rule_of_its_column(
    spark: SparkSession, line: tuple[str, ...], rule: str
) -> None:
    assert list_refusals(promote(spark, line)) == [[rule]]


def test_a_promotion_of_an_unknown_product_is_refused(spark: SparkSession) -> None:
    line = ("1", "99", "Spring", "coupon", "0.5", "2016-04-01", "2016-04-07", "1")
    assert list_refusals(promote(spark, line)) == [["product_is_known"]]


def test_no_ledger_makes_no_promotions(spark: SparkSession) -> None:
    assert promote(spark).count() == 0
