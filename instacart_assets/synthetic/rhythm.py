"""How long users wait between orders: tables of gap probabilities, fitted to the measured facts.

A gap is drawn from a row chosen by the user's kind (number of orders and pace) and the weekday of the order
before. Three things must agree at once: the measured gaps, the measured weekdays, and the identity
``(order_dow - previous order_dow) mod 7 = gap mod 7``. Only tables are built here; ``visits`` draws from them.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from instacart_assets.order_calendar import GAP_CAP_DAYS
from instacart_assets.synthetic.arrays import Floats, Ints, normalise
from instacart_assets.synthetic.facts import (
    FEWEST_ORDERS,
    LONGEST_SPAN_DAYS,
    MOST_ORDERS,
    MeasuredFacts,
    load_facts,
)

PACES = np.array([0.65, 1.0, 1.35])
"""Relative mean gap of quick, usual and slow users: the variation among users with the same number of orders."""

_GAP_STATES = GAP_CAP_DAYS + 7  # 0 to 29 as they are; 30 to 36 land as 30, one for each weekday
_FULLEST_YEAR = 0.76  # share of the longest span that a slow user's mean gaps may fill


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Cumulative probabilities of gap states 0 to 36, shape ``(kinds, 7 weekdays, 37)``, and of first weekdays.

    A gap state is the true number of days; states from 30 on land as 30.
    """

    regular: Floats
    final: Floats
    weekdays: Floats


def kind_of(orders: Ints, pace: Ints) -> Ints:
    """Row of the tables for users with this many orders and this index of :data:`PACES`."""
    return (orders - FEWEST_ORDERS) * len(PACES) + pace


@cache
def load_rhythm() -> Rhythm:
    """The tables of the measured facts, fitted once per process."""
    return fit_rhythm(load_facts())


def fit_rhythm(facts: MeasuredFacts) -> Rhythm:
    """Fit the gap tables by iterative proportional fitting."""
    orders = np.repeat(np.arange(FEWEST_ORDERS, MOST_ORDERS + 1), len(PACES))
    users = facts.order_count_shares[orders] / len(PACES)
    pace = np.tile(PACES, MOST_ORDERS + 1 - FEWEST_ORDERS)
    means = facts.mean_span_days[orders] / (orders - 1) * pace
    means = np.minimum(means, _FULLEST_YEAR * LONGEST_SPAN_DAYS / (orders - 1))
    weekdays = facts.weekday_hour_shares.sum(axis=1)
    return Rhythm(
        regular=_tie_to_weekdays(_tilt_gaps(facts.gap_shares, users * (orders - 2), means), weekdays),
        final=_tie_to_weekdays(_tilt_gaps(facts.final_gap_shares, users, means), weekdays),
        weekdays=np.cumsum(weekdays),
    )


def _tilt_gaps(shares: Floats, weights: Floats, means: Floats, rounds: int = 300) -> Floats:
    """Gap distributions by kind whose weighted mixture is ``shares``; shape ``(kinds, 31)``.

    Each is ``q(gap) * exp(tilt * gap)``. Newton steps fit the tilts to the kinds' means, all scaled to agree with the
    mixture's mean; then the tilts are fixed and only ``q`` is updated, until the mixture is exact.
    """
    gaps = np.arange(len(shares))
    weights = weights / weights.sum()
    means = np.clip(means * ((shares * gaps).sum() / (weights * means).sum()), 0.5, GAP_CAP_DAYS - 2)
    base, tilts = shares.copy(), np.zeros(len(means))
    for round_number in range(rounds):
        mixed = normalise(base * np.exp(tilts[:, None] * gaps))
        if round_number < rounds // 3:
            average = (mixed * gaps).sum(axis=1)
            variance = (mixed * gaps**2).sum(axis=1) - average**2
            tilts += np.clip((means - average) / variance, -0.2, 0.2)
            mixed = normalise(base * np.exp(tilts[:, None] * gaps))
        base *= shares / (weights[:, None] * mixed).sum(axis=0)
    return mixed


def _tie_to_weekdays(gaps: Floats, weekdays: Floats, rounds: int = 200) -> Floats:
    """Cumulative gap probabilities given the weekday before; shape ``(kinds, 7, 37)``.

    Drawing gaps regardless of the weekday would level all weekdays to a seventh each. So the joint table
    of weekday before and weekday after is fitted to three margins: the measured weekdays before and after, and the
    gaps' remainders modulo 7 along its diagonals. Gaps with the same remainder keep their proportions.
    """
    states = _split_capped(gaps)
    remainders = np.stack([states[:, day::7].sum(axis=1) for day in range(7)], axis=1)
    before, after = np.divmod(np.arange(49), 7)
    step = (after - before) % 7
    joint = weekdays[before] * weekdays[after] * remainders[:, step]
    for _ in range(rounds):
        square = joint.reshape(-1, 7, 7)
        square = square * (weekdays[:, None] / square.sum(axis=2, keepdims=True))
        square = square * (weekdays / square.sum(axis=1, keepdims=True))
        joint = square.reshape(-1, 49)
        along = np.stack([joint[:, step == day].sum(axis=1) for day in range(7)], axis=1)
        joint = joint * (remainders / along)[:, step]
    days = np.arange(_GAP_STATES)
    after_gap = (np.arange(7)[:, None] + days) % 7
    reached = joint.reshape(-1, 7, 7)[:, np.arange(7)[:, None], after_gap]
    given_before = states[:, None, :] * reached / remainders[:, None, days % 7]
    return np.cumsum(normalise(given_before), axis=2)


def _split_capped(gaps: Floats) -> Floats:
    """Split the gaps landed as 30 evenly over true gaps of 30 to 36 days: any weekday is equally likely."""
    capped = np.repeat(gaps[:, GAP_CAP_DAYS:] / 7, 7, axis=1)
    return np.concatenate([gaps[:, :GAP_CAP_DAYS], capped], axis=1)
