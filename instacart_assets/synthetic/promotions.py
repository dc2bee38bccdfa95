"""Simulated promotions with a known effect: the ledger, and the units they add to or take from baskets.

The effect is injected by superposition. Baskets are filled as if there were no promotions; then each unit of a
promoted product sold on a promotion day brings Poisson(lift - 1) further units into other baskets of that day (or is
removed with chance 1 - lift). So E[units with] / E[units without] is the stated lift, on every day of the promotion.
Nobody's later baskets change, other products keep their units (there is no cannibalisation), and units per promotion
and product vary as much as real ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.arrays import Flags, Ints, Purpose, first_of_each, open_stream
from instacart_assets.synthetic.catalogue import Catalogue
from instacart_assets.synthetic.shopping import Baskets
from instacart_assets.synthetic.visits import Visits

ROOM_DAYS = 28
"""Full-coverage days before and after every promotion, so that a baseline and an aftermath can be measured."""

_DAYS_BETWEEN = 35  # between two promotions of one product: a baseline of four weeks and a week to forget
_DURATIONS = np.array([7, 10, 14, 21])
_UNITS_PER_USER_DAY = 0.22  # order lines per user and day of the window: about 163 lines over 728 days
_MEASURABLE_UNITS = 20  # units in two weeks without promotion from which on an effect can be seen
_THIN_SHARE, _PLACEBO_SHARE, _FLOP_SHARE = 0.12, 0.2, 0.08
_TRIES = 10

_MECHANICS: dict[str, tuple[tuple[float, ...], tuple[float, float], tuple[str, ...]]] = {
    "percent_off": (
        (0.1, 0.15, 0.2, 0.25, 0.3),
        (1.15, 2.1),
        ("Price drop", "Savings week", "Off the shelf"),
    ),
    "multi_buy": ((0.25, 0.333, 0.5), (1.2, 1.9), ("Stock up", "More for less", "Pick and mix")),
    "coupon": ((0.05, 0.1, 0.15), (1.08, 1.5), ("Coupon days", "Clip and save", "Member treat")),
    "display": ((), (1.1, 1.6), ("Aisle end", "Spotlight", "Front of store")),
}
"""By promotion type: discount rates (none for displays), range of lifts, and how names begin."""


@dataclass(frozen=True)
class PromotedProduct:
    """One line of the ledger: a product in a promotion, and what it truly does.

    Attributes:
        promotion_id: the promotion, from 1.
        product: the product, from 0.
        name: name of the promotion.
        mechanic: ``percent_off``, ``multi_buy``, ``coupon`` or ``display``.
        discount_rate: 0 to 1; ``None`` for displays.
        start: first day, as days from the calendar's window start.
        end: last day, inclusive.
        lift: factor on the expected units from start to end; 1 for placebos.
    """

    promotion_id: int
    product: int
    name: str
    mechanic: str
    discount_rate: float | None
    start: int
    end: int
    lift: float


@dataclass(eq=False)
class UpliftTally:
    """Units realised so far, one entry per line of the ledger.

    ``base_units`` would have sold anyway; ``extra_units`` came on top (negative: were lost).
    """

    base_units: Ints
    extra_units: Ints

    @classmethod
    def start(cls, ledger: Sequence[PromotedProduct]) -> "UpliftTally":
        """A tally of nothing."""
        return cls(np.zeros(len(ledger), np.int64), np.zeros(len(ledger), np.int64))


def draw_ledger(
    catalogue: Catalogue, users: int, calendar: OrderCalendar, seed: int
) -> list[PromotedProduct]:
    """Invent the promotions: about one per 500 users, 12 to 240, each of one to six products of an aisle.

    Most products sell enough for their effect to be measured, some do not.

    Raises:
        ValueError: if the calendar's window leaves no full-coverage days for promotions.
    """
    first, last = _days_for_promotions(calendar)
    stream = open_stream(seed, Purpose.PROMOTIONS)
    picker = _ProductPicker(catalogue, users, stream)
    ledger: list[PromotedProduct] = []
    for promotion_id in range(1, min(max(users // 500, 12), 240) + 1):
        days = min(int(stream.choice(_DURATIONS)), last - first + 1)
        start = int(stream.integers(first, last - days + 2))
        mechanic = list(_MECHANICS)[int(stream.integers(len(_MECHANICS)))]
        rates, lifts, openings = _MECHANICS[mechanic]
        rate = float(stream.choice(rates)) if rates else None
        lift = _draw_lift(lifts, stream)
        products = picker.pick(start, start + days - 1)
        if not products:
            continue
        aisle = catalogue.aisles[int(catalogue.aisle_of[products[0]])]
        name = f"{openings[int(stream.integers(len(openings)))]}: {aisle}"
        for product in products:
            own_lift = lift if lift == 1 else round(float(1 + (lift - 1) * stream.uniform(0.7, 1.3)), 3)
            ledger.append(
                PromotedProduct(
                    promotion_id, product, name, mechanic, rate, start, start + days - 1, own_lift
                )
            )
    return ledger


def apply_uplift(
    baskets: Baskets,
    visits: Visits,
    ledger: Sequence[PromotedProduct],
    tally: UpliftTally,
    stream: np.random.Generator,
) -> Baskets:
    """Let the promotions act on the baskets of a chunk, and count what they did into ``tally``.

    Extra units go into orders of the same day that lack the product. Where a chunk has too few of those (only in
    sets of very few users), they go to the promotion's other days, and what still finds no room is left out.
    Units are never taken from baskets of one line; another basket gives one instead.
    """
    floor = _ShopFloor(baskets, visits, ledger)
    for at, promoted in enumerate(ledger):
        base = floor.lines_of(promoted)
        if promoted.lift >= 1:
            change = floor.add(promoted, base, stream.poisson(promoted.lift - 1, len(base)), stream)
        else:
            change = -floor.remove(base, int(stream.binomial(len(base), 1 - promoted.lift)), stream)
        tally.base_units[at] += len(base)
        tally.extra_units[at] += change
    return floor.baskets()


def date_of(day: int, calendar: OrderCalendar) -> date:
    """The date that lies this many days after the start of the calendar's window."""
    return calendar.window_start + timedelta(days=day)


def _days_for_promotions(calendar: OrderCalendar) -> tuple[int, int]:
    """First and last day on which a promotion may run, as days from the window's start."""
    first = (calendar.full_coverage_start - calendar.window_start).days + ROOM_DAYS
    last = (calendar.window_end - calendar.window_start).days - ROOM_DAYS
    if last - first + 1 < _DURATIONS.min():
        weeks = -(-(first + ROOM_DAYS + int(_DURATIONS.min())) // 7)
        raise ValueError(
            f"The calendar's window of {calendar.window_weeks} weeks is too short for promotions with four weeks before "
            f"and after them on which every user could have an order: set window_weeks to {weeks} or more."
        )
    return first, last


def _draw_lift(lifts: tuple[float, float], stream: np.random.Generator) -> float:
    """The lift around which a promotion's products vary: often good, sometimes nothing, rarely a loss."""
    luck = stream.random()
    if luck < _PLACEBO_SHARE:
        return 1.0
    if luck < _PLACEBO_SHARE + _FLOP_SHARE:
        return float(stream.uniform(0.75, 0.9))
    return float(stream.uniform(*lifts))


@dataclass(eq=False)
class _ProductPicker:
    """Chooses products for promotions and remembers when each was last promoted."""

    catalogue: Catalogue
    users: int
    stream: np.random.Generator
    _busy: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ranked = np.argsort(-self.catalogue.shares, kind="stable")
        expected = self.catalogue.shares * self.users * _UNITS_PER_USER_DAY * 14
        self._reach = max(60, int((expected >= _MEASURABLE_UNITS).sum()))

    def pick(self, start: int, end: int) -> list[int]:
        """A lead product and up to five more of its aisle, none with another promotion close by; maybe none."""
        thin = self.stream.random() < _THIN_SHARE
        low, high = (self._reach, self.catalogue.size // 2) if thin else (1, self._reach)
        ranks = (
            np.exp(self.stream.uniform(np.log(low), np.log(max(high, low + 1)), _TRIES)).astype(np.int64) - 1
        )
        leads = [int(product) for product in self._ranked[ranks] if self._is_free(int(product), start, end)]
        if not leads:
            return []
        pool = self._ranked[: max(high, low + 1)]
        aisle = pool[self.catalogue.aisle_of[pool] == self.catalogue.aisle_of[leads[0]]]
        more = [
            int(p)
            for p in self.stream.permutation(aisle)
            if p != leads[0] and self._is_free(int(p), start, end)
        ]
        chosen = [leads[0], *more[: int(self.stream.integers(0, 6))]]
        for product in chosen:
            self._busy.setdefault(product, []).append((start, end))
        return chosen

    def _is_free(self, product: int, start: int, end: int) -> bool:
        return all(
            start - other_end > _DAYS_BETWEEN or other_start - end > _DAYS_BETWEEN
            for other_start, other_end in self._busy.get(product, [])
        )


class _ShopFloor:
    """A chunk's baskets while promotions act on them."""

    def __init__(self, baskets: Baskets, visits: Visits, ledger: Sequence[PromotedProduct]) -> None:
        self._before, self._day = baskets, visits.day
        self._sizes = np.bincount(baskets.order, minlength=len(visits.day))
        filled = np.flatnonzero(self._sizes)
        self._orders = filled[np.argsort(visits.day[filled], kind="stable")]  # orders with a basket, by day
        self._days = visits.day[self._orders]
        lines = np.flatnonzero(np.isin(baskets.product, [promoted.product for promoted in ledger]))
        self._lines = lines[np.argsort(baskets.product[lines], kind="stable")]  # promoted lines, by product
        self._products = baskets.product[self._lines]
        self._kept = np.ones(len(baskets.order), np.bool_)
        self._extra_orders: list[Ints] = []
        self._extra_products: list[Ints] = []
        self._holds: Flags = np.zeros(len(visits.day), np.bool_)

    def lines_of(self, promoted: PromotedProduct) -> Ints:
        """Lines that hold the product on a day of its promotion."""
        low, high = np.searchsorted(self._products, [promoted.product, promoted.product + 1])
        lines = self._lines[low:high]
        day = self._day[self._before.order[lines]]
        return lines[(day >= promoted.start) & (day <= promoted.end)]

    def add(self, promoted: PromotedProduct, base: Ints, extras: Ints, stream: np.random.Generator) -> int:
        """Add as many units as ``extras`` says for each base line; returns how many found room."""
        holders = self._before.order[base]
        self._holds[holders] = True
        wanted = np.repeat(self._day[holders], extras)
        placed, left = self._place(wanted, wanted, stream)
        anywhere = np.full(left, promoted.start), np.full(left, promoted.end)
        moved, _ = self._place(*anywhere, stream)
        chosen = np.concatenate([placed, moved])
        self._holds[holders] = False
        self._holds[chosen] = False
        self._sizes[chosen] += 1
        self._extra_orders.append(chosen)
        self._extra_products.append(np.full(len(chosen), promoted.product))
        return len(chosen)

    def remove(self, base: Ints, count: int, stream: np.random.Generator) -> int:
        """Remove ``count`` of the base lines, never a basket's only one; returns how many were removed."""
        removable = base[self._sizes[self._before.order[base]] > 1]
        chosen = stream.permutation(removable)[:count]
        self._kept[chosen] = False
        self._sizes[self._before.order[chosen]] -= 1
        return len(chosen)

    def baskets(self) -> Baskets:
        """The baskets as they are now, grouped by order again."""
        order = np.concatenate([self._before.order[self._kept], *self._extra_orders])
        product = np.concatenate([self._before.product[self._kept], *self._extra_products])
        grouped = np.argsort(order, kind="stable")
        return Baskets(order[grouped], product[grouped])

    def _place(self, first_day: Ints, last_day: Ints, stream: np.random.Generator) -> tuple[Ints, int]:
        """Orders for units wanted between two days each, all different and without the product; and how many lack one."""
        low = np.searchsorted(self._days, first_day, side="left")
        count = np.searchsorted(self._days, last_day, side="right") - low
        found: list[Ints] = [np.empty(0, np.int64)]
        waiting = np.flatnonzero(count)
        for _ in range(_TRIES):
            pick = self._orders[
                low[waiting] + (count[waiting] * stream.random(len(waiting))).astype(np.int64)
            ]
            free = np.flatnonzero(~self._holds[pick])
            won = free[first_of_each(pick[free])]
            self._holds[pick[won]] = True
            found.append(pick[won])
            waiting = np.delete(waiting, won)
        return np.concatenate(found), len(waiting)
