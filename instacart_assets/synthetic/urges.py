"""What makes a first purchase more or less likely than the product's popularity: the day, and the buyer.

Contains the restlessness of days and the products that bring people back. Both affect only first purchases, as the
chance that a drawn product is accepted; basket sizes and repeat purchases are unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instacart_assets.synthetic.arrays import Flags, Floats, Ints, Purpose, open_stream
from instacart_assets.synthetic.catalogue import Catalogue
from instacart_assets.synthetic.worlds import World

RETAINED_ORDERS = 10
"""A customer with at least this many orders counts as retained."""

_FIRST_BASKET = 10  # approximate lines of a first order
_SUPPORT = 40  # first orders with a product needed to detect that it brings people back
_BEST_SELLERS = 20  # bought by everybody: never drivers, so that popularity is no hint
_LIFTS = (1.2, 1.5)
_OF_AISLE, _OF_FORTNIGHT = (
    0.3,
    0.3,
)  # shares of the variance of a product's days: shared with its aisle; shared by a fortnight
_HIGHEST = 2.0  # standard deviations: higher values are capped here

_Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Driver:
    """A product that brings people back.

    Attributes:
        product: the product, from 0.
        lift: share of retained customers among those with it in their first order, divided by that of all customers.
    """

    product: int
    lift: float


def draw_drivers(catalogue: Catalogue, world: World, users: int, seed: int) -> list[Driver]:
    """Choose products that bring people back, among those in enough first orders; fewer if there are not enough."""
    stream = open_stream(seed, Purpose.DRIVERS)
    ranked = np.argsort(-catalogue.shares, kind="stable")[_BEST_SELLERS:]
    able = ranked[catalogue.shares[ranked] * users * _FIRST_BASKET >= _SUPPORT]
    chosen = stream.permutation(able)[: world.drivers]
    lifts = np.round(stream.uniform(*_LIFTS, len(chosen)), 3)
    return [Driver(int(product), float(lift)) for product, lift in sorted(zip(chosen, lifts, strict=True))]


class Urges:
    """The chance that a product drawn for a first purchase is accepted.

    Args:
        catalogue: the products.
        world: the world, for the restlessness of its days.
        drivers: products that bring people back.
        retained_share: share of customers that are retained.
        seed: the seed.
    """

    def __init__(
        self, catalogue: Catalogue, world: World, drivers: Sequence[Driver], retained_share: float, seed: int
    ) -> None:
        self._aisle_of = catalogue.aisle_of
        self._restlessness = world.restlessness
        self._key = np.uint64(open_stream(seed, Purpose.DAYS).integers(1 << 62))
        # Bayes: P(retained | bought) = r / (r + (1 - r) c) is lift x r if the others accept it with chance c.
        self._chance_of_leavers = np.ones(catalogue.size)
        for driver in drivers:
            lift = min(driver.lift, 1 / retained_share)
            self._chance_of_leavers[driver.product] = (1 / lift - retained_share) / (1 - retained_share)

    def find_chances(self, products: Ints, days: Ints, *, is_leaving_first: Flags) -> Floats:
        """The chance of each purchase, 0 to 1.

        Args:
            products: the products drawn.
            days: the days of the orders.
            is_leaving_first: whether it is the first order of a customer who will not be retained.
        """
        chances = np.where(is_leaving_first, self._chance_of_leavers[products], 1.0)
        if not self._restlessness:
            return chances
        aisles = self._aisle_of[products] + len(self._aisle_of)
        fortnights = days // 14 + (1 << 16)
        mood = (
            np.sqrt(1 - _OF_AISLE - _OF_FORTNIGHT) * self._draw_moods(products, days)
            + np.sqrt(_OF_AISLE) * self._draw_moods(aisles, days)
            + np.sqrt(_OF_FORTNIGHT) * self._draw_moods(products, fortnights)
        )
        moods: Floats = np.exp(self._restlessness * (np.minimum(mood, _HIGHEST) - _HIGHEST))
        return chances * moods

    def _draw_moods(self, things: Ints, days: Ints) -> Floats:
        """A standard normal value for each thing and time, always the same for the same pair."""
        with np.errstate(over="ignore"):
            word = (things.astype(np.uint64) << np.uint64(20)) + days.astype(np.uint64) + self._key
            radius, angle = _mix(word), _mix(word ^ np.uint64(0x5DEECE66D))
        moods: Floats = np.sqrt(-2 * np.log1p(-radius)) * np.cos(2 * np.pi * angle)
        return moods


def _mix(words: _Words) -> Floats:
    """Pseudorandom numbers in [0, 1): the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        mixed = words * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
