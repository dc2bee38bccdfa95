"""Departments, aisles, products and promotions, typed."""

from datetime import date

from pyspark.sql import SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.quality.audit import audit_rows
from instacart_assets.silver.aisles import aisles
from instacart_assets.silver.departments import departments
from instacart_assets.silver.products import products
from instacart_assets.silver.promotions import promotions

PROMOTION_COLUMNS = (
    "promotion_id string, product_id string, promotion_name string, promotion_type string, "
    "discount_rate string, start_date string, end_date string, is_simulated string"
)


def test_departments_and_aisles_are_typed_and_missing_is_a_name(spark: SparkSession) -> None:
    landed_departments = spark.createDataFrame([("21", "missing")], "department_id string, department string")
    landed_aisles = spark.createDataFrame([("100", "missing"), ("x", "odd")], "aisle_id string, aisle string")
    assert [tuple(row) for row in departments(landed_departments).collect()] == [(21, "missing")]
    assert {tuple(row) for row in aisles(landed_aisles).collect()} == {(100, "missing"), (None, "odd")}


def test_products_get_the_names_of_their_aisle_and_department(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [
            ("1", 'Pan 9\\"', "87", "17"),
            ("2", "Mystery", "100", "21"),
            ("3", "Half known", "87", "21"),
            ("4", "Nowhere", "999", "17"),
        ],
        "product_id string, product_name string, aisle_id string, department_id string",
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


def test_promotions_are_typed(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [
            ("1", "24", "Spring", "Percent_Off", "0.25", "2016-04-01", "2016-04-07", "true"),
            ("2", "24", "Shelf", "display", None, "2016-05-01", "someday", "0"),
        ],
        PROMOTION_COLUMNS,
    )
    rows = promotions(landed).orderBy("promotion_id").collect()
    assert [tuple(row) for row in rows] == [
        (1, 24, "Spring", "percent_off", 0.25, date(2016, 4, 1), date(2016, 4, 7), True),
        (2, 24, "Shelf", "display", None, date(2016, 5, 1), None, False),
    ]


def test_a_discount_that_is_no_number_breaks_the_rule_of_its_column(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [("1", "24", "Spring", "coupon", "20%", "2016-04-01", "2016-04-07", "true")], PROMOTION_COLUMNS
    )
    contract = load_contracts()["silver.promotions"]
    failed = {outcome.check.id for outcome in audit_rows(promotions(landed), contract) if not outcome.passed}
    assert failed == {"discount_rate_is_a_share"}


def test_a_promotion_without_an_end_is_refused(spark: SparkSession) -> None:
    landed = spark.createDataFrame(
        [("1", "24", "Spring", "coupon", None, "2016-04-01", "9999-12-31", "true")], PROMOTION_COLUMNS
    )
    contract = load_contracts()["silver.promotions"]
    failed = {outcome.check.id for outcome in audit_rows(promotions(landed), contract) if not outcome.passed}
    assert failed == {"promotion_lasts_at_most_a_year"}


def test_no_ledger_makes_no_promotions(spark: SparkSession) -> None:
    assert promotions(spark.createDataFrame([], PROMOTION_COLUMNS)).count() == 0
