"""Customers of a generated world: as many stay as the world says, and few who come back were called lapsed.

The seed was fixed before anything was looked at.
"""

from datetime import timedelta
from math import log, sqrt

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from instacart_assets.gold.customer_segments import ESTABLISHED_ORDERS, customer_segments
from instacart_assets.gold.dim_date import dim_date
from instacart_assets.gold.order_retention import order_retention
from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.facts import load_facts
from instacart_assets_tests.calibration.world_customers import WorldCustomers, make_world_customers
from instacart_assets_tests.frames import make_table

pytestmark = pytest.mark.slow

USERS = 3_000


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> WorldCustomers:
    return make_world_customers(
        spark, "usual", USERS, 31, tmp_path_factory.mktemp("usual"), first_orders_only=True
    )


def test_as_many_customers_stay_as_the_world_says(spark: SparkSession, world: WorldCustomers) -> None:
    found = order_retention(world.orders, make_table(spark, "silver.order_items")).toPandas()
    found = found.sort_values("order_number")
    truth = 1 - np.cumsum(load_facts().order_count_shares)[found["order_number"] - 1]
    assert found["retention_rate"][:4].tolist() == [1.0] * 4
    # Dvoretzky, Kiefer and Wolfowitz: all rates together are this near but once in 10,000 times.
    nearest = sqrt(log(2 / 1e-4) / (2 * USERS))
    assert (found["retention_rate"] - truth).abs().max() < nearest
    held = (found["retention_rate_ci_low"] <= truth) & (truth <= found["retention_rate_ci_high"])
    assert held[3:].mean() > 0.5  # the rates err together


def test_few_customers_who_order_again_were_called_lapsed(spark: SparkSession, world: WorldCustomers) -> None:
    orders = world.orders.withColumn("is_date_estimated", F.lit(False))
    calendar = OrderCalendar()
    as_of = calendar.window_end - timedelta(days=100)
    seen = orders.where(F.col("order_date") <= F.lit(as_of))
    looking = OrderCalendar(as_of_date=as_of)
    days = dim_date(seen, make_table(spark, "silver.promotions"), looking)
    segments = customer_segments(seen, make_table(spark, "silver.order_items"), days, looking)
    coming = orders.where(F.col("order_date") > F.lit(as_of)).select("user_id").distinct()
    coming = coming.withColumn("orders_again", F.lit(True))
    found = segments.join(coming, "user_id", "left").where("is_lapsed IS NOT NULL").toPandas()
    again = found["orders_again"].notna()
    assert found["orders"].min() == ESTABLISHED_ORDERS
    assert again.sum() > 300
    assert found["is_lapsed"].astype(bool)[again].mean() < 0.05
    # Histories end: most of those who do not order again were silent for long.
    assert found["is_lapsed"].astype(bool)[~again].mean() > 0.6
