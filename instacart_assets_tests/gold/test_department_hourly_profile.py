"""When each department sells."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.gold.department_hourly_profile import department_hourly_profile
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.department_hourly_profile"


@pytest.fixture
def departments(spark: SparkSession) -> DataFrame:
    return make_table(
        spark, "silver.departments", "department_id department", [(1, "bakery"), (2, "pets"), (3, "babies")]
    )


def test_hours_are_compared_with_the_mean_hour_of_the_department(
    spark: SparkSession, departments: DataFrame
) -> None:
    lines = make_table(
        spark,
        "silver.order_items",
        "order_id product_id department_id order_dow order_hour_of_day is_reordered order_date",
        [
            (1, 11, 1, 0, 0, True, "2020-01-04"),
            (1, 12, 1, 0, 0, False, "2020-01-04"),
            (2, 11, 1, 0, 0, True, "2020-01-11"),  # the same hour of another week
            (3, 11, 1, 6, 23, False, "2020-01-10"),
            (3, 31, 3, 6, 23, False, "2020-01-10"),
        ],
    )
    result = department_hourly_profile(lines, departments)
    rows = read_rows(
        result,
        "department_id order_dow order_hour_of_day department units orders reorder_rate demand_index",
    )
    assert [row for row in rows if row[4]] == [
        # 4 units in 168 hours: the mean hour sells 1/42, so an hour with 3 has 3 x 42.
        (1, 0, 0, "bakery", 3, 2, pytest.approx(2 / 3), pytest.approx(126.0)),
        (1, 6, 23, "bakery", 1, 1, 0.0, pytest.approx(42.0)),
        (3, 6, 23, "babies", 1, 1, 0.0, pytest.approx(168.0)),
    ]
    assert {row[4:] for row in rows if not row[4]} == {(0, 0, None, 0.0)}
    hours = [(dow, hour) for dow in range(7) for hour in range(24)]
    for department_id, mean in ((1, 1.0), (2, 0.0), (3, 1.0)):
        of_department = [row for row in rows if row[0] == department_id]
        assert [row[1:3] for row in of_department] == hours
        assert sum(row[7] for row in of_department) / 168 == pytest.approx(mean)
    assert find_broken_promises(result, ADDRESS) == []


def test_without_order_lines_every_hour_is_there_and_empty(
    spark: SparkSession, departments: DataFrame
) -> None:
    result = department_hourly_profile(make_table(spark, "silver.order_items"), departments)
    rows = read_rows(result, "units orders reorder_rate demand_index")
    assert rows == [(0, 0, None, 0.0)] * (3 * 168)
    assert find_broken_promises(result, ADDRESS) == []
