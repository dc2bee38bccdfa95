"""Worlds to generate, which differ in how hard it is to recover their true effects.

Contains only the parameters that differ between worlds; nothing is drawn here. In every world the marginal facts of the
public files hold: basket sizes, hours, gaps, popularity, reorder rates.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class World:
    """What is true of a world beyond the measured facts.

    Attributes:
        drivers: number of products that bring people back: customers with one of them in their first order are more
            often retained.
        size_loyalty: correlation of basket sizes with the number of orders, 0 to 1. Where it is not 0, customers with
            large baskets are retained more often, which confounds the effect of the products in them.
        restlessness: standard deviation of the log chance of a product to be bought for the first time on a day, part
            of it shared by the aisle and part by a fortnight; 0 where days differ only by chance.
        overlaps: share of promotions that run beside another one of the same product.
        cannibalisation: share of the units won by a promotion that the aisle's unpromoted products lose.
    """

    drivers: int
    size_loyalty: float
    restlessness: float
    overlaps: float
    cannibalisation: float


WORLDS = {
    "plain": World(drivers=0, size_loyalty=0.0, restlessness=0.0, overlaps=0.0, cannibalisation=0.0),
    "usual": World(drivers=12, size_loyalty=0.0, restlessness=0.3, overlaps=0.15, cannibalisation=0.3),
    "harsh": World(drivers=24, size_loyalty=0.5, restlessness=0.9, overlaps=0.4, cannibalisation=0.6),
}
"""Worlds by name. In ``plain``, promotions run alone, nothing else has an effect, and estimates are easy."""

USUAL = "usual"
