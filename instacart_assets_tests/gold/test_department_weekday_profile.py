"""On which days of the week departments sell."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy import stats

from instacart_assets.gold.department_weekday_profile import FEWEST_CUSTOMERS, department_weekday_profile
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.department_weekday_profile"
CALENDAR = OrderCalendar()


def measure(spark: SparkSession, lines: list[tuple[int, int, int]], *departments: int) -> DataFrame:
    """The profile of lines (department, customer, day of the week)."""
    rows = [(number, number, *line) for number, line in enumerate(lines, 1)]
    items = make_table(
        spark, "silver.order_items", "order_id product_id department_id user_id order_dow", rows
    )
    known = make_table(spark, "silver.departments", "department_id", departments)
    return department_weekday_profile(items, known, CALENDAR)


def test_every_department_has_every_day_and_is_compared_with_its_mean_day(spark: SparkSession) -> None:
    result = measure(spark, [(1, 7, 0), (1, 7, 0), (1, 8, 0), (1, 7, 6)], 1, 2)
    columns = "department_id order_dow day_name units customers units_share demand_index demand_index_ci_low"
    rows = read_rows(result, columns)
    assert [row for row in rows if row[3]] == [
        (1, 0, "Saturday", 3, 2, 0.75, 5.25, None),
        (1, 6, "Friday", 1, 1, 0.25, 1.75, None),
    ]
    assert [row[:2] for row in rows] == [(department, dow) for department in (1, 2) for dow in range(7)]
    assert {row[3:] for row in rows if row[0] == 2} == {(0, 0, None, None, None)}
    assert find_broken_promises(result, ADDRESS) == []


def test_the_interval_takes_customers_for_the_ones_drawn(spark: SparkSession) -> None:
    # 30 customers buy four units on day 0 each, 30 buy two on day 1: of 180 units 2/3 are on day 0.
    # x_0 - s x is 4 - 8/3 = 4/3 for the first and -4/3 for the others: V = 60 / 59 x 60 x (16 / 9) / 180^2.
    lines = [(1, user, 0) for user in range(30) for _ in range(4)]
    lines += [(1, user, 1) for user in range(30, 60) for _ in range(2)]
    result = measure(spark, lines, 1)
    found = read_rows(result.where("order_dow = 0"), "demand_index demand_index_ci_low demand_index_ci_high")
    size = (2 / 3) * (1 / 3) / (60 / 59 * 60 * (16 / 9) / 180**2)  # 66.4 of the 180 units
    slack = stats.norm.ppf(0.975) ** 2 / size
    reach = (slack * 2 / 9 + slack**2 / 4) ** 0.5
    assert found == [
        (
            pytest.approx(14 / 3),
            pytest.approx(7 * (2 / 3 + slack / 2 - reach) / (1 + slack)),
            pytest.approx(7 * (2 / 3 + slack / 2 + reach) / (1 + slack)),
        )
    ]
    assert find_broken_promises(result, ADDRESS) == []


def test_customers_with_a_unit_each_are_as_good_as_units(spark: SparkSession) -> None:
    lines = [(1, user, int(user % 5 == 0)) for user in range(5_000)]
    row = measure(spark, lines, 1).where("order_dow = 1").collect()[0]
    expected = stats.binomtest(1_000, 5_000).proportion_ci(0.95, method="wilson")
    assert row["demand_index_ci_low"] == pytest.approx(7 * expected.low, rel=1e-4)
    assert row["demand_index_ci_high"] == pytest.approx(7 * expected.high, rel=1e-4)


@pytest.mark.parametrize("customers", [FEWEST_CUSTOMERS - 1, FEWEST_CUSTOMERS])
def test_few_customers_have_no_interval(spark: SparkSession, customers: int) -> None:
    row = (
        measure(spark, [(1, user, user % 2) for user in range(customers)], 1)
        .where("order_dow = 0")
        .collect()[0]
    )
    assert (row["demand_index_ci_low"] is not None) == (customers == FEWEST_CUSTOMERS)


def test_without_order_lines_every_day_is_there_and_empty(spark: SparkSession) -> None:
    result = measure(spark, [], 1)
    assert read_rows(result, "units customers units_share demand_index") == [(0, 0, None, None)] * 7
    assert find_broken_promises(result, ADDRESS) == []
