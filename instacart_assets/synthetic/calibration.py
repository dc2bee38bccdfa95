"""The settings of the shoppers' habits that reproduce the measured baskets.

Habits are not results: a shopper who finds too few old favourites for a basket takes new products, and nobody buys a
product for the first time twice. ``calibration.json`` holds the habits that compensate for this; ``calibrate`` finds
them by simulating, comparing and correcting, and is run by hand when the shopping model changes::

    python -m instacart_assets.synthetic.calibrate
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from instacart_assets.synthetic.arrays import Floats
from instacart_assets.synthetic.facts import MOST_ORDERS, MeasuredFacts, read_json

KNOT_RANKS = np.unique(np.geomspace(1, 49_688, 12).round())
"""Popularity ranks between which the correction of first purchases is interpolated over the log of the rank."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Settings of the shoppers.

    Attributes:
        reorder_odds: log odds that a line is intended for a product bought before, by order number from 1 (index 0).
        final_shift: added to the log odds in a train order.
        novelty: by aisle, factor on the share of first purchases.
        loyalty: by aisle, chance that a product found in the history is taken again, at most 1.
        knot_corrections: log of the factor on first purchases at :data:`KNOT_RANKS`.
        new_item_delay: share of new products that go into the cart late.
    """

    reorder_odds: Floats
    final_shift: float
    novelty: Floats
    loyalty: Floats
    knot_corrections: Floats
    new_item_delay: float

    def corrections_of(self, ranks: Floats) -> Floats:
        """Factor on first purchases of products of these popularity ranks (from 1)."""
        return np.exp(np.interp(np.log(ranks), np.log(KNOT_RANKS), self.knot_corrections))


def first_guess(facts: MeasuredFacts) -> Calibration:
    """The starting point of the calibration: habits equal to the results wanted."""
    rates = wanted_reorder_rates(facts)
    rates[0] = rates[1]  # the first order has nothing to reorder; any finite value does
    loyalty = facts.aisle_reorder_rates
    return Calibration(
        reorder_odds=np.log(rates / (1 - rates)),
        final_shift=-0.3,
        novelty=(1 - loyalty) / (1 - loyalty).mean(),
        loyalty=loyalty / loyalty.max(),
        knot_corrections=np.zeros(len(KNOT_RANKS)),
        new_item_delay=0.35,
    )


def wanted_reorder_rates(facts: MeasuredFacts) -> Floats:
    """Measured reorder rates for order numbers 1 to 100, made monotonically rising (pool adjacent violators).

    The rates beyond order 20 are based on few lines and are noisy; a growing history can only raise them.
    """
    blocks: list[list[float]] = []  # rate, lines, orders
    for rate, lines in zip(facts.reorder_rates, facts.reorder_lines, strict=True):
        blocks.append([float(rate), float(lines), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            above, below = blocks.pop(), blocks[-1]
            weight = below[1] + above[1]
            below[0] = (below[0] * below[1] + above[0] * above[1]) / weight
            below[1], below[2] = weight, below[2] + above[2]
    rates = np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])
    return np.append(rates, np.full(MOST_ORDERS - len(rates), rates[-1]))


@cache
def load_calibration() -> Calibration:
    """The calibrated habits, parsed once per process."""
    raw = read_json("calibration.json")
    return Calibration(
        reorder_odds=np.array(raw["reorder_odds"]),
        final_shift=raw["final_shift"],
        novelty=np.array(raw["novelty"]),
        loyalty=np.array(raw["loyalty"]),
        knot_corrections=np.array(raw["knot_corrections"]),
        new_item_delay=raw["new_item_delay"],
    )
