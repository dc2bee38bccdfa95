"""Customers by how much and how regularly they order."""

from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.customer_segments import choose_segment, customer_segments
from instacart_assets.gold.dim_date import dim_date
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.customer_segments"
ORDER = "order_id user_id order_date order_dow"
LINE = "order_id product_id user_id department is_reordered"
CALENDAR = OrderCalendar()


def make_days(orders: DataFrame, calendar: OrderCalendar) -> DataFrame:
    return dim_date(orders, make_table(orders.sparkSession, "silver.promotions"), calendar)


def no_baskets(spark: SparkSession) -> DataFrame:
    return make_table(spark, "silver.order_items")


def test_customers_have_their_orders_baskets_rhythm_and_habits(spark: SparkSession) -> None:
    orders = make_table(
        spark,
        "silver.orders",
        ORDER,
        [
            (1, 7, "2020-01-04", 0),
            (2, 7, "2020-01-05", 1),
            (3, 7, "2020-01-11", 0),  # 7 days from the first to the last, two gaps
            (4, 8, "2020-01-08", 4),
            (5, 9, "2020-01-09", 5),
        ],
    )
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [
            (1, 11, 7, "bakery", False),
            (1, 12, 7, "bakery", False),
            (1, 21, 7, "dairy eggs", False),
            (2, 11, 7, "bakery", True),  # order 3 has no basket
            (4, 21, 8, "dairy eggs", False),
            (4, 22, 8, "dairy eggs", False),
        ],
    )
    result = customer_segments(orders, lines, make_days(orders, CALENDAR), CALENDAR)
    assert read_rows(
        result,
        "user_id orders units average_basket_units average_days_between_orders recency_days reorder_rate "
        "favourite_department favourite_order_dow segment",
    ) == [
        (7, 3, 4, 2.0, 3.5, 0, 0.25, "bakery", 0, "new"),
        (8, 1, 2, 2.0, None, 3, 0.0, "dairy eggs", 4, "new"),
        (9, 1, 0, None, None, 2, None, None, 5, "new"),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_equals_are_settled_by_name_of_the_department_and_number_of_the_day(spark: SparkSession) -> None:
    orders = make_table(
        spark,
        "silver.orders",
        ORDER,
        [
            (1, 7, "2020-01-10", 6),
            (2, 7, "2020-01-04", 0),
            (3, 8, "2020-01-09", 5),
            (4, 8, "2020-01-07", 3),
            (5, 8, "2020-01-16", 5),
        ],
    )
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [
            (1, 1, 7, "pets", False),
            (1, 2, 7, "alcohol", False),
            (3, 1, 8, "pets", False),
            (3, 2, 8, "alcohol", False),
            (4, 1, 8, "pets", True),
        ],
    )
    result = customer_segments(orders, lines, make_days(orders, CALENDAR), CALENDAR)
    assert read_rows(result, "user_id favourite_department favourite_order_dow") == [
        (7, "alcohol", 0),
        (8, "pets", 5),
    ]


@pytest.mark.parametrize(
    ("orders", "gap", "segment"),
    [
        (1, None, "new"),
        (4, 1.0, "new"),
        (5, 1.0, "regular"),
        (5, 14.0, "regular"),
        (5, 14.01, "occasional"),
        (19, 10.0, "regular"),
        (20, 10.0, "loyal"),
        (20, 10.01, "regular"),
        (20, 14.01, "occasional"),
        (99, 0.0, "loyal"),
    ],
)
def test_the_first_segment_that_fits_holds(
    spark: SparkSession, orders: int, gap: float | None, segment: str
) -> None:
    customers = spark.createDataFrame(
        [(orders, gap)], "orders bigint, average_days_between_orders double"
    ).select(choose_segment().alias("segment"))
    assert read_rows(customers, "segment") == [(segment,)]


def test_segments_follow_from_the_orders(spark: SparkSession) -> None:
    # From 2020-01-01: 5 orders 14 days apart, 5 orders 15 days apart, 20 orders 1 day apart, 4 orders.
    rhythms = {1: (5, 14), 2: (5, 15), 3: (20, 1), 4: (4, 1)}
    first = date(2020, 1, 1).toordinal()
    rows = [
        (100 * user_id + number, user_id, date.fromordinal(first + number * gap), 0)
        for user_id, (orders, gap) in rhythms.items()
        for number in range(orders)
    ]
    orders = make_table(spark, "silver.orders", ORDER, rows)
    result = customer_segments(orders, no_baskets(spark), make_days(orders, CALENDAR), CALENDAR)
    assert read_rows(result, "user_id orders average_days_between_orders segment") == [
        (1, 5, 14.0, "regular"),
        (2, 5, 15.0, "occasional"),
        (3, 20, 1.0, "loyal"),
        (4, 4, 1.0, "new"),
    ]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("as_of_date", "estimated", "expected"),
    [
        (None, False, [(7, 2, 20), (8, 1, 0)]),  # the last order of all: 2020-01-30
        (date(2020, 2, 9), False, [(7, 2, 30), (8, 1, 10)]),
        # Orders after the day do not count as the last, but still are orders.
        (date(2020, 1, 9), False, [(7, 2, 8), (8, 1, None)]),
        (date(2020, 1, 10), False, [(7, 2, 0), (8, 1, None)]),
        (None, True, [(7, 2, None), (8, 1, None)]),
        (date(2020, 2, 9), True, [(7, 2, None), (8, 1, None)]),
    ],
)
def test_recency_looks_back_from_the_as_of_date_and_is_empty_where_dates_are_estimated(
    spark: SparkSession, as_of_date: date | None, estimated: bool, expected: list[tuple[int, int, int | None]]
) -> None:
    orders = make_table(
        spark,
        "silver.orders",
        "order_id user_id order_date is_date_estimated",
        [(1, 7, "2020-01-01", estimated), (2, 7, "2020-01-10", estimated), (3, 8, "2020-01-30", estimated)],
    )
    calendar = OrderCalendar(as_of_date=as_of_date)
    result = customer_segments(orders, no_baskets(spark), make_days(orders, calendar), calendar)
    assert read_rows(result, "user_id orders recency_days") == expected
    assert find_broken_promises(result, ADDRESS) == []


def test_without_orders_there_are_no_customers(spark: SparkSession) -> None:
    orders = make_table(spark, "silver.orders")
    result = customer_segments(orders, no_baskets(spark), make_days(orders, CALENDAR), CALENDAR)
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("orders", "gap", "silent_days", "is_lapsed"),
    [
        (5, 10, 30, False),  # three own gaps
        (5, 10, 31, True),
        (5, 2, 28, False),  # fourteen own gaps, but four weeks only
        (5, 2, 29, True),
        (5, 60, 180, False),
        (5, 60, 181, True),
        (5, 0, 29, True),  # all orders on one day
        (4, 10, 400, None),  # too few orders to speak of a rhythm
    ],
)
def test_customers_lapse_by_their_own_rhythm(
    spark: SparkSession, orders: int, gap: int, silent_days: int, is_lapsed: bool | None
) -> None:
    first = date(2020, 1, 1)
    days = [first + timedelta(days=number * gap) for number in range(orders)]
    frame = make_table(
        spark, "silver.orders", ORDER, [(number, 7, day, 0) for number, day in enumerate(days, 1)]
    )
    calendar = OrderCalendar(as_of_date=days[-1] + timedelta(days=silent_days))
    result = customer_segments(frame, no_baskets(spark), make_days(frame, calendar), calendar)
    expected_gaps = silent_days / gap if gap else None
    assert read_rows(result, "recency_days recency_gaps is_lapsed") == [
        (silent_days, expected_gaps, is_lapsed)
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_nobody_lapses_by_estimated_dates_and_the_last_gap_says_what_can_be_said(
    spark: SparkSession,
) -> None:
    days = {
        7: ["2020-03-01", "2020-01-01", "2020-01-06", "2020-01-11"],  # 5, 5, 50; rows come in any order
        8: ["2020-01-01", "2020-01-31"],
        9: ["2020-01-01"],
        10: ["2020-01-01", "2020-01-01", "2020-01-08"],  # 0, 7
        11: ["2020-01-01", "2020-01-09", "2020-01-09"],  # 8, 0
    }
    rows = [
        (100 * user + number, user, day, True)
        for user, own in days.items()
        for number, day in enumerate(own, 1)
    ]
    orders = make_table(spark, "silver.orders", "order_id user_id order_date is_date_estimated", rows)
    result = customer_segments(orders, no_baskets(spark), make_days(orders, CALENDAR), CALENDAR)
    assert read_rows(result, "user_id recency_gaps is_lapsed last_gap_days last_gap_ratio") == [
        (7, None, None, 50, 10.0),
        (8, None, None, 30, None),
        (9, None, None, None, None),
        (10, None, None, 7, None),
        (11, None, None, 0, 0.0),
    ]
    assert find_broken_promises(result, ADDRESS) == []
