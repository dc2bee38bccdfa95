"""Which orders get no date, those after one that adds a number of days nobody knows; and which dates are refused."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pyspark.sql import SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.rules import compile_rules
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.quality.split import holds
from instacart_assets.silver.orders import orders

COLUMNS = (
    "order_id string, user_id string, eval_set string, order_number string, order_dow string, "
    "order_hour_of_day string, days_since_prior_order string, order_timestamp string, _source_file string, "
    "_row_number bigint"
)


@pytest.mark.parametrize(
    ("number", "dow", "gap"),
    [
        ("three", "2", "7.0"),
        ("0", "2", "7.0"),
        ("3", "x", "7.0"),  # the capped gap after it may end on any weekday
        ("3", "2", None),  # was a week: the weekday would still be right
        ("3", "2", "-1.0"),
        ("3", "2", "a week"),
        ("3", "2", "35.0"),
    ],
)
def test_no_date_after_an_order_whose_days_are_not_known_and_all_dates_before_it(
    spark: SparkSession, number: str, dow: str, gap: str | None
) -> None:
    lines = [
        ("1", "7", "prior", "1", "0", "8", None, None),
        ("2", "7", "prior", "2", "2", "8", "2.0", None),
        ("3", "7", "prior", number, dow, "8", gap, None),
        ("4", "7", "prior", "4", "2", "8", "30.0", None),
        ("5", "7", "train", "5", "3", "8", "1.0", None),
    ]
    landed = spark.createDataFrame(
        [(*line, "orders.csv", place) for place, line in enumerate(lines, start=1)], COLUMNS
    )
    dated = {row["order_id"]: row["order_date"] for row in orders(landed, OrderCalendar()).collect()}
    assert [order for order in (1, 2, 4, 5) if dated[order] is not None] == [1, 2]


def test_of_two_orders_of_one_number_neither_has_a_date(spark: SparkSession) -> None:
    lines = [
        ("1", "7", "prior", "1", "0", "8", None, None),
        ("2", "7", "prior", "2", "2", "8", "2.0", None),
        ("3", "7", "prior", "2", "2", "8", "2.0", None),
        ("4", "7", "train", "3", "3", "8", "1.0", None),
    ]
    landed = spark.createDataFrame(
        [(*line, "orders.csv", place) for place, line in enumerate(lines, start=1)], COLUMNS
    )
    dated = {row["order_id"]: row["order_date"] for row in orders(landed, OrderCalendar()).collect()}
    assert [order for order in sorted(dated) if dated[order] is not None] == [1]


def test_dates_to_come_are_refused(spark: SparkSession) -> None:
    (rule,) = [
        rule
        for rule in compile_rules(load_contracts()["silver.orders"])
        if rule.id == "order_date_is_not_to_come"
    ]
    today = datetime.now(UTC).date()
    dates = {
        None: True,  # another rule's
        date(1989, 12, 31): False,
        date(1990, 1, 1): True,
        today: True,
        today + timedelta(days=2): False,
        today + timedelta(weeks=1_000): False,
    }
    rows = spark.createDataFrame([(day,) for day in dates], "order_date date")
    assert {row["order_date"]: row["kept"] for row in rows.withColumn("kept", holds(rule)).collect()} == dates
