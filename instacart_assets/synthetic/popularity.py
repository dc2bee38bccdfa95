"""How popular each product is: the measured curve over ranks, distributed over the aisles.

Works only with shares of order lines. Which product goes into which basket is decided in ``shopping``.
"""

from functools import cache

import numpy as np

from instacart_assets.synthetic.arrays import Floats, Ints, normalise, sum_by
from instacart_assets.synthetic.facts import MeasuredFacts, load_facts

_SPREAD_WITHIN_AISLE = (
    1.9  # standard deviation of log popularity: gives every aisle a few best sellers and a long tail
)
_FITTING_ROUNDS = 80


def curve_of_ranks(products: int, facts: MeasuredFacts) -> Floats:
    """Share of all order lines by popularity rank, most popular first; shape ``(products,)``, sums to 1.

    A smaller catalogue keeps the head of the curve and drops the tail.
    """
    shares = _full_curve() if products <= facts.products else _stretched_curve(products)
    return normalise(shares[:products])


def deal_to_aisles(aisle_of: Ints, facts: MeasuredFacts, stream: np.random.Generator) -> Floats:
    """Share of all order lines by product: the curve of ranks, with every aisle holding its measured share.

    Each product gets a score, its aisle's level plus noise, and a share from the curve by the rank of its score. The
    levels are fitted until the aisles' totals agree; the rest is scaled away, which changes the curve little.

    Args:
        aisle_of: aisle of each product, from 0.
        facts: the measured facts.
        stream: source of the noise.
    """
    curve = curve_of_ranks(len(aisle_of), facts)
    noise = stream.standard_normal(len(aisle_of)) * _SPREAD_WITHIN_AISLE
    aisles = len(facts.aisle_shares)
    levels = np.log(facts.aisle_shares / np.bincount(aisle_of, minlength=aisles))
    shares = np.empty(len(aisle_of))
    for round_number in range(_FITTING_ROUNDS):
        shares[np.argsort(-(levels[aisle_of] + noise), kind="stable")] = curve
        miss = np.log(facts.aisle_shares / sum_by(aisle_of, shares, aisles))
        levels += miss / (
            1 + round_number / 8
        )  # ever smaller steps: one best seller changing rank must not make it oscillate
    return shares * np.exp(miss)[aisle_of]


@cache
def _full_curve() -> Floats:
    return _stretched_curve(load_facts().products)


def _stretched_curve(products: int) -> Floats:
    """The measured head by log-log interpolation, and a tail whose slope keeps steepening.

    The tail is ``log share = end - b x - c x^2`` with x the log of rank over last measured rank: b continues the
    slope there, and c is the value for which the shares of all products sum to 1.
    """
    facts = load_facts()
    log_rank, log_share = np.log(facts.popularity_ranks), np.log(facts.popularity_shares)
    x = np.log(np.arange(1, products + 1))
    head = np.exp(np.interp(x, log_rank, log_share))
    beyond = x > log_rank[-1]
    x = x[beyond] - log_rank[-1]
    slope = (log_share[-6] - log_share[-1]) / (log_rank[-1] - log_rank[-6])
    room = 1 - head[~beyond].sum()
    low, high = 0.0, 5.0
    for _ in range(60):
        bend = (low + high) / 2
        tail = np.exp(log_share[-1] - slope * x - bend * x**2)
        low, high = (bend, high) if tail.sum() > room else (low, bend)
    return np.concatenate([head[~beyond], tail])
