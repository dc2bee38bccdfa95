"""What goes into the baskets of a chunk of users: old favourites and first purchases.

Order number by order number, for all users of the chunk at once: each line is intended either for a product the user
bought before, drawn from the user's own earlier lines (so in proportion to how often it was bought, recent ones
preferred) and accepted with its aisle's loyalty, or for a new one, drawn by popularity among products the user never
bought. Users share a few tastes, each of which prefers some aisles: what is bought together is not only chance.

Promotions, and the order in which products go into the cart, are not handled here.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from instacart_assets.synthetic.arrays import (
    Flags,
    Floats,
    Ints,
    expand_ranges,
    first_of_each,
    normalise,
    starts_of,
    sum_by,
)
from instacart_assets.synthetic.calibration import Calibration
from instacart_assets.synthetic.catalogue import Catalogue
from instacart_assets.synthetic.facts import MeasuredFacts
from instacart_assets.synthetic.urges import RETAINED_ORDERS, Urges
from instacart_assets.synthetic.visits import TEST, TRAIN, Visits

_BASKET_HABIT = 0.57  # share of the variance in basket size that lies between users (measured)
_REORDER_SPREAD = 0.9  # standard deviation between users of the log odds to reorder (measured about 1)
_STOCKING_UP = 0.25  # log odds to reorder lost per e-fold of basket size: large baskets hold more that is new
_TASTES = 12
_TASTE_SPREAD = 0.6  # standard deviation of the log preference of a taste for an aisle
_LOYALTY_SPREAD = 0.15  # the same between products of an aisle, of log loyalty
_LOYALTY_ECHO = 1.45  # reorders grow faster than loyalty: what is bought again is also found again more often
_RECENCY = 0.75  # below 1: a user's later lines are drawn more often
_USUAL_BASKET = 8
_NOTHING = -1
_TRIES = 12  # draws before a line gives up on an old favourite
_TRIES_OF_NEW = 30  # draws before it gives up on popularity


@dataclass(frozen=True, eq=False)
class Baskets:
    """Order lines, grouped by order, in the sequence of the orders.

    Attributes:
        order: index of each line's order in the visits.
        product: product of each line, from 0; none twice in an order.
    """

    order: Ints
    product: Ints


class Shop:
    """The catalogue as shoppers see it: chances of first purchases, and loyalty.

    Args:
        catalogue: products and their shares.
        calibration: the shoppers' habits.
        stream: source of the tastes.
    """

    def __init__(self, catalogue: Catalogue, calibration: Calibration, stream: np.random.Generator) -> None:
        facts, aisle_of = catalogue.facts, catalogue.aisle_of
        # Loyalty also varies within aisles: by a fixed pattern of golden ratio steps, evenly spread, not at random.
        even = np.arange(catalogue.size) * 0.6180339887498949 % 1
        personal = np.exp(_LOYALTY_SPREAD * np.sqrt(12) * (even - 0.5))
        ranks = np.empty(catalogue.size)
        ranks[np.argsort(-catalogue.shares, kind="stable")] = np.arange(1, catalogue.size + 1)
        novelty = catalogue.shares * calibration.novelty[aisle_of] * calibration.corrections_of(ranks)
        reordered = facts.aisle_reorder_rates[aisle_of]
        novelty /= 1 - reordered + reordered * personal**_LOYALTY_ECHO  # so that shares do not follow loyalty
        preference = _balance_tastes(sum_by(aisle_of, normalise(novelty)), stream)
        by_taste = normalise(novelty * preference[:, aisle_of])
        # One rising cumulative array for all tastes: taste t occupies t to t + 1.
        self._ladder = (np.cumsum(by_taste, axis=1) + np.arange(_TASTES)[:, None]).ravel()
        self.size = catalogue.size
        self.loyalty = np.minimum(calibration.loyalty[aisle_of] * personal, 1.0)
        self.reorder_odds = calibration.reorder_odds
        self.final_shift = calibration.final_shift

    def draw_new(self, tastes: Ints, stream: np.random.Generator) -> Ints:
        """One product for each of the given tastes, drawn by its chances of a first purchase."""
        rungs = np.searchsorted(self._ladder[:-1], tastes + stream.random(len(tastes)), side="right")
        products: Ints = rungs - tastes * self.size
        return np.clip(products, 0, self.size - 1)  # rounding must not reach the next taste


class _History:
    """Which products each user of the chunk has bought, and the order number of the last purchase."""

    def __init__(self, users: int, products: int) -> None:
        self._products = products
        self._last_order = np.zeros((users, products), np.uint8)  # 0: never; order numbers end at 100

    def claim(self, user: Ints, product: Ints, number: int, *, only_new: bool = False) -> Flags:
        """Put products into baskets; returns which were accepted.

        A product is rejected if the basket holds it, or (``only_new``) if the user ever bought it.
        """
        last = self._last_order[user, product]
        free = np.flatnonzero(last == 0 if only_new else last != number)
        won = free[first_of_each(user[free] * self._products + product[free])]
        self._last_order[user[won], product[won]] = number
        accepted = np.zeros(len(user), np.bool_)
        accepted[won] = True
        return accepted


class _BasketFiller:
    """Fills the baskets of a chunk of users, who shop at the same time, order number by order number.

    Attributes:
        order: order of each line.
        product: product of each line, -1 until it is filled.
    """

    def __init__(
        self, visits: Visits, sizes: Ints, shop: Shop, urges: Urges | None, stream: np.random.Generator
    ) -> None:
        self.order = np.repeat(np.arange(len(sizes)), sizes)
        self.product = np.full(len(self.order), -1, np.int64)
        self._sizes, self._shop, self._urges, self._stream = sizes, shop, urges, stream
        self._user, self._day = visits.user, visits.day
        self._is_leaving = np.diff(visits.starts) < RETAINED_ORDERS
        self._first_line = starts_of(sizes)
        self._users_first_line = self._first_line[visits.starts[:-1]]
        self._history = _History(len(visits.user_ids), shop.size)
        self._taste = stream.integers(0, _TASTES, len(visits.user_ids))
        self._chance = self._draw_reorder_chances(visits)
        self._by_number = np.argsort(visits.number, kind="stable")
        self._slices = starts_of(np.bincount(visits.number))

    def fill(self, number: int) -> None:
        """Fill the baskets of all orders of this number; those of lower numbers must be filled already."""
        orders = self._by_number[self._slices[number] : self._slices[number + 1]]
        lines = expand_ranges(self._first_line[orders], self._sizes[orders])
        is_old = self._stream.random(len(lines)) < self._chance[self.order[lines]]
        missed = self._take_old(lines[is_old], number)
        self._take_new(lines[~is_old], number)
        self._take_new(missed, number)

    def _draw_reorder_chances(self, visits: Visits) -> Floats:
        """Chance of each order's lines to be intended for old favourites; it varies between users."""
        leaning = self._stream.standard_normal(len(visits.user_ids)) * _REORDER_SPREAD
        odds = self._shop.reorder_odds[visits.number - 1] + leaning[visits.user]
        odds += self._shop.final_shift * (visits.eval_set == TRAIN)
        odds -= _STOCKING_UP * np.log(np.maximum(self._sizes, 1) / _USUAL_BASKET)
        return np.where(visits.number == 1, 0.0, 1 / (1 + np.exp(-odds)))

    def _take_old(self, lines: Ints, number: int) -> Ints:
        """Fill lines from their users' earlier lines; returns the lines that found nothing."""
        start = self._users_first_line[self._user[self.order[lines]]]
        past = self._first_line[self.order[lines]] - start  # lines in the user's earlier orders, never 0
        waiting = np.arange(len(lines))
        for _ in range(_TRIES):
            back = (past[waiting] * self._stream.random(len(waiting)) ** _RECENCY).astype(np.int64)
            found = self.product[start[waiting] + back]
            liked = self._stream.random(len(waiting)) < self._shop.loyalty[found]
            accepted = self._put(lines[waiting], np.where(liked, found, _NOTHING), number)
            waiting = waiting[~accepted]
        return lines[waiting]

    def _take_new(self, lines: Ints, number: int) -> None:
        """Fill lines with products new to their users.

        A user who has bought nearly all that sells takes anything the basket does not hold yet.
        """
        tries = 0
        while len(lines):
            if tries < _TRIES_OF_NEW:
                found = self._shop.draw_new(self._taste[self._user[self.order[lines]]], self._stream)
                accepted = self._put(lines, self._resist(lines, found, number), number, only_new=True)
            else:
                found = self._stream.integers(0, self._shop.size, len(lines))
                accepted = self._put(lines, found, number)
            lines, tries = lines[~accepted], tries + 1

    def _resist(self, lines: Ints, found: Ints, number: int) -> Ints:
        """The products found, with those rejected by the chances of :class:`Urges` removed."""
        if self._urges is None:
            return found
        order = self.order[lines]
        is_leaving_first = self._is_leaving[self._user[order]] & (number == 1)
        chances = self._urges.find_chances(found, self._day[order], is_leaving_first=is_leaving_first)
        return np.where(self._stream.random(len(lines)) < chances, found, _NOTHING)

    def _put(self, lines: Ints, found: Ints, number: int, *, only_new: bool = False) -> Flags:
        """Fill lines with the products found, where the history allows; returns which lines were filled."""
        offered = np.flatnonzero(found != _NOTHING)
        user = self._user[self.order[lines[offered]]]
        accepted = np.zeros(len(lines), np.bool_)
        accepted[offered] = self._history.claim(user, found[offered], number, only_new=only_new)
        self.product[lines[accepted]] = found[accepted]
        return accepted


def draw_basket_sizes(
    visits: Visits, facts: MeasuredFacts, stream: np.random.Generator, size_loyalty: float = 0.0
) -> Ints:
    """Lines of each order, 0 for test orders; users tend to small or large baskets.

    Args:
        visits: the chunk's orders.
        facts: the measured facts.
        stream: the chunk's source of randomness.
        size_loyalty: correlation of a user's usual basket size with the number of orders, on normal scales.
    """
    users = len(visits.user_ids)
    is_train = visits.eval_set == TRAIN
    own = (stream.standard_normal(users) * np.sqrt(1 - size_loyalty**2))[visits.user]
    # A user has many prior orders and at most one train order: the sizes of each keep their measured shares.
    by_count = size_loyalty * np.where(is_train, *_score_counts(visits, facts))
    habit = (own + by_count) * np.sqrt(_BASKET_HABIT)
    mood = habit + stream.standard_normal(len(visits.user)) * np.sqrt(1 - _BASKET_HABIT)
    prior = np.searchsorted(_normal_steps(facts.prior_size_shares), mood, side="right")
    train = np.searchsorted(_normal_steps(facts.train_size_shares), mood, side="right")
    sizes = np.where(is_train, train, prior)
    return np.where(visits.eval_set == TEST, 0, sizes)


def _score_counts(visits: Visits, facts: MeasuredFacts) -> tuple[Floats, Floats]:
    """Normal score of each order's user by number of orders: with mean 0 and variance 1 over users, and over orders."""
    counts = facts.order_count_shares
    middles = np.clip(np.cumsum(counts) - counts / 2, 1e-9, 1 - 1e-9)
    scores: Floats = np.array([NormalDist().inv_cdf(float(middle)) for middle in middles])
    count = np.diff(visits.starts)[visits.user]
    of_users, of_orders = (
        _standardise(scores, weights) for weights in (counts, normalise(counts * np.arange(len(counts))))
    )
    return of_users[count], of_orders[count]


def _standardise(values: Floats, weights: Floats) -> Floats:
    centred: Floats = values - (weights * values).sum()
    scaled: Floats = centred / np.sqrt((weights * centred**2).sum())
    return scaled


def fill_baskets(
    visits: Visits, sizes: Ints, shop: Shop, stream: np.random.Generator, urges: Urges | None = None
) -> Baskets:
    """Fill the baskets of a chunk.

    Args:
        visits: the chunk's orders.
        sizes: lines of each order.
        shop: what can be bought.
        stream: the chunk's source of randomness.
        urges: what changes the chance of first purchases from popularity; None for nothing.
    """
    filler = _BasketFiller(visits, sizes, shop, urges, stream)
    for number in range(1, int(visits.number.max()) + 1):
        filler.fill(number)
    return Baskets(filler.order, filler.product)


def mark_reordered(baskets: Baskets, visits: Visits, products: int) -> Flags:
    """Which lines hold a product their user bought in an earlier order."""
    keys = visits.user[baskets.order] * products + baskets.product
    reordered = np.ones(len(keys), np.bool_)
    reordered[first_of_each(keys)] = False
    return reordered


def sort_into_cart(baskets: Baskets, reordered: Flags, delay: float, stream: np.random.Generator) -> Ints:
    """Sequence in which to write the lines: by order; within it, the share ``delay`` of new products comes later."""
    moment = stream.random(len(reordered))
    held_back = ~reordered & (stream.random(len(reordered)) < delay)
    later = np.maximum(moment, stream.random(len(reordered)))  # the later of two: density rises from 0 to 2
    return np.argsort(baskets.order + np.where(held_back, later, moment), kind="stable")


def _balance_tastes(aisle_shares: Floats, stream: np.random.Generator, rounds: int = 100) -> Floats:
    """Preference of each taste for each aisle; on average the tastes prefer none.

    Fitted alternately so that every taste's shares sum to 1 and the tastes' average is ``aisle_shares``.
    """
    preference: Floats = np.exp(_TASTE_SPREAD * stream.standard_normal((_TASTES, len(aisle_shares))))
    for _ in range(rounds):
        preference /= preference.mean(axis=0)
        preference /= (preference * aisle_shares).sum(axis=1, keepdims=True)
    return preference


def _normal_steps(shares: Floats) -> Floats:
    """Thresholds of a standard normal value between one size and the next, so that sizes follow ``shares``."""
    cumulative = np.clip(np.cumsum(shares)[:-1], 1e-12, 1 - 1e-12)
    return np.array([NormalDist().inv_cdf(float(share)) for share in cumulative])
