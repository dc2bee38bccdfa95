"""The shop: products in aisles in departments, and the share of all order lines that each product holds.

Names come from ``names``, shares from ``popularity``; nobody buys anything here.
"""

from dataclasses import dataclass

import numpy as np

from instacart_assets.synthetic.arrays import Floats, Ints, Purpose, open_stream
from instacart_assets.synthetic.facts import MeasuredFacts
from instacart_assets.synthetic.names import NameMaker
from instacart_assets.synthetic.popularity import deal_to_aisles
from instacart_assets.synthetic.vocabulary import AISLES, DEPARTMENTS

_FEWEST_PRODUCTS = 1_500  # default minimum; fewer can be requested
_MOST_PRODUCTS = 65_536  # limit of the memory layout of chunks and of stored lines


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Products, with product ``i + 1`` at index ``i`` of every array.

    Attributes:
        names: product names as a correct CSV reader sees them.
        aisle_of: aisle of each product, from 0.
        shares: share of all order lines each product should hold; sums to 1.
        facts: the measured facts it was built from.
    """

    names: list[str]
    aisle_of: Ints
    shares: Floats
    facts: MeasuredFacts

    @property
    def size(self) -> int:
        """Number of products."""
        return len(self.names)

    @property
    def department_of(self) -> Ints:
        """Department of each product, from 1."""
        return self.facts.aisle_departments[self.aisle_of]

    @property
    def aisles(self) -> list[str]:
        """Names of aisles 1 to 134."""
        return [name for name, _, _ in AISLES.values()]

    @property
    def departments(self) -> list[str]:
        """Names of departments 1 to 21."""
        return list(DEPARTMENTS)


def products_for(users: int, facts: MeasuredFacts) -> int:
    """A catalogue size for this many users: it grows with their square root up to the real 49,688."""
    scaled = round(facts.products * float(np.sqrt(users / facts.users)))
    return min(max(scaled, _FEWEST_PRODUCTS), facts.products)


def build_catalogue(products: int, seed: int, facts: MeasuredFacts) -> Catalogue:
    """Fill the aisles with products, name them and assign their popularity.

    Raises:
        ValueError: if there are fewer products than aisles, or more than 65,536.
    """
    sizes = _share_out(products, facts.aisle_products)
    stream = open_stream(seed, Purpose.CATALOGUE)
    aisle_of = stream.permutation(np.repeat(np.arange(len(sizes)), sizes))
    shares = deal_to_aisles(aisle_of, facts, stream)
    names = NameMaker(stream).name_products(aisle_of, _places_in_aisle(aisle_of, shares))
    return Catalogue(names, aisle_of, shares, facts)


def _share_out(products: int, real_sizes: Ints) -> Ints:
    """Split products over aisles in the real proportions, at least one in each (largest remainders)."""
    if products < len(real_sizes):
        raise ValueError(
            f"A catalogue needs at least {len(real_sizes)} products, one for each aisle; got {products}."
        )
    if products > _MOST_PRODUCTS:
        raise ValueError(f"A catalogue holds at most {_MOST_PRODUCTS:,} products; got {products:,}.")
    ideal = (products - len(real_sizes)) * (real_sizes - 1) / (real_sizes - 1).sum()
    sizes: Ints = np.floor(ideal).astype(np.int64)
    short = products - len(real_sizes) - int(sizes.sum())
    sizes[np.argsort(sizes - ideal, kind="stable")[:short]] += 1
    sizes += 1
    return sizes


def _places_in_aisle(aisle_of: Ints, shares: Floats) -> Ints:
    """Rank of each product within its aisle, the most popular first, from 0."""
    ranked = np.lexsort((-shares, aisle_of))
    sizes = np.bincount(aisle_of)
    places = np.empty(len(aisle_of), np.int64)
    places[ranked] = np.arange(len(aisle_of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return places
