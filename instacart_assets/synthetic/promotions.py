"""Simulated promotions with a known effect: the ledger, and the units they add to or take from baskets.

The effect is injected by superposition. Baskets are filled as if there were no promotions; then, on each day of a
promotion, Poisson(usual units x (lift - 1)) more units of its product go into other baskets (or units are removed
with chance 1 - lift). So E[units with] / E[units without] is the stated lift, on every day of the promotion.
Where promotions of a product overlap, their lifts multiply. Depending on the world, some of the units won are lost by
the aisle's unpromoted products on the same days; nobody's later baskets change, and units per promotion and product
vary as much as real ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from instacart_assets.order_calendar import OrderCalendar
from instacart_assets.synthetic.arrays import Flags, Floats, Ints, Purpose, first_of_each, open_stream
from instacart_assets.synthetic.catalogue import Catalogue
from instacart_assets.synthetic.shopping import Baskets
from instacart_assets.synthetic.visits import Visits
from instacart_assets.synthetic.worlds import World

ROOM_DAYS = 28
"""Full-coverage days before and after every promotion, so that a baseline and an aftermath can be measured."""

_DAYS_BETWEEN = 35  # between two promotions of one product: a baseline of four weeks and a washout week
_DURATIONS = np.array([7, 10, 14, 21])
_UNITS_PER_USER_DAY = 0.22  # order lines per user and day of the window: about 163 lines over 728 days
_MEASURABLE_UNITS = 20  # units in two weeks without promotion that make an effect measurable
_THIN_SHARE, _PLACEBO_SHARE, _FLOP_SHARE = 0.12, 0.2, 0.08
_TRIES = 10
_NEARBY_DAYS = (
    10  # a promotion beside another one of its product starts at most this many days before or after it
)

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
    """One line of the ledger: a product in a promotion, and its true effect.

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
    """Effects of the promotions so far, one entry per line of the ledger.

    Attributes:
        base_units: units that would have sold without the promotion, but with the product's other promotions: realised
            if it ran alone, else expected.
        extra_units: units sold beyond them; negative if fewer were sold.
        lost_units: units that the aisle's unpromoted products lost to it.
    """

    base_units: Floats
    extra_units: Floats
    lost_units: Floats

    @classmethod
    def start(cls, ledger: Sequence[PromotedProduct]) -> "UpliftTally":
        """An empty tally."""
        return cls(*(np.zeros(len(ledger)) for _ in range(3)))


def draw_ledger(
    catalogue: Catalogue, users: int, calendar: OrderCalendar, seed: int, world: World
) -> list[PromotedProduct]:
    """Invent the promotions: about one per 250 users, 24 to 240, each of one to six products of an aisle.

    Most products sell enough for their effect to be measured, some do not. Promotions of one product are far apart,
    except for the share that the world lets run side by side.

    Raises:
        ValueError: if the calendar's window leaves no full-coverage days for promotions.
    """
    first, last = _days_for_promotions(calendar)
    stream = open_stream(seed, Purpose.PROMOTIONS)
    picker = _ProductPicker(catalogue, users, stream)
    ledger: list[PromotedProduct] = []
    for promotion_id in range(1, min(max(users // 250, 24), 240) + 1):
        days = min(int(stream.choice(_DURATIONS)), last - first + 1)
        beside = (
            ledger[int(stream.integers(len(ledger)))] if ledger and stream.random() < world.overlaps else None
        )
        start = int(stream.integers(first, last - days + 2))
        if beside:
            nearby = beside.start + int(stream.integers(-_NEARBY_DAYS, _NEARBY_DAYS + 1))
            start = min(max(nearby, first), last - days + 1)
        mechanic = list(_MECHANICS)[int(stream.integers(len(_MECHANICS)))]
        rates, lifts, openings = _MECHANICS[mechanic]
        rate = float(stream.choice(rates)) if rates else None
        lift = _draw_lift(lifts, stream)
        products = picker.pick(start, start + days - 1, beside.product if beside else None)
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
    *,
    aisle_of: Ints,
    cannibalisation: float = 0.0,
) -> Baskets:
    """Apply the promotions to the baskets of a chunk, and add their effects to ``tally``.

    Extra units go into orders of the same day that lack the product. If a chunk has too few of those (only with
    very few users), they go to other days of the promotion, or of those that overlap it; units that still find no
    order are left out. Units are never taken from baskets of one line; another basket gives one instead.

    Args:
        baskets: the chunk's baskets without promotions.
        visits: the chunk's orders.
        ledger: the promotions.
        tally: their effects so far.
        stream: the chunk's source of randomness.
        aisle_of: aisle of each product.
        cannibalisation: share of the units won that the aisle's unpromoted products lose.
    """
    floor = _ShopFloor(baskets, visits, ledger, aisle_of)
    for episode in _find_episodes(ledger):
        base = floor.lines_of(episode)
        factors = episode.factor_of(floor.day_of(base))
        days = np.arange(episode.start, episode.end + 1)
        usual = floor.count_usual_units(episode, days)
        extras = stream.poisson(usual * np.maximum(episode.factor_of(days) - 1, 0.0))
        won = floor.add(episode, base, np.repeat(days, extras), stream)
        for factor in np.unique(factors[factors < 1]):
            lines = base[factors == factor]
            floor.remove(lines, int(stream.binomial(len(lines), 1 - factor)), stream)
        mates = floor.mates_of(episode)
        lost = floor.remove(mates, int(stream.binomial(len(won), cannibalisation)), stream)
        episode.count(tally, base_days=floor.day_of(base), sold_days=floor.days_sold(base, won), lost=lost)
    return floor.baskets()


@dataclass(frozen=True)
class _Episode:
    """Overlapping promotions of one product as a unit: the product, first and last day, and lines of the ledger."""

    product: int
    start: int
    end: int
    promotions: tuple[tuple[int, PromotedProduct], ...]

    def factor_of(self, days: Ints) -> Floats:
        """Factor on the expected units of each of the given days, all promotions together."""
        factors = np.ones(len(days))
        for _, promoted in self.promotions:
            factors *= np.where(_runs_on(promoted, days), promoted.lift, 1.0)
        return factors

    def count(self, tally: UpliftTally, *, base_days: Ints, sold_days: Ints, lost: int) -> None:
        """Add to a tally the units sold, those expected without each promotion, and those the aisle lost."""
        gains = np.array([max(promoted.lift - 1, 0.0) for _, promoted in self.promotions])
        factors = self.factor_of(base_days)
        for (at, promoted), gain in zip(self.promotions, gains, strict=True):
            runs = _runs_on(promoted, base_days)
            base = (factors[runs] / promoted.lift).sum()
            tally.base_units[at] += base
            tally.extra_units[at] += _runs_on(promoted, sold_days).sum() - base
            tally.lost_units[at] += lost * gain / gains.sum() if lost else 0.0


def _runs_on(promoted: PromotedProduct, days: Ints) -> Flags:
    return (days >= promoted.start) & (days <= promoted.end)


def _find_episodes(ledger: Sequence[PromotedProduct]) -> list[_Episode]:
    """The ledger's lines by product, overlapping ones grouped together."""
    episodes: list[_Episode] = []
    for at, promoted in sorted(enumerate(ledger), key=lambda line: (line[1].product, line[1].start)):
        last = episodes[-1] if episodes else None
        if last and last.product == promoted.product and promoted.start <= last.end:
            end, lines = max(last.end, promoted.end), (*last.promotions, (at, promoted))
            episodes[-1] = _Episode(last.product, last.start, end, lines)
        else:
            episodes.append(_Episode(promoted.product, promoted.start, promoted.end, ((at, promoted),)))
    return episodes


def date_of(day: int, calendar: OrderCalendar) -> date:
    """The date this many days after the start of the calendar's window."""
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
    """The lift around which a promotion's products vary: often a gain, sometimes none, rarely a loss."""
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

    def pick(self, start: int, end: int, beside: int | None) -> list[int]:
        """A lead product and up to five more of its aisle, without another promotion close by; may be empty.

        Args:
            start: first day of the promotion.
            end: its last day.
            beside: the lead product, even if it has another promotion; None to choose one that has none close by.
        """
        thin = self.stream.random() < _THIN_SHARE
        low, high = (self._reach, self.catalogue.size // 2) if thin else (1, self._reach)
        ranks = (
            np.exp(self.stream.uniform(np.log(low), np.log(max(high, low + 1)), _TRIES)).astype(np.int64) - 1
        )
        free = [int(product) for product in self._ranked[ranks] if self._is_free(int(product), start, end)]
        leads = free if beside is None else [beside]
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
    """A chunk's baskets while promotions are applied to them."""

    def __init__(
        self, baskets: Baskets, visits: Visits, ledger: Sequence[PromotedProduct], aisle_of: Ints
    ) -> None:
        self._before, self._day = baskets, visits.day
        self._aisle_of = aisle_of
        self._sizes = np.bincount(baskets.order, minlength=len(visits.day))
        self._lines_on = np.zeros(_last_day(ledger, visits) + ROOM_DAYS + 1)
        np.add.at(self._lines_on, visits.day, self._sizes)
        filled = np.flatnonzero(self._sizes)
        self._orders = filled[np.argsort(visits.day[filled], kind="stable")]  # orders with a basket, by day
        self._days = visits.day[self._orders]
        promoted = np.unique([line.product for line in ledger])
        is_promoted = np.isin(baskets.product, promoted)
        self._promoted = _Shelf(np.flatnonzero(is_promoted), baskets.product)
        aisle = aisle_of[baskets.product]
        is_mate = np.isin(aisle, aisle_of[promoted]) & ~is_promoted if len(promoted) else is_promoted
        self._mates = _Shelf(np.flatnonzero(is_mate), aisle)
        self._kept = np.ones(len(baskets.order), np.bool_)
        self._extra_orders: list[Ints] = []
        self._extra_products: list[Ints] = []
        self._holds: Flags = np.zeros(len(visits.day), np.bool_)

    def lines_of(self, episode: _Episode) -> Ints:
        """Lines that hold the product on a day of its promotions."""
        return self._within(self._promoted.find(episode.product), episode)

    def mates_of(self, episode: _Episode) -> Ints:
        """Lines of those days with a never promoted product of the aisle."""
        return self._within(self._mates.find(int(self._aisle_of[episode.product])), episode)

    def _within(self, lines: Ints, episode: _Episode) -> Ints:
        days = self.day_of(lines)
        return lines[(days >= episode.start) & (days <= episode.end)]

    def day_of(self, lines: Ints) -> Ints:
        """The day of each line."""
        return self._day[self._before.order[lines]]

    def count_usual_units(self, episode: _Episode, days: Ints) -> Floats:
        """Units that the product would usually sell on each day, by its share of all lines in the weeks around."""
        first, last = max(episode.start - ROOM_DAYS, 0), episode.end + ROOM_DAYS
        of_product = self.day_of(self._promoted.find(episode.product))
        units = ((of_product >= first) & (of_product <= last)).sum()
        usual: Floats = units * self._lines_on[days] / max(self._lines_on[first : last + 1].sum(), 1)
        return usual

    def days_sold(self, base: Ints, won: Ints) -> Ints:
        """The day of each unit sold: from the base lines that are left, and the orders that gained a unit."""
        return np.concatenate([self.day_of(base[self._kept[base]]), self._day[won]])

    def add(self, episode: _Episode, base: Ints, wanted: Ints, stream: np.random.Generator) -> Ints:
        """Add a unit on each of the wanted days, to orders that have none of the base lines; returns those orders."""
        holders = self._before.order[base]
        self._holds[holders] = True
        placed, left = self._place(wanted, wanted, stream)
        anywhere = np.full(left, episode.start), np.full(left, episode.end)
        moved, _ = self._place(*anywhere, stream)
        chosen = np.concatenate([placed, moved])
        self._holds[holders] = self._holds[chosen] = False
        self._sizes[chosen] += 1
        self._extra_orders.append(chosen)
        self._extra_products.append(np.full(len(chosen), episode.product))
        return chosen

    def remove(self, lines: Ints, count: int, stream: np.random.Generator) -> int:
        """Remove ``count`` of the given lines, never a basket's only one; returns how many were removed."""
        if not count:
            return 0
        # At most one line per basket is removed at a time, so that no basket is emptied.
        order = stream.permutation(lines[self._kept[lines] & (self._sizes[self._before.order[lines]] > 1)])
        chosen = order[np.sort(first_of_each(self._before.order[order]))][:count]
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
        """Distinct orders without the product, for units wanted between two days each; and how many found none."""
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


def _last_day(ledger: Sequence[PromotedProduct], visits: Visits) -> int:
    """The last day on which anything is sold or promoted."""
    return max([int(visits.day.max()), *(promoted.end for promoted in ledger)])


class _Shelf:
    """Lines sorted by the thing they hold."""

    def __init__(self, lines: Ints, held: Ints) -> None:
        self._lines = lines[np.argsort(held[lines], kind="stable")]
        self._held = held[self._lines]

    def find(self, thing: int) -> Ints:
        """The lines that hold a thing."""
        low, high = np.searchsorted(self._held, [thing, thing + 1])
        return self._lines[low:high]
