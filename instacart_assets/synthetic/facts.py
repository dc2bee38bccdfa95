"""The measured statistics the generator reproduces, read once from ``measured_facts.json``.

Aggregates only: no row of the public files is stored or shipped. Nothing is drawn at random here.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from instacart_assets.synthetic.arrays import Floats, Ints, normalise, sum_by

FEWEST_ORDERS = 4
MOST_ORDERS = 100
LONGEST_SPAN_DAYS = 365
"""A user's landed gaps sum to at most this many days."""


@dataclass(frozen=True, eq=False)
class MeasuredFacts:
    """Histograms and rates of the public files. Arrays named ``*_shares`` sum to 1.

    Attributes:
        order_count_shares: users by number of orders, indexed by that number (0 to 100).
        weekday_hour_shares: orders by ``order_dow`` and hour, 7 x 24.
        gap_shares: days since the prior order of every order but the last, indexed 0 to 30 (30: "30 or more").
        final_gap_shares: the same for each user's last order.
        mean_span_days: average sum of a user's gaps, indexed by number of orders (0 to 100).
        prior_size_shares: prior baskets by number of lines, indexed by that number from 0.
        train_size_shares: the same for train baskets.
        reorder_rates: share of lines bought before, by order number from 1 (index 0).
        reorder_lines: lines behind each of ``reorder_rates``.
        cart_reorder_rates: the same share by position in the cart from 1 (index 0).
        popularity_ranks: ranks at which the popularity curve was measured.
        popularity_shares: share of all lines that a product of that rank holds.
        aisle_departments: department of each aisle; aisle 1 at index 0, as in the three below.
        aisle_products: products in each aisle.
        aisle_shares: share of all lines.
        aisle_reorder_rates: share of the aisle's lines bought before, small aisles shrunk to their department.
        users: users in the public files.
        products: products in the public files.
        train_user_share: share of users whose last order is ``train``; the others' is ``test``.
        prior_reorder_rate: share of prior lines bought before.
        train_reorder_rate: the same for train lines.
    """

    order_count_shares: Floats
    weekday_hour_shares: Floats
    gap_shares: Floats
    final_gap_shares: Floats
    mean_span_days: Floats
    prior_size_shares: Floats
    train_size_shares: Floats
    reorder_rates: Floats
    reorder_lines: Ints
    cart_reorder_rates: Floats
    popularity_ranks: Floats
    popularity_shares: Floats
    aisle_departments: Ints
    aisle_products: Ints
    aisle_shares: Floats
    aisle_reorder_rates: Floats
    users: int
    products: int
    train_user_share: float
    prior_reorder_rate: float
    train_reorder_rate: float

    @property
    def department_shares(self) -> Floats:
        """Share of all lines by department; department 1 at index 0."""
        return sum_by(self.aisle_departments - 1, self.aisle_shares)


def read_json(name: str) -> dict[str, Any]:
    """The content of one of this package's JSON files."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def load_facts() -> MeasuredFacts:
    """The measured facts, parsed once per process."""
    raw = read_json("measured_facts.json")
    published = raw["published"]
    aisles = np.array(raw["aisles_department_products_lines_reorder_rate_from_1"], dtype=np.float64)
    departments = aisles[:, 0].astype(np.int64)
    reorders = np.array(raw["reorder_lines_and_rate_by_order_number_from_1"])
    final_gaps = np.array(raw["final_gaps_from_0"], dtype=np.float64)
    spans = {int(orders): days for orders, days in raw["mean_span_days_by_orders"].items()}
    curve = raw["popularity"]
    return MeasuredFacts(
        order_count_shares=_shares([0] * FEWEST_ORDERS + raw["users_by_orders_from_4"]),
        weekday_hour_shares=_shares(raw["orders_by_weekday_and_hour"]),
        gap_shares=_shares(np.array(raw["gaps_from_0"]) - final_gaps),
        final_gap_shares=_shares(final_gaps),
        mean_span_days=np.interp(np.arange(MOST_ORDERS + 1), list(spans), list(spans.values())),
        prior_size_shares=_shares([0, *raw["prior_baskets_by_size_from_1"]]),
        train_size_shares=_shares([0, *raw["train_baskets_by_size_from_1"]]),
        reorder_rates=reorders[:, 1],
        reorder_lines=reorders[:, 0].astype(np.int64),
        cart_reorder_rates=np.array(raw["reorder_lines_and_rate_by_cart_position_from_1"])[:, 1],
        popularity_ranks=np.array(curve["ranks"], dtype=np.float64),
        popularity_shares=np.array(curve["lines_per_product"]) / curve["lines"],
        aisle_departments=departments,
        aisle_products=aisles[:, 1].astype(np.int64),
        aisle_shares=_shares(aisles[:, 2]),
        aisle_reorder_rates=_steady_rates(departments, lines=aisles[:, 2], rates=aisles[:, 3]),
        users=published["users"],
        products=published["products"],
        train_user_share=published["train_users"] / published["users"],
        prior_reorder_rate=published["prior_reorder_rate"],
        train_reorder_rate=published["train_reorder_rate"],
    )


def _shares(counts: Any) -> Floats:
    """Counts of any shape, scaled to sum to 1."""
    values: Floats = np.asarray(counts, dtype=np.float64)
    return normalise(values.ravel()).reshape(values.shape)


def _steady_rates(departments: Ints, lines: Floats, rates: Floats, trust_lines: float = 50.0) -> Floats:
    """Aisle rates shrunk towards their department's as if ``trust_lines`` of its lines had been added."""
    department_rates = sum_by(departments, lines * rates) / np.maximum(sum_by(departments, lines), 1)
    return (lines * rates + trust_lines * department_rates[departments]) / (lines + trust_lines)
