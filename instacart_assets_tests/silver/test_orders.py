"""Orders, typed and dated."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.silver.orders import orders
from instacart_assets_tests.frames import make_table

COLUMNS = "order_id user_id eval_set order_number order_dow order_hour_of_day days_since_prior_order order_timestamp"


def land(spark: SparkSession, *lines: tuple[str | None, ...]) -> DataFrame:
    return make_table(spark, "bronze.orders", COLUMNS, lines)


def test_dates_follow_the_gaps_and_capped_gaps_end_on_the_weekday(spark: SparkSession) -> None:
    calendar = OrderCalendar()  # order_dow 0 is Saturday
    landed = land(
        spark,
        ("10", "7", "prior", "1", "3", "08", None, None),
        ("11", "7", "prior", "2", "5", "08", "2.0", None),
        ("12", "7", "prior", "3", "5", "08", "30.0", None),
        ("13", "7", "train", "4", "5", "23", "0.0", None),
    )
    first = calendar.window_start + timedelta(days=int(calendar.first_order_day(7, 3)))
    rows = orders(landed, calendar).orderBy("order_number").collect()
    assert [
        (row["order_id"], row["order_date"], row["order_day_name"], row["is_gap_censored"]) for row in rows
    ] == [
        (10, first, "Tuesday", False),
        (11, first + timedelta(days=2), "Thursday", False),
        (12, first + timedelta(days=2 + 35), "Thursday", True),  # Thursday to Thursday, 30 or more: 35
        (13, first + timedelta(days=2 + 35), "Thursday", False),
    ]
    assert first.strftime("%A") == "Tuesday"
    assert all(row["is_date_estimated"] for row in rows)


def test_later_orders_move_no_earlier_date(spark: SparkSession) -> None:
    lines = [
        ("1", "42", "prior", "1", "0", "10", None, None),
        ("2", "42", "prior", "2", "1", "10", "8.0", None),
        ("3", "42", "train", "3", "2", "10", "30.0", None),
    ]
    before = {
        row["order_id"]: row["order_date"]
        for row in orders(land(spark, *lines[:2]), OrderCalendar()).collect()
    }
    after = {
        row["order_id"]: row["order_date"] for row in orders(land(spark, *lines), OrderCalendar()).collect()
    }
    assert before.items() <= after.items()


def test_a_landed_timestamp_dates_the_order(spark: SparkSession) -> None:
    landed = land(spark, ("1", "7", "prior", "1", "0", "8", None, "2016-01-02 08:15:00"))
    row = orders(landed, OrderCalendar()).collect()[0]
    assert (row["order_date"], row["is_date_estimated"]) == (date(2016, 1, 2), False)


def test_a_timestamp_that_does_not_parse_leaves_no_date_and_does_not_fall_back(spark: SparkSession) -> None:
    landed = land(spark, ("1", "7", "prior", "1", "0", "8", None, "yesterday"))
    row = orders(landed, OrderCalendar()).collect()[0]
    assert (row["order_date"], row["is_date_estimated"]) == (None, False)


def test_what_does_not_parse_becomes_null_and_keeps_its_row(spark: SparkSession) -> None:
    landed = land(spark, ("x", "7", "prior", "one", "9", "late", None, None))
    row = orders(landed, OrderCalendar()).collect()[0]
    assert (row["order_id"], row["order_number"], row["order_hour_of_day"]) == (None, None, None)
    assert (row["order_dow"], row["order_day_name"]) == (9, None)


def test_which_weekday_0_is_is_a_setting(spark: SparkSession) -> None:
    landed = land(spark, ("1", "7", "prior", "1", "0", "8", None, None))
    row = orders(landed, OrderCalendar(first_weekday="Sunday")).collect()[0]
    assert row["order_day_name"] == "Sunday" == row["order_date"].strftime("%A")


def test_a_missing_order_leaves_no_date_from_there_on(spark: SparkSession) -> None:
    landed = land(
        spark,
        ("1", "7", "prior", "1", "0", "8", None, None),
        ("3", "7", "prior", "3", "2", "8", "1.0", None),  # order 2 is missing
        ("4", "7", "train", "4", "3", "8", "1.0", None),
        ("9", "8", "prior", "2", "3", "8", "1.0", None),  # order 1 is missing
    )
    dated = {
        row["order_id"]: row["order_date"] is not None for row in orders(landed, OrderCalendar()).collect()
    }
    assert dated == {1: True, 3: False, 4: False, 9: False}
