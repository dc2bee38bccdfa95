"""Units, orders and customers per department, every day."""

import pytest
from pyspark.sql import SparkSession

from instacart_assets.gold.department_daily_sales import department_daily_sales
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.department_daily_sales"
LINE = "order_id product_id department_id user_id order_date is_reordered"


def test_every_department_has_every_day_and_a_quiet_day_is_a_row_of_zeros(spark: SparkSession) -> None:
    lines = make_table(
        spark,
        "silver.order_items",
        f"{LINE} is_date_estimated",
        [
            (1, 11, 1, 7, "2020-01-04", True, True),
            (1, 12, 1, 7, "2020-01-04", False, True),
            (1, 21, 2, 7, "2020-01-04", False, True),  # the same order in another department
            (2, 11, 1, 7, "2020-01-04", False, True),  # the same customer again, on the same day
            (3, 21, 2, 8, "2020-01-06", True, True),
        ],
    )
    departments = make_table(
        spark,
        "silver.departments",
        "department_id department",
        [(1, "bakery"), (2, "dairy eggs"), (3, "pets")],
    )
    result = department_daily_sales(lines, departments)
    columns = "order_date department_id department units orders customers reordered_units reorder_rate"
    assert read_rows(result, f"{columns} units_share is_date_estimated") == [
        ("2020-01-04", 1, "bakery", 3, 2, 1, 1, pytest.approx(1 / 3), 0.75, True),
        ("2020-01-04", 2, "dairy eggs", 1, 1, 1, 0, 0.0, 0.25, True),
        ("2020-01-04", 3, "pets", 0, 0, 0, 0, None, 0.0, True),
        ("2020-01-05", 1, "bakery", 0, 0, 0, 0, None, None, True),  # nobody sold anything: no share
        ("2020-01-05", 2, "dairy eggs", 0, 0, 0, 0, None, None, True),
        ("2020-01-05", 3, "pets", 0, 0, 0, 0, None, None, True),
        ("2020-01-06", 1, "bakery", 0, 0, 0, 0, None, 0.0, True),
        ("2020-01-06", 2, "dairy eggs", 1, 1, 1, 1, 1.0, 1.0, True),
        ("2020-01-06", 3, "pets", 0, 0, 0, 0, None, 0.0, True),
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_the_mean_is_over_the_day_and_the_six_before_quiet_days_included(spark: SparkSession) -> None:
    # Department 1 sells 7 units on the 1st and 14 on the 8th, department 2 one unit on the 3rd.
    sold = [(1, "2020-01-01")] * 7 + [(1, "2020-01-08")] * 14 + [(2, "2020-01-03")]
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [
            (number, 1, department_id, number, day, False)
            for number, (department_id, day) in enumerate(sold, 1)
        ],
    )
    departments = make_table(spark, "silver.departments", "department_id", [1, 2])
    result = department_daily_sales(lines, departments)
    means = {
        (row[0], row[1]): row[2] for row in read_rows(result, "department_id order_date units_7d_average")
    }
    assert [means[1, f"2020-01-0{day}"] for day in range(1, 9)] == [
        7.0,  # 7 / 1: no days before the first
        3.5,  # 7 / 2
        pytest.approx(7 / 3),
        1.75,
        1.4,
        pytest.approx(7 / 6),
        1.0,  # 7 / 7
        2.0,  # 14 / 7: the 1st is out
    ]
    assert means[2, "2020-01-02"] == 0.0
    assert means[2, "2020-01-03"] == pytest.approx(1 / 3)
    assert means[2, "2020-01-08"] == pytest.approx(1 / 7)


def test_four_weeks_are_averaged_and_a_week_is_compared_with_the_week_before(spark: SparkSession) -> None:
    # One unit a day in the first 20 days and two from then on, for 36 days.
    sold = [
        (1, f"2020-01-{day:02d}" if day <= 31 else f"2020-02-{day - 31:02d}")
        for day in range(1, 37)
        for _ in range(1 if day <= 20 else 2)
    ]
    lines = make_table(
        spark,
        "silver.order_items",
        LINE,
        [(number, 1, department, number, day, False) for number, (department, day) in enumerate(sold, 1)],
    )
    result = department_daily_sales(lines, make_table(spark, "silver.departments", "department_id", [1, 2]))
    rows = read_rows(
        result.where("department_id = 1"),
        "order_date units units_28d_average units_week_before week_on_week_index",
    )
    assert [row[2] for row in rows[:20]] == [1.0] * 20
    assert rows[27][2] == pytest.approx(36 / 28)  # 20 days of one and 8 of two
    assert rows[35][2] == pytest.approx(44 / 28)  # 12 and 16
    assert [row[3] for row in rows[:8]] == [None] * 7 + [1]
    assert [row[3] for row in rows[26:28]] == [1, 2]  # the 20th and the 21st
    assert [row[4] for row in rows[:14]] == [None] * 13 + [1.0]
    assert rows[20][4] == pytest.approx(8 / 7)  # six days of one and one of two
    assert [row[4] for row in rows[26:28]] == [2.0, pytest.approx(14 / 8)]
    quiet = read_rows(result.where("department_id = 2"), "week_on_week_index")
    assert quiet == [(None,)] * 36  # nothing to compare with
    assert find_broken_promises(result, ADDRESS) == []


def test_without_order_lines_there_are_no_days(spark: SparkSession) -> None:
    result = department_daily_sales(
        make_table(spark, "silver.order_items"), make_table(spark, "silver.departments", "department_id", [1])
    )
    assert result.count() == 0
    assert find_broken_promises(result, ADDRESS) == []
