"""A small shop with one promotion, worked out so that a reader can recompute what the promotion tables say.

Contains the shop that the tests of both promotion tables start from. What else happens in it stands in the
tests.

Units per day:
    product  aisle  department  before the promotion  during it  after it
    BREAD    bread  bakery                         2          6         3   is promoted
    BUNS     bread  bakery                         5          8         5   stands beside it: may be cannibalised
    CAKES    cakes  bakery                        10         20        10   the control
    CHEESE   cheese dairy eggs                     1        100         1   another department: no matter
    MILK     milk   dairy eggs                     0          0         0   sold only where a test says so

BREAD is promoted for 7 days from 2020-05-01 to 2020-05-07. Its baseline is the 28 days from 2020-04-03 to
2020-04-30, its pre-period the 56 days from 2020-02-07 to 2020-04-02, and 28 days after it end on 2020-06-04.

Lift
    product: 7 x 6 = 42 units in the promotion (Y), 28 x 2 = 56 in the baseline (B)
    control: 7 x 20 = 140 units in the promotion (C_P), 28 x 10 = 280 in the baseline (C_B)
    (42 / 56) / (140 / 280) = 0.75 / 0.5 = 1.5
Baseline units
    42 / 1.5 = 28 units expected, 42 - 28 = 14 beyond them
Daily effect
    the usual day sells 2 units of BREAD where the control sells 10: expected are 2 x 10 / 10 = 2 before and
    after the promotion and 2 x 20 / 10 = 4 during it, 7 x 4 = 28 in all
Cannibalisation
    BUNS: 7 x 8 = 56 units in the promotion, 28 x 5 = 140 in the baseline: (56 / 140) / 0.5 = 0.8
    56 / 0.8 = 70 units expected, 70 - 56 = 14 lost
Noise
    units, days and length add nothing (0), windows differ by 0.1 on the log scale (0.01): SE = 0.1, so the interval
    of lift reaches from 1.5 / 1.2165 to 1.5 x 1.2165, 1.2165 being e^0.196
Enough data
    the pre-period sells 56 x 2 = 112 units where the control sells 560, one in five of it: expected are
    140 / 5 = 28 units in the promotion (10 are needed) and 280 / 5 = 56 in the baseline (20 are needed)
"""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, SparkSession

from instacart_assets_tests.frames import make_table

BREAD, BUNS, CAKES, CHEESE, MILK = 1, 2, 3, 4, 5

Run = tuple[int, str, str, int]
"""A product, its first and last day, and its units on each of them."""

FIRST_DAY, LAST_DAY = "2020-02-07", "2020-06-04"
START, END = "2020-05-01", "2020-05-07"
BEFORE = (FIRST_DAY, "2020-04-30")
DURING = (START, END)
AFTER = ("2020-05-08", LAST_DAY)

BREAD_SALES: tuple[Run, ...] = ((BREAD, *BEFORE, 2), (BREAD, *DURING, 6), (BREAD, *AFTER, 3))
OTHER_SALES: tuple[Run, ...] = (
    (BUNS, *BEFORE, 5),
    (BUNS, *DURING, 8),
    (BUNS, *AFTER, 5),
    (CAKES, *BEFORE, 10),
    (CAKES, *DURING, 20),
    (CAKES, *AFTER, 10),
    (CHEESE, *BEFORE, 1),
    (CHEESE, *DURING, 100),
    (CHEESE, *AFTER, 1),
)
SALES = BREAD_SALES + OTHER_SALES

PROMOTION = (1, BREAD, START, END)


def make_products(spark: SparkSession) -> DataFrame:
    """Rows of silver.products."""
    return make_table(
        spark,
        "silver.products",
        "product_id aisle_id department_id",
        [(BREAD, 1, 1), (BUNS, 1, 1), (CAKES, 2, 1), (CHEESE, 3, 2), (MILK, 4, 2)],
    )


def make_promotions(spark: SparkSession, *promotions: tuple[int, int, str, str]) -> DataFrame:
    """Rows of silver.promotions: promotion_id, product_id, start_date and end_date."""
    return make_table(spark, "silver.promotions", "promotion_id product_id start_date end_date", promotions)


def make_noise(spark: SparkSession, **other: float | None) -> DataFrame:
    """Rows of gold.promotion_noise: of both departments alike, that of the example but for what is ``other``."""
    noise = {
        "unit_dispersion": 0.0,
        "daily_variance": 0.0,
        "window_variance": 0.01,
        "bias_of_short": 0.0,
        "bias_of_medium": 0.0,
        "bias_of_long": 0.0,
    } | other
    rows = [(department, *noise.values()) for department in (1, 2)]
    return make_table(spark, "gold.promotion_noise", f"department_id {' '.join(noise)}", rows)


def make_sales(spark: SparkSession, runs: Sequence[Run] = SALES) -> DataFrame:
    """Rows of gold.daily_product_sales; a later run of a product replaces the days of an earlier one."""
    units_of: dict[tuple[str, int], int] = {}
    for product_id, first, last, units in runs:
        for day in list_days(first, last):
            units_of[day, product_id] = units
    rows = [(day, product_id, units) for (day, product_id), units in units_of.items() if units]
    return make_table(spark, "gold.daily_product_sales", "order_date product_id units", rows)


def list_days(first: str, last: str) -> list[str]:
    """The days from the first to the last."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(start + timedelta(days=number)).isoformat() for number in range((end - start).days + 1)]
