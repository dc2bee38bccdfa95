"""Charts of published tables, drawn as text."""

from pyspark.sql import SparkSession

from instacart_assets.contracts.load import load_contracts
from instacart_assets.contracts.model import Chart
from instacart_assets.tables.charts import (
    MOST_ROWS,
    Point,
    draw_chart,
    draw_charts,
    read_points,
)
from instacart_assets_tests.small_contracts import make_column, make_contract

UNITS = Chart(
    "units",
    "Units by fruit.",
    "SELECT fruit AS label, units AS value FROM {batch} ORDER BY units DESC, fruit",
)
LIFT = Chart("lift", "Lift; 1 is no effect.", "SELECT 1", is_ratio=True)
COLUMNS = "fruit string, units bigint"


def draw_lines(chart: Chart, *points: Point) -> list[str]:
    """What is drawn, without what is said above it."""
    description, empty, *fenced = draw_chart(chart, points).split("\n")
    assert (description, empty, fenced[0], fenced[-1]) == (chart.description, "", "```", "```")
    return fenced[1:-1]


def test_bars_are_as_long_as_their_values() -> None:
    assert draw_lines(
        UNITS, Point("pear", 1_200), Point("fig", 300), Point("quince", 30), Point("kiwi", 0)
    ) == [
        "pear    ████████████ 1,200",
        "fig     ███ 300",
        "quince  ▎ 30",
        "kiwi    0",
    ]


def test_shares_have_two_decimals() -> None:
    assert draw_lines(UNITS, Point("pear", 0.5), Point("fig", 0.125)) == [
        "pear  ████████████ 0.50",
        "fig   ███ 0.12",
    ]


def test_bars_of_nothing_are_empty() -> None:
    assert draw_lines(UNITS, Point("pear", 0), Point("fig", 0)) == ["pear  0", "fig   0"]


def test_an_interval_reaches_from_its_lower_to_its_upper_end() -> None:
    assert draw_lines(UNITS, Point("pear", 0.1, 0.0, 0.2), Point("fig", 1.5, 1.5, 1.5)) == [
        "pear  ─●─               0.10 (0.00, 0.20)",
        "fig                  ●  1.50 (1.50, 1.50)",
        "      0.00        1.50",
    ]


def test_ratios_are_drawn_around_no_effect() -> None:
    """On a log scale a half is as far from 1 as twice."""
    pear, fig, kiwi = Point("pear", 1.0, 0.5, 2.0), Point("fig", 2.0, 2.0, 2.0), Point("kiwi", 0.5, 0.5, 1.5)
    assert draw_lines(LIFT, pear, fig, kiwi) == [
        "pear  ────────●───────  1.00 (0.50, 2.00)",
        "fig           │      ●  2.00 (2.00, 2.00)",
        "kiwi  ●───────┼────     0.50 (0.50, 1.50)",
        "      0.50        2.00",
    ]


def test_a_ratio_that_may_be_nothing_stands_at_the_end_of_the_scale() -> None:
    first, _ = draw_lines(LIFT, Point("pear", 0.5, 0.0, 1.0))
    assert first == "pear  ●──────────────┼  0.50 (0.00, 1.00)"


def test_labels_break_no_line_and_no_fence() -> None:
    (line,) = draw_lines(UNITS, Point("a ```\nvery long name of a fruit", 1))
    assert line == "a ''' very long n…  ████████████ 1"


def test_every_department_is_shown_in_its_place() -> None:
    """Dagster shows Markdown of 1,000 characters and more behind a link only."""
    departments = [Point("a department's long name", 9_479_291)] * 21
    assert len(departments) <= MOST_ROWS
    assert len(draw_chart(UNITS, departments)) < 1_000


def test_twelve_intervals_are_shown_in_their_place() -> None:
    assert len(draw_chart(LIFT, [Point("a promotion's long name", 1.12, 0.98, 1.31)] * 12)) < 1_000


def test_points_come_in_the_order_of_the_query_without_those_that_have_no_value(spark: SparkSession) -> None:
    rows = spark.createDataFrame([("fig", 2), ("pear", 3), (None, 9), ("kiwi", None)], COLUMNS)
    assert read_points(rows, UNITS) == [Point("pear", 3), Point("fig", 2)]


def test_a_chart_has_no_more_rows_than_people_read(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(f"fruit {number:02}", number) for number in range(50)], COLUMNS)
    points = read_points(rows, UNITS)
    assert [point.label for point in points[:2]] == ["fruit 49", "fruit 48"]
    assert len(points) == MOST_ROWS


def test_a_table_without_rows_has_no_chart(spark: SparkSession) -> None:
    contract = make_contract(make_column("fruit"), charts=(UNITS,))
    assert draw_charts(spark.createDataFrame([], COLUMNS), contract) == {}
    drawn = draw_charts(spark.createDataFrame([("fig", 2)], COLUMNS), contract)
    assert list(drawn) == ["units"]


def test_the_tables_that_answer_have_charts() -> None:
    assert {address for address, contract in load_contracts().items() if contract.charts} >= {
        "gold.department_daily_sales",
        "gold.department_weekday_profile",
        "gold.product_repeat_purchase",
        "gold.promotion_performance",
    }
