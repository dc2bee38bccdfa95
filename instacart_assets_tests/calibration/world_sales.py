"""A generated world as the tables that promotions are measured from, without the way through files and lake.

Contains the counting of what customers bought into rows of ``gold.daily_product_sales``; ``test_promotions.py`` holds
it to what the graph makes of the same world's files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.catalogue import build_catalogue, products_for
from instacart_assets.synthetic.facts import load_facts
from instacart_assets.synthetic.generate import Shoppers
from instacart_assets.synthetic.promotions import PromotedProduct, date_of, draw_ledger
from instacart_assets.synthetic.worlds import WORLDS

CALENDAR = OrderCalendar()


@dataclass(frozen=True, eq=False)
class WorldSales:
    """What promotions of a world are measured from, and what they truly did.

    Attributes:
        promotions: rows of silver.promotions.
        products: product_id, department_id and aisle_id.
        departments: rows of silver.departments.
        daily_sales: order_date, product_id, units and is_date_estimated of gold.daily_product_sales.
        ledger: the promotions with their true lifts; none where nobody knows them.
        lost_units: units that each promotion truly took from its aisle.
    """

    promotions: DataFrame
    products: DataFrame
    departments: DataFrame
    daily_sales: DataFrame
    ledger: Sequence[PromotedProduct] = ()
    lost_units: Sequence[float] = ()


def make_world_sales(spark: SparkSession, world: str, users: int, seed: int, folder: Path) -> WorldSales:
    """Simulate a world and count what was sold; large tables are put down in ``folder``."""
    facts = load_facts()
    catalogue = build_catalogue(products_for(users, facts), seed, facts)
    ledger = draw_ledger(catalogue, users, CALENDAR, seed, WORLDS[world])
    shoppers = Shoppers(users, seed, catalogue, ledger, calendar=CALENDAR, world=WORLDS[world])
    counts = np.zeros(catalogue.size * 2_000, np.int64)
    for part in range(shoppers.parts):
        visits, baskets, _ = shoppers.simulate(part)
        counts += np.bincount(
            visits.day[baskets.order] * catalogue.size + baskets.product, minlength=len(counts)
        )
    sold = np.flatnonzero(counts)
    days = np.datetime64(CALENDAR.window_start) + sold // catalogue.size
    path = folder / f"{world}_{seed}.parquet"
    pq.write_table(
        pa.table(
            {
                "order_date": pa.array(days.astype("datetime64[D]")),
                "product_id": pa.array((sold % catalogue.size + 1).astype(np.int32)),
                "units": pa.array(counts[sold]),
                "is_date_estimated": pa.array(np.ones(len(sold), np.bool_)),
            }
        ),
        path,
    )
    products = list(
        zip(
            range(1, catalogue.size + 1),
            catalogue.department_of.tolist(),
            (catalogue.aisle_of + 1).tolist(),
            strict=True,
        )
    )
    return WorldSales(
        promotions=spark.createDataFrame([_write_promotion(line) for line in ledger], PROMOTION),
        products=spark.createDataFrame(products, "product_id int, department_id int, aisle_id int"),
        departments=spark.createDataFrame(
            list(enumerate(catalogue.departments, 1)), "department_id int, department string"
        ),
        daily_sales=spark.read.parquet(str(path)),
        ledger=ledger,
        lost_units=shoppers.tally.lost_units.tolist(),
    )


PROMOTION = (
    "promotion_id int, product_id int, promotion_name string, promotion_type string, start_date date, end_date date, "
    "is_simulated boolean"
)


def _write_promotion(line: PromotedProduct) -> tuple[object, ...]:
    start, end = date_of(line.start, CALENDAR), date_of(line.end, CALENDAR)
    return line.promotion_id, line.product + 1, line.name, line.mechanic, start, end, True
