"""Days with their names, their weeks and whether every customer could have ordered on them."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.dim_date import dim_date
from instacart_assets.order_calendar import OrderCalendar, Weekday
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.dim_date"


def make_orders(spark: SparkSession, *days: str, estimated: bool = False) -> DataFrame:
    return make_table(
        spark, "silver.orders", "order_date is_date_estimated", [(day, estimated) for day in days]
    )


def make_promotions(spark: SparkSession, *runs: tuple[str, str]) -> DataFrame:
    return make_table(spark, "silver.promotions", "start_date end_date", runs)


@pytest.mark.parametrize(
    ("ordered", "promoted", "expected"),
    [
        (["2020-03-12", "2020-03-10"], [], ("2020-03-10", "2020-03-12", 3)),
        # A promotion reaches 28 days beyond the orders on either side.
        (["2020-03-10"], [("2020-03-01", "2020-04-01")], ("2020-02-02", "2020-04-29", 88)),
        (["2020-01-01", "2020-12-31"], [("2020-03-01", "2020-04-01")], ("2020-01-01", "2020-12-31", 366)),
        ([], [("2020-03-01", "2020-03-02"), ("2020-03-03", "2020-03-03")], ("2020-02-02", "2020-03-31", 59)),
    ],
)
def test_days_run_from_the_first_to_the_last_that_any_table_can_hold(
    spark: SparkSession, ordered: list[str], promoted: list[tuple[str, str]], expected: tuple[str, str, int]
) -> None:
    result = dim_date(make_orders(spark, *ordered), make_promotions(spark, *promoted), OrderCalendar())
    listed = [day for (day,) in read_rows(result, "date_day")]
    assert (listed[0], listed[-1], len(listed)) == expected
    assert len(set(listed)) == len(listed)
    assert find_broken_promises(result, ADDRESS) == []


def test_without_orders_and_promotions_there_are_no_days(spark: SparkSession) -> None:
    result = dim_date(make_orders(spark), make_promotions(spark), OrderCalendar())
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []


def test_estimated_days_are_covered_from_the_longest_history_to_the_end_of_the_window(
    spark: SparkSession,
) -> None:
    calendar = OrderCalendar(window_start=date(2015, 1, 3), window_weeks=104)
    orders = make_orders(spark, "2016-03-01", "2017-02-01", estimated=True)
    result = dim_date(orders, make_promotions(spark), calendar)
    rows = read_rows(result, "date_day is_full_coverage is_date_estimated")
    covered = [day for day, is_covered, _ in rows if is_covered]
    # 2015-01-03 + 437 days; 104 weeks from 2015-01-03.
    assert (covered[0], covered[-1], len(covered)) == ("2016-03-15", "2016-12-30", 291)
    assert all(is_estimated for _, _, is_estimated in rows)
    assert find_broken_promises(result, ADDRESS) == []


def test_landed_days_are_covered_from_the_first_order_to_the_last(spark: SparkSession) -> None:
    orders = make_orders(spark, "2020-03-10", "2020-03-12")
    result = dim_date(orders, make_promotions(spark, ("2020-03-11", "2020-03-11")), OrderCalendar())
    rows = read_rows(result, "date_day is_full_coverage is_date_estimated")
    assert (rows[0][0], rows[-1][0]) == ("2020-02-12", "2020-04-08")
    assert [day for day, is_covered, _ in rows if is_covered] == ["2020-03-10", "2020-03-11", "2020-03-12"]
    assert not any(is_estimated for _, _, is_estimated in rows)


def test_without_orders_no_day_is_covered(spark: SparkSession) -> None:
    promotions = make_promotions(spark, ("2020-03-11", "2020-03-11"))
    rows = read_rows(
        dim_date(make_orders(spark), promotions, OrderCalendar()), "is_full_coverage is_date_estimated"
    )
    assert rows == [(False, False)] * 57


@pytest.mark.parametrize(
    ("first_weekday", "dow", "week_start"),
    [
        ("Monday", 2, "2020-03-09"),
        ("Wednesday", 0, "2020-03-11"),
        ("Thursday", 6, "2020-03-05"),
        ("Saturday", 4, "2020-03-07"),
        ("Sunday", 3, "2020-03-08"),
    ],
)
def test_weeks_start_on_the_first_weekday_of_the_calendar(
    spark: SparkSession, first_weekday: Weekday, dow: int, week_start: str
) -> None:
    calendar = OrderCalendar(first_weekday=first_weekday)
    result = dim_date(make_orders(spark, "2020-03-11"), make_promotions(spark), calendar)
    assert read_rows(result, "day_name order_dow week_start_date") == [("Wednesday", dow, week_start)]


@pytest.mark.parametrize("first_weekday", ["Saturday", "Wednesday", "Sunday"])
def test_names_and_weekends_are_those_of_the_true_date(spark: SparkSession, first_weekday: Weekday) -> None:
    calendar = OrderCalendar(first_weekday=first_weekday)
    result = dim_date(make_orders(spark, "2020-03-09", "2020-03-15"), make_promotions(spark), calendar)
    assert read_rows(result, "date_day day_name is_weekend") == [
        ("2020-03-09", "Monday", False),
        ("2020-03-10", "Tuesday", False),
        ("2020-03-11", "Wednesday", False),
        ("2020-03-12", "Thursday", False),
        ("2020-03-13", "Friday", False),
        ("2020-03-14", "Saturday", True),
        ("2020-03-15", "Sunday", True),
    ]
    dows = read_rows(result, "date_day order_dow")
    assert [dow for _, dow in dows] == [calendar.dow_of(date.fromisoformat(day)) for day, _ in dows]
    assert find_broken_promises(result, ADDRESS) == []


def test_months_have_their_first_day_and_their_english_name(spark: SparkSession) -> None:
    result = dim_date(make_orders(spark, "2020-01-31", "2020-12-01"), make_promotions(spark), OrderCalendar())
    assert read_rows(
        result.select("month_start_date", "month_name").distinct(), "month_start_date month_name"
    ) == [
        ("2020-01-01", "January"),
        ("2020-02-01", "February"),
        ("2020-03-01", "March"),
        ("2020-04-01", "April"),
        ("2020-05-01", "May"),
        ("2020-06-01", "June"),
        ("2020-07-01", "July"),
        ("2020-08-01", "August"),
        ("2020-09-01", "September"),
        ("2020-10-01", "October"),
        ("2020-11-01", "November"),
        ("2020-12-01", "December"),
    ]
