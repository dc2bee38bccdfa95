"""Whether departments sell more than they did."""

from datetime import date, timedelta
from math import exp, log, sqrt

import pytest
from pyspark.sql import DataFrame, SparkSession
from scipy import stats

from instacart_assets.gold.department_trends import FEWEST_CUSTOMERS, department_trends
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets_tests.frames import find_broken_promises, make_table, read_rows

ADDRESS = "gold.department_trends"
AS_OF = date(2021, 6, 30)
CALENDAR = OrderCalendar(as_of_date=AS_OF)


def make_lines(spark: SparkSession, *sold: tuple[int, int, int], first: int = 500) -> DataFrame:
    """Lines of (department, customer, days before the as-of date), after one of department 9 on the first day."""
    rows = [
        (number, number, department, user, AS_OF - timedelta(days=days))
        for number, (department, user, days) in enumerate([(9, 1, first), *sold], 1)
    ]
    return make_table(
        spark, "silver.order_items", "order_id product_id department_id user_id order_date", rows
    )


def measure(spark: SparkSession, lines: DataFrame, *departments: int) -> DataFrame:
    known = make_table(
        spark,
        "silver.departments",
        "department_id department",
        [(at, f"department {at}") for at in departments],
    )
    return department_trends(lines, known, make_table(spark, "gold.dim_date"), CALENDAR)


def test_periods_are_whole_weeks_up_to_the_as_of_date(spark: SparkSession) -> None:
    days = [-1, 0, 27, 28, 29, 55, 56, 363, 364, 391, 392]
    result = measure(spark, make_lines(spark, *((1, 7, at) for at in days)), 1, 2)
    columns = "department_id units_28d units_28d_before units_28d_year_before customers"
    assert read_rows(result, f"{columns} change_index year_index as_of_date") == [
        (1, 2, 3, 2, 1, pytest.approx(2 / 3), 1.0, AS_OF.isoformat()),
        (2, 0, 0, 0, 0, None, None, AS_OF.isoformat()),
    ]
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize(
    ("first", "before", "year_before"), [(391, 1, 1), (390, 1, None), (55, 1, None), (54, None, None)]
)
def test_a_period_before_the_first_order_is_unknown(
    spark: SparkSession, first: int, before: int | None, year_before: int | None
) -> None:
    sold = [(1, 7, days) for days in (0, 30, 370) if days <= first]
    result = measure(spark, make_lines(spark, *sold, first=first), 1)
    found = read_rows(result, "units_28d_before units_28d_year_before units_share_28d units_share_28d_before")
    assert found == [(before, year_before, 1.0, None if before is None else 1.0 if first > 55 else 0.5)]
    assert find_broken_promises(result, ADDRESS) == []


def test_the_interval_takes_customers_for_the_ones_drawn(spark: SparkSession) -> None:
    # 50 customers buy one unit before and two after, 10 buy five before and none after: 100 against 100.
    # Each of the 50: 2/100 - 1/100 = 0.01; each of the 10: -0.05. Sum of squares 50 x 0.0001 + 10 x 0.0025 = 0.03,
    # times 60 / 59.
    sold = [(1, user, days) for user in range(50) for days in (40, 3, 4)]
    sold += [(1, user, days) for user in range(50, 60) for days in range(30, 35)]
    row = measure(spark, make_lines(spark, *sold), 1).collect()[0]
    error = sqrt(0.03 * 60 / 59)
    assert row["change_index"] == 1.0
    assert row["change_index_ci_low"] == pytest.approx(exp(-stats.norm.ppf(0.975) * error))
    assert row["change_index_ci_high"] == pytest.approx(exp(stats.norm.ppf(0.975) * error))
    assert row["change_p_value"] == pytest.approx(1)
    assert row["trend"] == "steady"


def test_a_change_beyond_chance_has_a_direction(spark: SparkSession) -> None:
    sold = []
    for user in range(100):
        sold += [(1, user, 30)] + [(1, user, days) for days in range(1 + user % 3)]  # one before, two after
        sold += [(2, user, days) for days in range(30, 31 + user % 3)] + [(2, user, 3)]
        sold += [(3, user, 3 if user % 2 else 30)]
    result = measure(spark, make_lines(spark, *sold), 1, 2, 3)
    assert read_rows(result, "department_id trend") == [(1, "rising"), (2, "falling"), (3, "steady")]
    rising = result.where("department_id = 1").collect()[0]
    spread = sum(((1 + user % 3) / 199 - 1 / 100) ** 2 for user in range(100))
    z = log(1.99) / sqrt(spread * 100 / 99)
    assert rising["change_p_value"] == pytest.approx(2 * stats.norm.sf(z), rel=1e-5)
    assert find_broken_promises(result, ADDRESS) == []


@pytest.mark.parametrize("customers", [FEWEST_CUSTOMERS - 1, FEWEST_CUSTOMERS])
def test_few_customers_have_a_change_and_no_verdict(spark: SparkSession, customers: int) -> None:
    sold = [(1, user, days) for user in range(customers) for days in (30, 3, *([4] if user % 2 else []))]
    row = measure(spark, make_lines(spark, *sold), 1).collect()[0]
    assert row["change_index"] > 1
    verdicts = (
        "change_index_ci_low",
        "change_index_ci_high",
        "change_p_value",
        "change_p_value_adjusted",
        "trend",
    )
    assert [row[name] is not None for name in verdicts] == [customers == FEWEST_CUSTOMERS] * 5


def test_without_order_lines_every_department_is_there_and_empty(spark: SparkSession) -> None:
    result = measure(spark, make_table(spark, "silver.order_items"), 1)
    columns = "units_28d units_28d_before units_share_28d change_index change_p_value trend is_date_estimated"
    assert read_rows(result, columns) == [(0, None, None, None, None, None, False)]
    assert find_broken_promises(result, ADDRESS) == []
