"""Who orders when: the orders of a chunk of users, without their baskets.

The number of orders, weekdays, hours, gaps and calendar days are drawn here; what is bought is not.
"""

from dataclasses import dataclass

import numpy as np

from instacart_assets.order_calendar import GAP_CAP_DAYS, OrderCalendar, capped_gap_days
from instacart_assets.synthetic.arrays import Floats, Ints, Purpose, expand_ranges, open_stream, starts_of
from instacart_assets.synthetic.facts import LONGEST_SPAN_DAYS, MeasuredFacts
from instacart_assets.synthetic.rhythm import PACES, Rhythm, kind_of, load_rhythm

PRIOR, TRAIN, TEST = 0, 1, 2
EVAL_SETS = ("prior", "train", "test")
"""Names of the codes above, at their index."""

NO_GAP = -1
"""Gap of a user's first order, which has no order before it."""


@dataclass(frozen=True, eq=False)
class Visits:
    """The orders of adjacent users, grouped by user and ascending by number.

    All arrays but ``user_ids`` and ``starts`` have one entry per order.

    Attributes:
        user_ids: the users.
        starts: index of each user's first order, then the end.
        user: index of the order's user in ``user_ids``.
        number: 1 to n within the user.
        dow: weekday, 0 to 6.
        hour: hour of the day.
        gap: days since the prior order as landed, 0 to 30; ``NO_GAP`` for the first.
        day: days from the calendar's ``window_start``.
        eval_set: index in :data:`EVAL_SETS`.
    """

    user_ids: Ints
    starts: Ints
    user: Ints
    number: Ints
    dow: Ints
    hour: Ints
    gap: Ints
    day: Ints
    eval_set: Ints


def draw_order_counts(users: int, seed: int, facts: MeasuredFacts) -> Ints:
    """Number of orders of each of the first ``users`` users; a user's number does not depend on how many follow."""
    draws = open_stream(seed, Purpose.ORDER_COUNTS).random(users)
    return np.searchsorted(np.cumsum(facts.order_count_shares)[:-1], draws, side="right")


def draw_visits(
    user_ids: Ints, counts: Ints, calendar: OrderCalendar, facts: MeasuredFacts, stream: np.random.Generator
) -> Visits:
    """Draw when the users of a chunk order.

    Args:
        user_ids: the users, ascending.
        counts: how many orders each of them makes, 4 to 100.
        calendar: dates of first orders.
        facts: the measured facts.
        stream: the chunk's source of randomness.
    """
    rhythm = load_rhythm()
    first_dow = np.searchsorted(rhythm.weekdays[:-1], stream.random(len(counts)), side="right")
    states = _draw_gaps_within_a_year(first_dow, counts, rhythm, stream)
    starts = starts_of(counts)
    user = np.repeat(np.arange(len(counts)), counts)
    number = expand_ranges(np.ones(len(counts), np.int64), counts)
    state = states[user, number - 1]
    dow = (first_dow[user] + _running_total(state, starts, user)) % 7
    days = np.where(state < GAP_CAP_DAYS, state, capped_gap_days(dow, np.roll(dow, 1)))
    days[starts[:-1]] = 0
    day = calendar.first_order_day(user_ids.astype(np.int64), first_dow)[user] + _running_total(
        days, starts, user
    )
    gap = np.minimum(state, GAP_CAP_DAYS)
    gap[starts[:-1]] = NO_GAP
    eval_set = np.full(len(user), PRIOR, np.int8)
    eval_set[starts[1:] - 1] = np.where(stream.random(len(counts)) < facts.train_user_share, TRAIN, TEST)
    hour = _draw_hours(dow, facts, stream)
    hour = hour[np.lexsort((hour, day, user))]  # of two orders on one day, the later one has the later hour
    return Visits(user_ids, starts, user, number, dow, hour, gap, day, eval_set)


def _draw_gaps_within_a_year(
    first_dow: Ints, counts: Ints, rhythm: Rhythm, stream: np.random.Generator
) -> Ints:
    """True gaps by user and order, shape ``(users, most orders)``; redrawn for users whose gaps could exceed a year."""
    kind = kind_of(counts, stream.integers(0, len(PACES), len(counts)))
    states = np.zeros((len(counts), int(counts.max())), np.int64)
    open_users = np.arange(len(counts))
    while len(open_users):
        drawn = _draw_gaps(first_dow[open_users], counts[open_users], kind[open_users], rhythm, stream)
        states[open_users, : drawn.shape[1]] = drawn
        landed = np.minimum(drawn, GAP_CAP_DAYS)
        # The last gap is left out: it tends to be the longest, and rejecting it would thin the measured peak at 30.
        before_last = landed.sum(axis=1) - landed[np.arange(len(landed)), counts[open_users] - 1]
        open_users = open_users[before_last > LONGEST_SPAN_DAYS - GAP_CAP_DAYS]
    return states


def _draw_gaps(
    first_dow: Ints, counts: Ints, kind: Ints, rhythm: Rhythm, stream: np.random.Generator
) -> Ints:
    """One draw of true gaps; entry ``[u, k]`` leads to order ``k + 1`` and is 0 beyond the user's last."""
    states = np.zeros((len(counts), int(counts.max())), np.int64)
    dow = first_dow.copy()
    for step in range(1, states.shape[1]):
        going = np.flatnonzero(counts > step)
        last = (counts[going] == step + 1)[:, None]
        row = kind[going], dow[going]
        table = np.where(last, rhythm.final[row], rhythm.regular[row])
        states[going, step] = (table[:, :-1] <= stream.random(len(going))[:, None]).sum(axis=1)
        dow[going] = (dow[going] + states[going, step]) % 7
    return states


def _running_total(values: Ints, starts: Ints, user: Ints) -> Ints:
    """Cumulative sum within each user."""
    total = np.cumsum(values)
    before = total[starts[:-1]] - values[starts[:-1]]
    return total - before[user]


def _draw_hours(dow: Ints, facts: MeasuredFacts, stream: np.random.Generator) -> Ints:
    """Hour of each order given its weekday."""
    by_dow: Floats = np.cumsum(facts.weekday_hour_shares, axis=1)
    ladder = (by_dow / by_dow[:, -1:] + np.arange(7)[:, None]).ravel()  # weekday d occupies d to d + 1
    return np.searchsorted(ladder[:-1], dow + stream.random(len(dow)), side="right") % 24
