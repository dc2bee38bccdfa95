"""The calendar's arithmetic: what every customer and every weekday must get."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.order_calendar import WEEKDAYS, OrderCalendar, capped_gap_days

dows = st.integers(0, 6)
users = st.integers(1, 2**62)
calendars = st.builds(
    OrderCalendar,
    window_start=st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    window_weeks=st.integers(1, 520),
    first_weekday=st.sampled_from(WEEKDAYS),
)


@given(calendars, users, dows)
def test_a_first_order_falls_on_its_weekday_inside_the_window(
    calendar: OrderCalendar, user_id: int, dow: int
) -> None:
    day = calendar.window_start + timedelta(days=calendar.first_order_day(user_id, dow))
    assert calendar.window_start <= day <= calendar.window_end
    assert calendar.dow_of(day) == dow


@given(calendars, dows)
def test_day_names_follow_the_first_weekday(calendar: OrderCalendar, dow: int) -> None:
    day = next(
        calendar.window_start + timedelta(days=days)
        for days in range(7)
        if calendar.dow_of(calendar.window_start + timedelta(days=days)) == dow
    )
    assert calendar.day_names[dow] == day.strftime("%A")
    assert calendar.day_names[0] == calendar.first_weekday


@given(dows, dows)
def test_a_capped_gap_is_the_smallest_count_of_30_or_more_that_ends_on_the_weekday(
    previous: int, dow: int
) -> None:
    expected = next(days for days in range(30, 37) if (previous + days) % 7 == dow)
    assert capped_gap_days(dow, previous) == expected


@given(st.lists(st.tuples(users, dows), min_size=1, max_size=20))
def test_integers_and_arrays_give_the_same_days(orders: list[tuple[int, int]]) -> None:
    calendar = OrderCalendar()
    user_ids, weekdays = (np.array(column) for column in zip(*orders, strict=True))
    one_by_one = [calendar.first_order_day(user_id, dow) for user_id, dow in orders]
    assert calendar.first_order_day(user_ids, weekdays).tolist() == one_by_one


def test_the_engine_gives_the_same_days_as_integers(spark: SparkSession) -> None:
    calendar = OrderCalendar(window_start=date(2020, 2, 26), window_weeks=53, first_weekday="Monday")
    orders = [(1, 0), (2, 6), (206_209, 3), (2**31 - 1, 1), (2**31, 1), (2**62, 5)]
    rows = (
        spark.createDataFrame(orders, "user_id bigint, dow int")
        .select(
            "user_id",
            "dow",
            calendar.first_order_day(F.col("user_id"), F.col("dow")).alias("first_day"),
            capped_gap_days(F.col("dow"), F.lit(2)).alias("gap"),
        )
        .collect()
    )
    expected = {
        (user_id, dow): (calendar.first_order_day(user_id, dow), capped_gap_days(dow, 2))
        for user_id, dow in orders
    }
    assert {(row["user_id"], row["dow"]): (row["first_day"], row["gap"]) for row in rows} == expected


@pytest.mark.parametrize("count", [104, 500, 206_209])
def test_customers_spread_evenly_over_the_weeks(count: int) -> None:
    calendar = OrderCalendar()
    weeks = calendar.first_order_day(np.arange(1, count + 1), 0) // 7
    per_week = np.bincount(weeks, minlength=calendar.window_weeks)
    even = count / calendar.window_weeks
    assert per_week.max() <= even + 3 + 0.01 * even
    assert per_week.min() >= even - 3 - 0.01 * even


def test_full_coverage_starts_when_the_longest_customer_could_have_ended() -> None:
    calendar = OrderCalendar()
    assert calendar.window_start == date(2015, 1, 3)
    assert calendar.full_coverage_start == date(2015, 1, 3) + timedelta(days=437)
    assert calendar.window_end == date(2016, 12, 30)  # 104 weeks, both days included


def test_settings_that_make_no_calendar_are_refused() -> None:
    with pytest.raises(ValidationError, match="window_weeks"):
        OrderCalendar(window_weeks=0)
    with pytest.raises(ValidationError, match="first_weekday"):
        OrderCalendar.model_validate({"first_weekday": "Samstag"})
