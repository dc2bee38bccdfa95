"""Days, hours and trends on a generated world: the profiles are the world's own, and where nothing changes nothing is found.

The seeds were fixed before anything was looked at.
"""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from instacart_assets.gold.department_hourly_profile import department_hourly_profile
from instacart_assets.gold.department_trends import department_trends
from instacart_assets.gold.department_weekday_profile import department_weekday_profile
from instacart_assets.gold.dim_date import dim_date
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.facts import load_facts
from instacart_assets_tests.calibration.world_customers import WorldCustomers, make_world_customers
from instacart_assets_tests.faults.proof import scale, write_report
from instacart_assets_tests.frames import make_table

pytestmark = pytest.mark.slow

USERS, SEEDS = 3_000, tuple(range(21, 21 + scale(2, 12)))
SHARES = load_facts().weekday_hour_shares
CALENDAR = OrderCalendar()


@pytest.fixture(scope="module")
def worlds(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> list[WorldCustomers]:
    """Worlds without drivers and without restless days, which differ by chance alone."""
    return [
        make_world_customers(spark, "plain", USERS, seed, tmp_path_factory.mktemp(f"plain_{seed}"))
        for seed in SEEDS
    ]


def test_days_of_the_week_are_those_of_the_world(worlds: list[WorldCustomers]) -> None:
    found = pd.concat(
        [
            department_weekday_profile(world.order_items, world.departments, CALENDAR).toPandas()
            for world in worlds
        ]
    )
    judged = found[found["demand_index_ci_low"].notna()]
    truth = 7 * SHARES.sum(axis=1)[judged["order_dow"]]
    held = (judged["demand_index_ci_low"] <= truth) & (truth <= judged["demand_index_ci_high"])
    write_report("trends.json", {"weekdays": {"intervals": len(held), "coverage": float(held.mean())}})
    assert len(held) > 0.9 * 7 * 21 * len(SEEDS)
    # Departments share customers, so their intervals err together.
    assert held.mean() == pytest.approx(0.95, abs=scale(8, 3) / 100)
    # All departments together are so many units that the day's own share must come out.
    units = found.groupby("order_dow")["units"].sum()
    assert (units / units.sum()).to_numpy() == pytest.approx(SHARES.sum(axis=1), rel=0.03)


def test_hours_of_the_week_are_those_of_the_world(worlds: list[WorldCustomers]) -> None:
    found = pd.concat(
        [department_hourly_profile(world.order_items, world.departments).toPandas() for world in worlds]
    )
    units = np.zeros((7, 24))
    np.add.at(units, (found["order_dow"], found["order_hour_of_day"]), found["units"])
    orders = sum(world.orders.count() for world in worlds)
    # Orders fall into hours by chance, and as some are larger the units vary twice as much as as many orders alike.
    errors = np.sqrt(2 * SHARES / orders)
    assert (np.abs(units / units.sum() - SHARES) / errors).max() < 4.5
    # The largest department's index follows the world's hours: no department has hours of its own there.
    largest = found.groupby("department")["units"].sum().idxmax()
    of_largest = found[found["department"] == largest]
    index = of_largest.groupby(["order_dow", "order_hour_of_day"])["demand_index"].mean().to_numpy()
    assert np.corrcoef(index, (168 * SHARES).ravel())[0, 1] > 0.98
    assert index.mean() == pytest.approx(1)


def look_back(spark: SparkSession, world: WorldCustomers) -> Iterator[pd.DataFrame]:
    """The trends of a world every eight weeks of its full coverage."""
    days = dim_date(world.orders, make_table(spark, "silver.promotions"), CALENDAR)
    last = CALENDAR.window_end
    while last - timedelta(days=55) >= CALENDAR.full_coverage_start:
        calendar = OrderCalendar(as_of_date=last)
        yield department_trends(world.order_items, world.departments, days, calendar).toPandas()
        last -= timedelta(days=56)


def test_where_nothing_changes_hardly_a_trend_is_found(
    spark: SparkSession, worlds: list[WorldCustomers]
) -> None:
    found = pd.concat([trends for world in worlds for trends in look_back(spark, world)])
    judged = found[found["trend"].notna()]
    held = (judged["change_index_ci_low"] <= 1) & (judged["change_index_ci_high"] >= 1)
    moved = float((judged["trend"] != "steady").mean())
    write_report(
        "trends.json",
        {"changes": {"intervals": len(held), "coverage": float(held.mean()), "share_of_trends": moved}},
    )
    assert len(judged) > 100
    assert held.mean() == pytest.approx(0.95, abs=scale(6, 3) / 100)
    assert moved < scale(5, 2) / 100
