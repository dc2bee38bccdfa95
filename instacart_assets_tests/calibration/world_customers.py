"""A generated world as the rows of silver that customers are measured from, without the way through files and lake.

Contains the writing of what customers bought into the columns of ``silver.orders`` and ``silver.order_items`` that gold
tables ask for. What is true of the world comes with it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.catalogue import Catalogue, build_catalogue, products_for
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.generate import Shoppers
from instacart_assets.synthetic.promotions import draw_ledger
from instacart_assets.synthetic.urges import Driver
from instacart_assets.synthetic.worlds import WORLDS

CALENDAR = OrderCalendar()


@dataclass(frozen=True, eq=False)
class WorldCustomers:
    """What customers of a world did.

    Attributes:
        orders: order_id, user_id, order_number, order_dow, order_hour_of_day, days_since_prior_order, order_date and
            is_date_estimated of silver.orders.
        order_items: order_id, product_id, user_id, order_number, order_dow, order_hour_of_day, order_date,
            is_date_estimated, is_reordered and department_id of silver.order_items.
        departments: rows of silver.departments.
        catalogue: the products.
        drivers: products that truly bring people back.
    """

    orders: DataFrame
    order_items: DataFrame
    departments: DataFrame
    catalogue: Catalogue
    drivers: list[Driver]


def make_world_customers(
    spark: SparkSession, world: str, users: int, seed: int, folder: Path, *, first_orders_only: bool = False
) -> WorldCustomers:
    """Simulate a world; its tables are put down in ``folder``.

    Args:
        spark: session that reads them.
        world: name of the world.
        users: how many customers.
        seed: the seed.
        folder: an existing folder.
        first_orders_only: whether only the lines of first orders are kept.
    """
    facts = load_facts()
    catalogue = build_catalogue(products_for(users, facts), seed, facts)
    ledger = draw_ledger(catalogue, users, CALENDAR, seed, WORLDS[world])
    shoppers = Shoppers(users, seed, catalogue, ledger, calendar=CALENDAR, world=WORLDS[world])
    for part in range(shoppers.parts):
        visits, baskets, reordered = shoppers.simulate(part)
        orders = pa.table(
            {
                "order_id": part * 1_000_000 + np.arange(len(visits.user)),
                "user_id": visits.user_ids[visits.user].astype(np.int64),
                "order_number": visits.number.astype(np.int32),
                "order_dow": visits.dow.astype(np.int32),
                "order_hour_of_day": visits.hour.astype(np.int32),
                "days_since_prior_order": pa.array(visits.gap.astype(np.int32), mask=visits.number == 1),
                "order_date": (np.datetime64(CALENDAR.window_start) + visits.day).astype("datetime64[D]"),
                "is_date_estimated": np.ones(len(visits.user), np.bool_),
            }
        )
        _put_down(orders, folder / "orders", part)
        kept = (visits.number[baskets.order] == 1) | (not first_orders_only)
        lines = orders.drop_columns(["days_since_prior_order"]).take(pa.array(baskets.order[kept]))
        lines = lines.append_column("product_id", pa.array((baskets.product[kept] + 1).astype(np.int32)))
        lines = lines.append_column("is_reordered", pa.array(reordered[kept]))
        department = np.asarray(catalogue.department_of)[baskets.product[kept]]
        lines = lines.append_column("department_id", pa.array(department.astype(np.int32)))
        _put_down(lines, folder / "order_items", part)
    return WorldCustomers(
        orders=spark.read.parquet(str(folder / "orders")),
        order_items=spark.read.parquet(str(folder / "order_items")),
        departments=spark.createDataFrame(
            list(enumerate(catalogue.departments, 1)), "department_id int, department string"
        ),
        catalogue=catalogue,
        drivers=shoppers.drivers,
    )


def _put_down(rows: Any, folder: Path, part: int) -> None:
    folder.mkdir(exist_ok=True)
    pq.write_table(rows, folder / f"part-{part:04d}.parquet")
